"""ssh's own masters, which share one login: the user's is used, and none is left by us."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.sshd import Sshd


@contextlib.contextmanager
def _master(sshd: Sshd, control: Path) -> Iterator[None]:
    """A login of the user's at that control path."""
    argv = sshd.ssh_argv(sshd.account("bash"))
    argv[1:1] = ["-o", f"ControlPath={control}", "-M", "-N", "-f"]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, timeout=30)
    check = ["ssh", "-o", f"ControlPath={control}", "-O", "check", "any"]
    said = subprocess.run(check, check=True, capture_output=True, text=True, timeout=30).stderr
    pid = int(said.partition("pid=")[2].partition(")")[0])
    try:
        yield
    finally:
        # It is no child of ssh any more, but one of ours.
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def _run(world: World) -> Run:
    tasks = [
        {"name": "who", "command": "id -un"},
        {"name": "root", "command": "id -un", "become": True},
        {"name": "raw", "raw": "id -un"},
    ]
    playbook = world.folder / "masters.yml"
    playbook.write_text(json.dumps([{"hosts": "far", "gather_facts": False, "tasks": tasks}]))
    run = world.run(playbook, OURS)
    assert run.returncode == 0, run.output[-3000:]
    assert {line.way for line in run.trace} <= {"module", "command", "operation"}
    return run


@pytest.fixture
def control(world: World, sshd: Sshd) -> Path:
    """The control path that `far` names, where no master is yet."""
    path = world.folder / "master"
    far = world.inventory["all"]["hosts"]["far"]
    far["ansible_python_interpreter"] = "/usr/bin/python3"
    # First: ssh takes the first value of an option, and this configuration names one, too.
    far["ansible_ssh_common_args"] = f"-o ControlPath={path} -F {sshd.client_config}"
    return path


def _logins(log: str, sshd: Sshd) -> int:
    return log.count(f"Accepted publickey for {sshd.account('bash').username} ")


def test_the_users_master_is_used(world: World, sshd: Sshd, control: Path) -> None:
    """There is no login but its own, and it is still there afterwards."""
    before = len(sshd.log)
    with _master(sshd, control):
        run = _run(world)
        assert control.exists()
    assert _logins(sshd.log[before:], sshd) == 1
    name = sshd.account("bash").username
    assert [run.events_of(task)[0].result["stdout"].strip() for task in ("who", "root", "raw")] == [
        name,
        "root",
        name,
    ]


def test_a_reset_stops_it(world: World, sshd: Sshd, control: Path) -> None:
    """The task after it logs in anew, as in stock."""
    tasks = [
        {"name": "before", "command": "id -un"},
        {"meta": "reset_connection"},
        {"name": "after", "command": "id -un"},
    ]
    playbook = world.folder / "reset.yml"
    playbook.write_text(json.dumps([{"hosts": "far", "gather_facts": False, "tasks": tasks}]))
    before = len(sshd.log)
    with _master(sshd, control):
        run = world.run(playbook, OURS)
        assert not control.exists()
    assert run.returncode == 0, run.output
    assert len(run.events_of("after")) == 1
    assert _logins(sshd.log[before:], sshd) == 2


@pytest.mark.parametrize("source", ["ssh_args", "ssh_extra_args", "configuration"])
def test_none_is_left(world: World, sshd: Sshd, control: Path, source: str) -> None:
    """Whoever asks for one."""
    wish = {"ControlMaster": "auto", "ControlPersist": "60s"}
    if source == "configuration":
        config = world.folder / "config"
        lines = "".join(f"{name} {value}\n" for name, value in wish.items())
        config.write_text(lines + sshd.client_config.read_text())
        far = world.inventory["all"]["hosts"]["far"]
        far["ansible_ssh_common_args"] = f"-o ControlPath={control} -F {config}"
    else:
        arguments = " ".join(f"-o {name}={value}" for name, value in wish.items())
        world.environment[f"ANSIBLE_{source.upper()}"] = arguments
    before = len(sshd.log)
    _run(world)
    assert not control.exists()
    assert _logins(sshd.log[before:], sshd) == 1


@pytest.mark.parametrize("kind", [STOCK, OURS])
def test_a_reset_stops_that_of_stock(world: World, kind: str) -> None:
    """A host without a Python is stock Ansible's, and so is the login that is to end."""
    world.inventory["all"]["hosts"]["far"]["ansible_python_interpreter"] = "/no/such/python"
    names = ("before", "the same", "after")
    tasks: list[dict[str, str]] = [{"name": name, "raw": "echo $PPID"} for name in names]
    tasks.insert(2, {"meta": "reset_connection"})
    playbook = world.folder / "reset.yml"
    playbook.write_text(json.dumps([{"hosts": "far", "gather_facts": False, "tasks": tasks}]))
    run = world.run(playbook, kind)
    assert run.returncode == 0, run.output
    before, same, after = (run.events_of(name)[0].result["stdout"] for name in names)
    assert before == same
    assert after != same
