"""`router.ssh()` against a real sshd: logins, shells, refusals."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mitogen.core
import mitogen.parent
import mitogen.ssh
from mitogen.errors import ConnectTimeoutError, PythonNotFoundError
from tests.library import remote_functions as remote
from tests.library.conftest import Connect
from tests.support import processes
from tests.support.sshd import Sshd

SOON = 20.0


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "tcsh", "fish"])
def test_every_login_shell(ssh: Connect, sshd: Sshd, shell: str) -> None:
    """The command line survives it, and values come back as they went."""
    account = sshd.account(shell)
    context = ssh(shell)
    value = {"text": "ünïcödé '\"$!\\\n", "bytes": bytes(range(256))}
    assert context.call(remote.echo, value) == value
    assert context.call(remote.environment, "HOME") == account.home
    assert context.call(remote.command_line).startswith("mitogen:")


def test_a_password_logs_in(ssh: Connect, sshd: Sshd) -> None:
    """Of an account that has no key."""
    account = sshd.account("password")
    assert ssh("password", password=account.password).call(remote.user_name) == account.username


def test_a_wrong_password(ssh: Connect) -> None:
    """PasswordError, although ssh would ask again."""
    with pytest.raises(mitogen.ssh.PasswordError, match="accepted"):
        ssh("password", password="certainly not")


def test_a_key_with_a_passphrase(ssh: Connect, sshd: Sshd, tmp_path: Path) -> None:
    """The right one opens it; a wrong one, and none, are a PasswordError."""
    key = tmp_path / "key"
    key.write_bytes(sshd.key.read_bytes())
    key.chmod(0o600)
    argv = ["ssh-keygen", "-p", "-q", "-P", "", "-N", "sesame", "-f", str(key)]
    subprocess.run(argv, check=True, capture_output=True, timeout=30)
    given = {
        "identity_file": str(key),
        "ssh_args": ["-F", "/dev/null"],
        "check_host_keys": "ignore",
    }
    name = sshd.account("bash").username
    assert ssh("bash", key_passphrase="sesame", **given).call(remote.user_name) == name
    for wrong in ({"key_passphrase": "poppy"}, {}):
        with pytest.raises(mitogen.ssh.PasswordError, match="accepted"):
            ssh("bash", **given, **wrong)


@pytest.mark.parametrize("key", ["user_key", "host_key"], ids=["asked", "nothing-accepted"])
def test_no_password(ssh: Connect, sshd: Sshd, key: str) -> None:
    """PasswordError when none was given and keys do not do."""
    suffix = "password" if key == "user_key" else "plain"
    with pytest.raises(mitogen.ssh.PasswordError, match="accepted"):
        ssh(suffix, identity_file=str(sshd.folder / key), ssh_args=["-F", "/dev/null"],
            check_host_keys="ignore")  # fmt: skip


@pytest.mark.parametrize("is_changed", [False, True], ids=["unknown", "changed"])
def test_a_host_key_that_is_not_the_known_one(
    ssh: Connect, sshd: Sshd, tmp_path: Path, is_changed: bool
) -> None:
    """HostKeyError, at once and also with a password at hand."""
    known = tmp_path / "known_hosts"
    other_key = (sshd.folder / "user_key.pub").read_text()
    known.write_text(f"[{sshd.host}]:{sshd.port} {other_key}" if is_changed else "")
    arguments = ["-F", str(sshd.client_config), "-o", f"UserKnownHostsFile={known}"]
    for password in (None, sshd.account("password").password):
        with pytest.raises(mitogen.ssh.HostKeyError):
            ssh("password", password=password, ssh_args=arguments)


@pytest.mark.parametrize("policy", ["accept", "ignore"])
def test_unknown_host_keys_on_request(
    ssh: Connect, sshd: Sshd, tmp_path: Path, policy: str
) -> None:
    """``accept`` stores the key, ``ignore`` does not."""
    known = tmp_path / "known_hosts"
    arguments = ["-F", "/dev/null", "-i", str(sshd.key)]
    if policy == "accept":
        arguments += ["-o", f"UserKnownHostsFile={known}"]
    assert ssh("plain", ssh_args=arguments, check_host_keys=policy).call(remote.echo, 1) == 1
    assert known.exists() == (policy == "accept")


def test_a_refused_connection(ssh: Connect) -> None:
    """What ssh says is part of the error."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(mitogen.parent.EofError, match="Connection refused"):
            ssh("plain", port=unused.getsockname()[1])


def test_an_unknown_name(ssh: Connect) -> None:
    """What ssh says is part of the error."""
    with pytest.raises(mitogen.core.StreamError, match="resolve hostname"):
        ssh("plain", hostname="no-such-host.invalid")


def test_a_server_that_says_nothing(ssh: Connect) -> None:
    """ConnectTimeoutError after connect_timeout; it is a TimeoutError and a StreamError."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(ConnectTimeoutError) as caught:
            ssh("plain", port=silent.getsockname()[1], connect_timeout=0.5)
    assert isinstance(caught.value, mitogen.core.TimeoutError)


def test_no_ssh_client(router: Any) -> None:
    """The error names the program."""
    with pytest.raises(mitogen.core.StreamError, match="no-such-ssh"):
        router.ssh(hostname="h", ssh_path="/usr/bin/no-such-ssh")


def test_no_usable_python(ssh: Connect) -> None:
    """A typed error that says what to do."""
    with pytest.raises(PythonNotFoundError, match="python_path"):
        ssh("plain", python_path="/no/such/python")


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh", "fish"])
def test_noisy_login_scripts(
    ssh: Connect, sshd: Sshd, login_script: Callable[[str, str], None], shell: str
) -> None:
    """What they print goes before the marker, whatever it looks like."""
    login_script(shell, "echo Welcome; echo MITOGEN1 x up; echo 'password:' >&2; cat /bin/true")
    assert ssh(shell).call(remote.echo, 1) == 1


def test_a_login_script_that_ends_the_login(
    ssh: Connect, login_script: Callable[[str, str], None]
) -> None:
    """EofError with its last words."""
    login_script("bash", "echo this account is closed; exit 3")
    with pytest.raises(mitogen.parent.EofError, match="this account is closed"):
        ssh("bash")


def test_a_cut_connection(ssh: Connect, router: Any) -> None:
    """The client is killed: whoever waits is told, and the far side ends."""
    context = ssh("plain")
    pid = context.call(os.getpid)
    waiting = context.call_async(remote.hang)
    (client,) = [e for e in processes.descendants() if e.args.startswith("ssh ")]
    os.kill(client.pid, signal.SIGKILL)
    with pytest.raises(mitogen.core.ChannelError):
        waiting.get(SOON)
    processes.wait_gone([pid])


def test_a_killed_session(ssh: Connect) -> None:
    """The far side dies: whoever waits is told."""
    context = ssh("plain")
    pid = context.call(os.getpid)
    waiting = context.call_async(remote.hang)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(mitogen.core.ChannelError):
        waiting.get(SOON)


def test_contexts_are_built_in_parallel(ssh: Connect) -> None:
    """``wait=False`` returns at once; calls wait for the connect."""
    contexts = [ssh("plain", wait=False) for _ in range(4)]
    receivers = [context.call_async(os.getpid) for context in contexts]
    pids = {receiver.get(60).unpickle() for receiver in receivers}
    assert len(pids) == 4
    assert all(context.connection.is_up for context in contexts)


def test_what_waits_for_a_connect_fails_with_it(ssh: Connect) -> None:
    """Each with the text of the typed error, which the connection holds."""
    context = ssh("password", password="wrong", wait=False)
    receivers = [context.call_async(os.getpid) for _ in range(3)]
    context.call_no_reply(os.getpid)
    for receiver in receivers:
        with pytest.raises(mitogen.core.ChannelError, match="accepted"):
            receiver.get(SOON)
    assert isinstance(context.connection.error, mitogen.ssh.PasswordError)
    with pytest.raises(mitogen.core.ChannelError):
        context.call(remote.echo, 1)


def test_shutdown_while_connecting(ssh: Connect, router: Any) -> None:
    """CancelledError; the client is ended."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        context = ssh("plain", port=silent.getsockname()[1], wait=False)
        router.broker.defer_sync(int)
        router.broker.shutdown()
        with pytest.raises(mitogen.parent.CancelledError, match="shutting down"):
            context.connection.wait()


def test_secrets_show_nowhere(
    ssh: Connect, sshd: Sshd, router: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in logs, command lines, environments, representations or tracebacks."""
    caplog.set_level(logging.DEBUG)
    router.enable_debug()
    password = sshd.account("password").password
    context = ssh("password", password=mitogen.core.Secret(password))
    context.call(remote.echo, 1)
    places = [repr(context), repr(context.connection.__dict__), caplog.text]
    for entry in processes.descendants():
        places.append(entry.args)
        places.append(_environment_of(entry.pid))
    wrong = "a wrong passw0rd"
    try:
        ssh("password", password=wrong)
    except mitogen.ssh.PasswordError as exc:
        places += traceback.format_exception(exc)
    for place in (*places, caplog.text):
        assert password not in place
        assert wrong not in place


def _environment_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace")
    except OSError:
        return ""
