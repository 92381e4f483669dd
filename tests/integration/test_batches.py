"""What is kept of the hosts that a batch of `serial` is done with."""

from __future__ import annotations

import json

from tests.support.ansible_run import OURS, World
from tests.support.sshd import Sshd


def test_hosts_that_are_done_with(world: World, sshd: Sshd) -> None:
    """They are logged out of when the next batch is done; who is needed each time stays."""
    hosts = world.inventory["all"]["hosts"]
    far = {**hosts["far"], "ansible_python_interpreter": "/usr/bin/python3"}
    batches = {
        name: {**far, "ansible_ssh_extra_args": f"-o SetEnv=LC_A={name}"}
        for name in ("one", "two", "three", "four", "five")
    }
    world.inventory["all"]["children"] = {"batches": {"hosts": batches}}
    world.environment["MITOGEN_LOG_LEVEL"] = "DEBUG"
    tasks = [
        {"name": "who", "command": "id -un"},
        {"name": "beside", "command": "id -un", "delegate_to": "far"},
    ]
    play = {"hosts": "batches", "serial": 1, "gather_facts": False, "tasks": tasks}
    playbook = world.folder / "batches.yml"
    playbook.write_text(json.dumps([play]))
    before = len(sshd.log)
    run = world.run(playbook, OURS)
    assert run.returncode == 0, run.output
    # Those of the first four; that of the last one ends with the run.
    assert run.output.count(": ended, unused for ") == len(batches) - 1
    # One for each host, and one for that which all of them need.
    name = sshd.account("bash").username
    assert sshd.log[before:].count(f"Accepted publickey for {name} ") == len(batches) + 1
