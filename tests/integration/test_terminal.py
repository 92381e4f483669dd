"""`raw` and `script` have a terminal over ssh where they have one in stock."""

from __future__ import annotations

import json

from tests.support.ansible_run import OURS, STOCK, World
from tests.support.compare import differences

_LOOK = (
    "test -t 0 && test -t 1 && test -t 2 && echo all; echo err >&2; stty -a | grep -o -- '.echo '"
)


def test_the_same_as_stock(world: World) -> None:
    """Output of both kinds, status, and what ssh says at the end; also of what becomes root."""
    hosts = world.inventory["all"]["hosts"]
    hosts["far"]["ansible_ssh_use_tty"] = True
    script = world.folder / "script.sh"
    script.write_text("#!/bin/sh\ntest -t 1 && echo terminal\necho $1 >&2\nexit 3\n")
    tasks = [
        {"name": "raw", "raw": _LOOK},
        {"name": "raw that fails", "raw": "echo out; exit 7", "ignore_errors": True},
        {"name": "raw as root", "ansible.builtin.raw": f"id -un; {_LOOK}", "become": True},
        {
            "name": "raw in a shell",
            "raw": "echo $0; test -t 0",
            "args": {"executable": "/bin/bash"},
        },
        {"name": "script", "script": f"{script} one", "ignore_errors": True},
        {
            "name": "script as root",
            "ansible.legacy.script": f"{script} two",
            "become": True,
            "failed_when": False,
        },
        {"name": "none", "raw": "test -t 0 || echo none", "vars": {"ansible_ssh_use_tty": False}},
        {"name": "a module", "shell": "test -t 0 || echo none"},
    ]
    playbook = world.folder / "terminal.yml"
    playbook.write_text(json.dumps([{"hosts": "far", "gather_facts": False, "tasks": tasks}]))
    stock = world.run(playbook, STOCK)
    world.close_masters()
    ours = world.run(playbook, OURS)
    assert stock.returncode == ours.returncode == 0, stock.output + ours.output
    found = differences(stock, ours)
    assert not found, "\n".join(str(one) for one in found)
    assert "all\r\n" in ours.events_of("raw")[0].result["stdout"]
    assert "stock" not in {line.way for line in ours.trace}


def test_one_that_the_arguments_ask_for(world: World) -> None:
    """They have it also where `use_tty` says no, and nothing else of the host is left to stock."""
    far = world.inventory["all"]["hosts"]["far"]
    far.update(ansible_ssh_use_tty=False, ansible_ssh_extra_args="-o RequestTTY=force")
    # Input does not end at a terminal: old cores wait for ever when they send any, as for these.
    far.update(ansible_pipelining=False, ansible_python_interpreter="/usr/bin/python3")
    tasks = [
        {"name": "raw", "raw": _LOOK},
        {"name": "raw as root", "raw": f"id -un; {_LOOK}", "become": True},
        {"name": "a module", "command": "id -un", "become": True},
        {"name": "a file", "slurp": {"src": "/etc/hostname"}},
    ]
    playbook = world.folder / "asked.yml"
    playbook.write_text(json.dumps([{"hosts": "far", "gather_facts": False, "tasks": tasks}]))
    stock, ours = world.run(playbook, STOCK), world.run(playbook, OURS)
    assert stock.returncode == ours.returncode == 0, stock.output + ours.output
    found = differences(stock, ours)
    assert not found, "\n".join(str(one) for one in found)
    assert "all\r\n" in ours.events_of("raw as root")[0].result["stdout"]
    assert "stock" not in {line.way for line in ours.trace}
