"""Options of ssh logins from every source, and logins that fail, with the same results as in stock."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_differential import report
from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import Difference, differences
from tests.support.sshd import Sshd, make_key

FOLDER = Path(__file__).parent / "logins"


@contextlib.contextmanager
def _silent() -> Iterator[int]:
    """A port where connections are taken and nothing is said."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        yield server.getsockname()[1]


@contextlib.contextmanager
def _closing() -> Iterator[int]:
    """A port where connections are ended at once."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    client.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextlib.contextmanager
def _agent(folder: Path, key: Path) -> Iterator[Path]:
    """The socket of an agent that has the key."""
    path = folder / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        environment = {**os.environ, "SSH_AUTH_SOCK": str(path)}
        subprocess.run(["ssh-add", "-q", str(key)], env=environment, check=True, timeout=30)
        yield path
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def logins(world: World, sshd: Sshd) -> Iterator[World]:
    """Hosts whose options come from everywhere, and all that their logins need."""
    for program in ("sshpass", "ssh-agent", "ssh-add"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    folder = world.folder
    with contextlib.ExitStack() as stack:
        world.inventory = _inventory(sshd, folder)
        # Stock's own masters carry what one task asked for into others.
        world.environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=no"
        # It answers ssh's question for a password by a program of that name.
        programs = Path(world.python).parent
        world.environment["PATH"] = f"{programs}:{os.environ['PATH']}"
        world.inventory["all"]["vars"] |= {
            "silent_port": stack.enter_context(_silent()),
            "closing_port": stack.enter_context(_closing()),
            "agent": str(stack.enter_context(_agent(folder, sshd.key))),
        }
        yield world


def _inventory(sshd: Sshd, folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    suffixes = ("bash", "dash", "zsh", "password", "sudopass")
    accounts = {suffix: sshd.account(suffix) for suffix in suffixes}
    config = {"ansible_ssh_common_args": f"-F {folder}/client_config"}
    common = {**sshd.inventory_vars(accounts["bash"]), **config}
    word = accounts["password"].password
    secret = {**sshd.inventory_vars(accounts["password"]), **config, "ansible_password": word}
    return {
        "all": {
            "hosts": {"keyed": common, "secret": secret, "bare": {}},
            "children": {
                "group": {
                    "hosts": {"marked": {**common, "mark": "host"}},
                    "vars": {"ansible_ssh_extra_args": "-o SetEnv=LC_MARK={{ mark }}"},
                }
            },
            "vars": {
                **{
                    suffix: accounts[suffix].username
                    for suffix in ("bash", "dash", "zsh", "sudopass")
                },
                "secretive": accounts["password"].username,
                "secretive_password": word,
                "sudopass_password": accounts["sudopass"].password,
                "server_port": sshd.port,
                "known_hosts": str(sshd.known_hosts),
                # Not looked for anew with each account.
                "ansible_python_interpreter": "/usr/bin/python3",
                "mark": "all",
                **_files(sshd, folder, accounts["dash"].username),
            },
        }
    }


def _files(sshd: Sshd, folder: Path, jump_user: str) -> dict[str, str]:
    key = folder / "a key"
    shutil.copy(sshd.key, key)
    key.chmod(0o600)
    wrapper = folder / "wrapper"
    wrapper.write_text('#!/bin/sh\nexec ssh -o SetEnv=LC_ARGS=wrapper "$@"\n')
    wrapper.chmod(0o755)
    changed = folder / "changed_hosts"
    changed.write_text(f"[127.0.0.1]:{sshd.port} {make_key(folder / 'other_key')}")
    bare = folder / "bare_config"
    bare.write_text("IdentityFile none\nGlobalKnownHostsFile /dev/null\nControlPath none\n")
    jump = f"Host jump\n Hostname 127.0.0.1\n Port {sshd.port}\n User {jump_user}\n"
    config = folder / "client_config"
    config.write_text(jump + sshd.client_config.read_text())
    return {
        "copied_key": str(key),
        "wrapper": str(wrapper),
        "changed_hosts": str(changed),
        "bare_config": str(bare),
        "client_config": str(config),
    }


def _compared(world: World, name: str, *arguments: str) -> tuple[Run, list[Difference]]:
    """Our run of the playbook, and what is not as in stock's."""
    stock, ours = (world.run(FOLDER / name, kind, *arguments) for kind in (STOCK, OURS))
    assert stock.returncode == ours.returncode, stock.output[-3000:] + ours.output[-3000:]
    return ours, differences(stock, ours)


def _stdout(run: Run, task: str, host: str) -> str:
    (event,) = [event for event in run.events_of(task) if event.host == host]
    return str(event.result["stdout"])


def test_the_same_as_stock(logins: World) -> None:
    """Every field of every result; every task goes our way."""
    ours, found = _compared(logins, "main.yml")
    assert not found, report(found)
    assert ours.returncode == 0, ours.output[-3000:]
    assert {line.way for line in ours.trace} == {"module", "operation"}
    ran = {event.task for event in ours.events if event.action in {"shell", "copy"}}
    assert {line.task for line in ours.trace if line.way == "module"} == ran
    # That the comparison sees something.
    name = {suffix: logins.inventory["all"]["vars"][suffix] for suffix in ("bash", "dash")}
    assert _stdout(ours, "arguments of a task", "keyed") == f"{name['bash']} <task> <>"
    assert _stdout(ours, "the host once more", "keyed") == f"{name['bash']} <> <>"
    assert _stdout(ours, "the host at last", "marked") == f"{name['bash']} <host> <>"
    assert _stdout(ours, "another program", "keyed") == f"{name['bash']} <> <wrapper>"
    assert _stdout(ours, "the agent", "keyed").endswith(" ssh-ed25519")
    assert _stdout(ours, "the agent no more", "keyed").endswith(" <>")


def test_what_the_command_line_says(logins: World, sshd: Sshd) -> None:
    """And the environment, and ansible.cfg, of which a task takes back what it names itself."""
    variables = logins.inventory["all"]["vars"]
    word = logins.folder / "word"
    word.write_text(variables["secretive_password"])
    hosts = logins.inventory["all"]["hosts"]
    hosts["bare"] = {"ansible_host": sshd.host}
    hosts["worded"] = {"ansible_host": sshd.host, "ansible_user": variables["secretive"]}
    logins.settings["remote_port"] = str(sshd.port)
    logins.environment["ANSIBLE_SSH_EXTRA_ARGS"] = "-o SetEnv=LC_MARK=unseen"
    ours, found = _compared(
        logins,
        "given.yml",
        *("-u", variables["dash"], "-T", "20", "--connection-password-file", str(word)),
        *("--private-key", variables["copied_key"]),
        *(
            "--ssh-common-args",
            f"-F {variables['bare_config']} -o UserKnownHostsFile={sshd.known_hosts}",
        ),
        *("--ssh-extra-args", "-o SetEnv=LC_MARK=given"),
    )
    assert not found, report(found)
    assert ours.returncode == 0, ours.output[-3000:]
    assert {line.way for line in ours.requests} == {"module"}
    assert _stdout(ours, "who, again", "bare") == f"{variables['dash']} <given> <>"
    assert _stdout(ours, "who, again", "worded") == f"{variables['secretive']} <given> <>"


#: What each login fails of; the words are those of ssh, or of the stock plugin.
CAUSES = {
    "nobody there": "port 1: Connection refused",
    "nobody there, tried again": "port 1: Connection refused",
    "no such host": "ssh: Could not resolve hostname nowhere.invalid: ",
    "no such user": "nobody@127.0.0.1: Permission denied (publickey,password).",
    "no key": "Permission denied (publickey,password).",
    "unknown host key": "Host key verification failed.",
    "changed host key": "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!",
    "unknown host key with a password": "not possible because Host Key checking is enabled",
    "no banner": "Connection timed out during banner exchange",
    # Which side is faster decides: "kex_exchange_identification: ", or "banner exchange: ".
    "no ssh server": "exchange",
    "wrong argument": "Bad configuration option: nonsense",
    "unknown switch": "unknown option -- @",
    "no program": "/nowhere/ssh",
    "no proxy": "exchange",
    "raw, nobody there": "port 1: Connection refused",
    "a wrong password": "Permission denied",
    "no password": "Permission denied (password).",
    "no mechanism": "Permission denied (password).",
}


def test_failures(logins: World) -> None:
    """As in stock but for the words around the cause; what follows a failure is not disturbed."""
    ours, found = _compared(logins, "failures.yml")
    others = [one for one in found if not one.field.endswith("msg")]
    assert not others, report(others)
    for one in found:
        for message in (one.stock, one.ours):
            assert CAUSES.get(one.event.split(" | ")[1], "Connection refused") in message
    failed = {event.task for event in ours.events if event.status in {"unreachable", "ignored"}}
    # An older core knows nothing of mechanisms.
    assert failed | {"no mechanism"} == {*CAUSES, "items of which one is nowhere"}
    assert {line.task for line in ours.trace if line.way == "stock"} == {"no program"}
