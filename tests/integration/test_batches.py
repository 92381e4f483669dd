"""What is kept of the hosts that a batch of `serial` is done with."""

from __future__ import annotations

import json

from tests.support.ansible_run import OURS, World
from tests.support.sshd import Sshd


def test_hosts_that_are_done_with(world: World, sshd: Sshd) -> None:
    """They are logged out of when the next batch is done; who is needed each time stays."""
    hosts = world.inventory["all"]["hosts"]
    mark = world.folder.name
    far = {**hosts["far"], "ansible_python_interpreter": "/usr/bin/python3"}
    batches = {
        name: {**far, "ansible_ssh_extra_args": f"-o SetEnv=LC_A={mark}-{name}"}
        for name in ("one", "two", "three", "four", "five")
    }
    world.inventory["all"]["children"] = {"batches": {"hosts": batches}}
    logins = f"pgrep -fc '^ssh .*[S]etEnv=LC_A={mark}'"
    tasks = [
        {"name": "who", "command": "id -un"},
        {"name": "beside", "command": "id -un", "delegate_to": "far"},
        # Until what is ended has ended: that of the batch before, and this one's own.
        {"name": "logins", "shell": logins, "delegate_to": "here", "register": "found",
         "until": "found.stdout | int <= 2", "retries": 100, "delay": 0.1},
    ]  # fmt: skip
    play = {"hosts": "batches", "serial": 1, "gather_facts": False, "tasks": tasks}
    playbook = world.folder / "batches.yml"
    playbook.write_text(json.dumps([play]))
    before = len(sshd.log)
    run = world.run(playbook, OURS)
    assert run.returncode == 0, run.output
    counts = {event.host: event.result["stdout"] for event in run.events_of("logins")}
    assert counts == {"one": "1", **dict.fromkeys(["two", "three", "four", "five"], "2")}
    # One for each host, and one for that which all of them need.
    name = sshd.account("bash").username
    assert sshd.log[before:].count(f"Accepted publickey for {name} ") == len(batches) + 1
