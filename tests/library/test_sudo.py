"""`router.sudo()` with real sudo: from this process, through ssh, with and without password."""

from __future__ import annotations

import logging
import os
import traceback
from typing import Any

import pytest

import mitogen.core
import mitogen.parent
import mitogen.sudo
from mitogen.errors import PythonNotFoundError
from tests.library import remote_functions as remote
from tests.library.conftest import Connect
from tests.support import processes
from tests.support.sshd import Sshd

PYTHON = "/usr/bin/python3"


def test_to_another_user_of_this_machine(router: Any, sshd: Sshd) -> None:
    """Nobody asks root for a password."""
    account = sshd.account("plain")
    context = router.sudo(username=account.username, python_path=PYTHON)
    assert context.call(remote.user_name) == account.username
    assert context.name == f"sudo.{account.username}"


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "tcsh", "fish"])
@pytest.mark.parametrize("login", [False, True], ids=["plain", "login"])
def test_through_ssh_to_root(router: Any, ssh: Connect, shell: str, login: bool) -> None:
    """Of an account that may, without a password; also through root's login shell."""
    context = router.sudo(via=ssh(shell), login=login, python_path=PYTHON)
    assert context.call(os.getuid) == 0
    assert context.name.endswith(".sudo.root")


@pytest.mark.parametrize("shell", ["bash", "dash", "zsh", "tcsh", "fish"])
def test_into_every_login_shell(router: Any, sshd: Sshd, shell: str) -> None:
    """``sudo -i`` escapes the command line for that shell."""
    account = sshd.account(shell)
    context = router.sudo(username=account.username, login=True, python_path=PYTHON)
    assert context.call(remote.user_name) == account.username
    assert context.call(remote.environment, "HOME") == account.home


def test_with_a_password(router: Any, ssh: Connect, sshd: Sshd) -> None:
    """It is typed on a terminal that sudo alone sees."""
    account = sshd.account("sudopass")
    context = router.sudo(via=ssh("sudopass"), password=account.password, python_path=PYTHON)
    assert context.call(os.getuid) == 0
    assert context.call(remote.echo, b"\x03\x04\r\n" * 1000) == b"\x03\x04\r\n" * 1000


def test_with_a_wrong_password(router: Any, ssh: Connect) -> None:
    """PasswordError; the context that tried lives on."""
    via = ssh("sudopass")
    with pytest.raises(mitogen.sudo.PasswordError, match="did not accept"):
        router.sudo(via=via, password="certainly not")
    assert via.call(remote.echo, 1) == 1


def test_without_the_password(router: Any, ssh: Connect) -> None:
    """PasswordError, without waiting for anything."""
    with pytest.raises(mitogen.sudo.PasswordError, match="password"):
        router.sudo(via=ssh("sudopass"))


def test_of_a_user_who_may_not(router: Any, ssh: Connect, sshd: Sshd) -> None:
    """A typed error with what sudo says."""
    with pytest.raises(mitogen.core.StreamError):
        router.sudo(via=ssh("plain"))
    password = sshd.account("password").password
    via = ssh("password", password=password)
    with pytest.raises(mitogen.core.StreamError, match="sudoers"):
        router.sudo(via=via, password=password)


def test_to_a_user_who_does_not_exist(router: Any) -> None:
    """A typed error with what sudo says."""
    with pytest.raises(mitogen.parent.EofError, match="no-such-user"):
        router.sudo(username="no-such-user")


def test_without_a_python(router: Any) -> None:
    """The typed error crosses contexts."""
    for via in (None, router.local()):
        with pytest.raises(PythonNotFoundError, match="python_path"):
            router.sudo(via=via, python_path="/no/such/python")


def test_the_environment_on_request(router: Any, sshd: Sshd) -> None:
    """``set_home`` and more of sudo's options by `sudo_args`."""
    account = sshd.account("plain")
    context = router.sudo(sudo_args=["-H", "-u", account.username], python_path=PYTHON)
    assert context.call(remote.environment, "HOME") == account.home
    assert context.call(remote.environment, "SUDO_USER") is not None


def test_the_end_of_a_context_under_sudo(router: Any, ssh: Connect, sshd: Sshd) -> None:
    """A user cannot signal sudo, whose processes go with their link; with and without terminal."""
    account = sshd.account("sudopass")
    via = ssh("sudopass")
    context = router.sudo(via=via, password=account.password, python_path=PYTHON)
    pids = [context.call(os.getpid), context.call(os.getppid)]
    context.call_no_reply(remote.ignore_term_and_hang)
    via.shutdown(wait=True, timeout=20)
    processes.wait_gone(pids)


def test_secrets_show_nowhere(
    router: Any, ssh: Connect, sshd: Sshd, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in logs of any context, command lines or tracebacks, on this side or that."""
    caplog.set_level(logging.DEBUG)
    router.enable_debug()
    password = sshd.account("sudopass").password
    via = ssh("sudopass")
    context = router.sudo(via=via, password=password, python_path=PYTHON)
    context.call(remote.echo, 1)
    arguments = [entry.args for entry in processes.table().values()]
    wrong = "a wrong passw0rd"
    shown = [repr(context.connection.__dict__), repr(context), *arguments]
    try:
        router.sudo(via=via, password=wrong)
    except mitogen.sudo.PasswordError as exc:
        shown += traceback.format_exception(exc)
    via.call(remote.echo, 1)
    for text in (*shown, caplog.text):
        assert password not in text
        assert wrong not in text


CHAINS = {
    "ssh-sudo": ["ssh", "sudo"],
    "local-sudo": ["local", "sudo"],
    "ssh-local": ["ssh", "local"],
    "ssh-sudo-local": ["ssh", "sudo", "local"],
    "local-ssh-sudo": ["local", "ssh", "sudo"],
    "sudo-ssh-sudo-local": ["sudo", "ssh", "sudo", "local"],
}


@pytest.mark.parametrize("methods", CHAINS.values(), ids=CHAINS)
@pytest.mark.parametrize("wait", [True, False], ids=["blocking", "at-once"])
def test_chains(router: Any, ssh: Connect, sshd: Sshd, methods: list[str], wait: bool) -> None:
    """Each context starts the next one, also when none of them is up yet."""
    contexts: list[Any] = []
    via = None
    for method in methods:
        options: dict[str, Any] = {"via": via, "wait": wait}
        if method == "ssh":
            via = ssh("bash", identity_file=str(sshd.key), **options)
        else:
            via = getattr(router, method)(python_path=PYTHON, **options)
        contexts.append(via)
    receivers = [context.call_async(remote.identity) for context in contexts]
    found = [receiver.get(60).unpickle() for receiver in receivers]
    for index, (_pid, _parent, context_id, parent_ids, is_master) in enumerate(found):
        assert context_id == contexts[index].context_id
        assert parent_ids == [context.context_id for context in reversed(contexts[:index])] + [0]
        assert not is_master
    assert contexts[-1].call(remote.echo, b"x" * 1_000_000) == b"x" * 1_000_000


def test_what_waits_in_a_chain_fails_with_its_first_link(router: Any, ssh: Connect) -> None:
    """Every call to any context of the chain."""
    first = ssh("password", password="wrong", wait=False)
    second = router.sudo(via=first, wait=False)
    third = router.local(via=second, wait=False)
    receivers = [context.call_async(os.getpid) for context in (third, second, first)]
    for receiver in receivers:
        with pytest.raises(mitogen.core.ChannelError, match="accepted"):
            receiver.get(30)


def test_the_loss_of_a_link_in_a_chain(router: Any, ssh: Connect) -> None:
    """Everything behind it is gone, everything before it goes on."""
    top = ssh("bash")
    middle = router.sudo(via=top, python_path=PYTHON)
    bottom = router.local(via=middle)
    pids = [middle.call(os.getpid), bottom.call(os.getpid)]
    with pytest.raises(mitogen.core.ChannelError):
        middle.call(remote.kill_self)
    with pytest.raises(mitogen.core.ChannelError):
        bottom.call(remote.echo, 1)
    assert top.call(remote.echo, 1) == 1
    processes.wait_gone(pids)
