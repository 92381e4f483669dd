"""Modules for one account run at the same time. Proved by a rendezvous, not by a clock."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.ansible_run import OURS, World

PLAYBOOK = Path(__file__).parent / "state" / "meeting.yml"
GUESTS = [f"guest{number:02}" for number in range(20)]


def test_twenty_modules_meet_on_one_account(world: World) -> None:
    """Delegated to a host, to root there and to this machine: each waits for all the others."""
    folder = world.fresh_folder("run")
    tasks = {"on one host": "far", "on one host as root": "root", "here": "here"}
    for name in tasks.values():
        (folder / name).mkdir()
        (folder / name).chmod(0o777)
    world.settings["forks"] = str(len(GUESTS))
    world.inventory["guests"] = {"hosts": dict.fromkeys(GUESTS, {})}
    world.inventory["all"]["vars"]["ansible_python_interpreter"] = "/usr/bin/python3"
    del world.inventory["all"]["hosts"]["here"]
    world.inventory["all"]["hosts"]["localhost"] = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
    }
    run = world.run(PLAYBOOK, OURS, timeout=300)
    assert run.returncode == 0, run.output[-4000:]
    for task in tasks:
        events = run.events_of(task)
        assert [event.result["met"] for event in events] == [GUESTS] * len(GUESTS), task
        # All of them forked by the one zygote of the account.
        assert len({event.result["parent"] for event in events}) == 1
    assert {(line.way, line.reason) for line in run.requests} == {("module", "")}
