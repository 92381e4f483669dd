"""Every documented way to switch us on takes plain hosts over, and leaves nothing running."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.ansible_run import OURS, PACKAGE, STOCK, WAYS, World
from tests.support.sshd import Sshd

_TASKS: list[dict[str, object]] = [
    {"name": "user", "command": "id -un"},
    {"name": "root", "command": "id -un", "become": True},
]


def _playbook(world: World, hosts: str, tasks: Sequence[Mapping[str, object]]) -> Path:
    path = world.folder / "play.yml"
    path.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": tasks}]))
    return path


@pytest.mark.parametrize("way", WAYS)
def test_each_way_takes_plain_hosts_over(world: World, sshd: Sshd, way: str) -> None:
    """An inventory that says nothing of us runs through us: modules as messages, no stock task."""
    run = world.run(_playbook(world, "far", _TASKS), way)
    assert run.returncode == 0, run.output
    assert run.events_of("user")[0].result["stdout"] == sshd.account("bash").username
    assert run.events_of("root")[0].result["stdout"] == "root"
    assert [line.way for line in run.requests] == ["module", "module"], run.output
    # Of collections that are not installed, say.
    assert "Error loading plugin" not in run.output


@pytest.mark.parametrize("way", ["mitogen_linear", "shadow"])
def test_local_hosts_are_taken_over_too(world: World, way: str) -> None:
    """`ansible_connection: local` becomes ours, for implicit localhost as well."""
    run = world.run(_playbook(world, "here:localhost", _TASKS[:1]), way)
    assert run.returncode == 0, run.output
    assert {line.way for line in run.requests} == {"module"}, run.output
    assert {event.status for event in run.events_of("user")} == {"ok"}


def test_a_host_may_ask_for_us_by_name(world: World) -> None:
    """`ansible_connection: mitogen_ssh` works under the stock strategy, others stay stock."""
    world.inventory["all"]["hosts"]["locked"]["ansible_connection"] = "mitogen_ssh"
    world.settings["connection_plugins"] = str(PACKAGE / "plugins" / "connection")
    run = world.run(_playbook(world, "far:locked", _TASKS), STOCK)
    assert run.returncode == 0, run.output
    assert {(line.host, line.way) for line in run.requests} == {("locked", "module")}


def test_passwords_asked_for_at_start(world: World, sshd: Sshd) -> None:
    """`-k` and `-K`, here from files: login and sudo by password."""
    account = sshd.account("sudopass")
    host = world.inventory["all"]["hosts"]["locked"]
    del host["ansible_become_password"]
    del host["ansible_ssh_private_key_file"]
    host["ansible_ssh_common_args"] += " -o PubkeyAuthentication=no"
    secret = world.folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(account.password)
    passwords = [f"--connection-password-file={secret}", f"--become-password-file={secret}"]
    run = world.run(_playbook(world, "locked", _TASKS), OURS, *passwords, "-vvvvv")
    assert run.returncode == 0, run.output
    assert run.events_of("root")[0].result["stdout"] == "root"
    assert account.password not in run.output


@pytest.mark.parametrize("password", ["", "wrong"])
def test_a_wrong_sudo_password_is_a_clear_failure(world: World, password: str) -> None:
    """No hang: the task fails, says that the password was the trouble, and the next one runs."""
    world.inventory["all"]["hosts"]["locked"]["ansible_become_password"] = password
    tasks: list[dict[str, object]] = [
        {**_TASKS[1], "ignore_errors": True, "ignore_unreachable": True},
        _TASKS[0],
    ]
    run = world.run(_playbook(world, "locked", tasks), OURS, timeout=90)
    assert run.returncode == 0, run.output
    assert "assword" in str(run.events_of("root")[0].result["msg"])
    assert run.events_of("user")[0].status == "ok"


def test_a_wrong_login_password_is_unreachable(world: World, sshd: Sshd) -> None:
    """A refused login makes the host unreachable, as in stock."""
    host = world.inventory["all"]["hosts"]["locked"]
    host.update(ansible_user=sshd.account("password").username, ansible_password="wrong")
    run = world.run(_playbook(world, "locked", _TASKS[:1]), OURS, timeout=90)
    assert run.returncode == 4, run.output
    assert run.events_of("user")[0].status == "unreachable"


def test_an_unknown_host_key_is_unreachable(world: World, sshd: Sshd) -> None:
    """A host whose key is not known is not talked to."""
    empty = world.folder / "empty"
    empty.touch()
    host = world.inventory["all"]["hosts"]["far"]
    host["ansible_ssh_common_args"] = f"-o UserKnownHostsFile={empty} -F {sshd.client_config}"
    run = world.run(_playbook(world, "far", _TASKS[:1]), OURS, timeout=90)
    assert run.returncode == 4, run.output
    assert "key" in str(run.events_of("user")[0].result["msg"]).lower()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_survives_a_signal(world: World, number: signal.Signals) -> None:
    """A playbook that is stopped, even by kill -9, leaves no process here or on the host."""
    started = world.folder / "run"
    world.fresh_folder("run")
    tasks: list[dict[str, object]] = [
        {"name": "starts", "command": "true"},
        {"name": "hangs", "shell": f"echo x > {started}/up; exec sleep 300", "become": True},
    ]
    os.mkfifo(started / "up", 0o666)
    (started / "up").chmod(0o666)
    process = world.start(_playbook(world, "far", tasks), OURS)
    assert process.stdout is not None
    with (started / "up").open() as up:  # waits until the module on the host has come to it
        assert up.read() == "x\n"
    os.kill(process.pid, number)
    process.communicate(timeout=60)
    # The leak check of every test looks for the rest.


def test_verbose_output_says_why_a_task_goes_the_stock_way(world: World) -> None:
    """`-vv` names the reason for a task that is not accelerated."""
    host = world.inventory["all"]["hosts"]["far"]
    host["ansible_python_interpreter"] = "/no/such/python"
    tasks: list[dict[str, object]] = [{"name": "raw works", "raw": "echo raw"}]
    run = world.run(_playbook(world, "far", tasks), OURS, "-vv")
    assert run.returncode == 0, run.output
    assert run.events_of("raw works")[0].result["stdout"] == "raw\n"
    stock = [line for line in run.requests if line.way == "stock"]
    assert stock, run.output
    assert all(line.reason and line.reason in run.output for line in stock)


def test_the_debugger(world: World) -> None:
    """A failed task is stopped at, and its command line asked for, as by the stock strategy."""
    tasks = [{"name": "failing", "command": "/bin/false"}, {"name": "next", "command": "id -un"}]
    playbook = _playbook(world, "far", tasks)
    world.settings["strategy"] = "debug"
    stock = world.run(playbook, STOCK)
    ours = world.run(playbook, "mitogen_debug")
    assert "[far] TASK: failing (debug)>" in stock.output
    assert "[far] TASK: failing (debug)>" in ours.output
    assert ours.returncode == stock.returncode
    assert [event.key for event in ours.events] == [event.key for event in stock.events]
