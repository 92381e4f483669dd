"""Tasks that are cut short by `timeout:`, and runs that are stopped from outside, at any moment.

See test_ways.py for a run whose own process gets a signal while a module runs, and state/main.yml
for a module that hangs.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.ansible_run import OURS, World
from tests.support.sshd import Sshd

Task = Mapping[str, object]


def _playbook(world: World, hosts: str, tasks: Sequence[Task]) -> Path:
    path = world.folder / "play.yml"
    path.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": tasks}]))
    return path


# The process that a shell's module was forked from, and the context that this one belongs to.
_ANCESTORS = "p=$PPID; for n in 1 2; do p=$(ps -o ppid= -p $p | tr -d ' '); echo $p; done"

# Has the connection read a file, as plugins of collections do.
_READS = """
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        self._connection.fetch_file(self._task.args["path"], "/dev/null")
        return {"changed": False}
"""


@contextlib.contextmanager
def _stopped_go_on() -> Iterator[None]:
    """Have what is stopped go on in the end; the leak check finds out whether it ends then."""
    try:
        yield
    finally:
        for entry in processes.descendants():
            if entry.state == "T":
                os.kill(entry.pid, signal.SIGCONT)


def test_what_does_not_answer_costs_one_task(world: World, sshd: Sshd) -> None:
    """A process of ours there is stopped, or waits for a file: the next task has other ones.

    As with stock Ansible, which would have started what hangs for that one task.
    """
    fifo = world.fresh_folder("run") / "fifo"
    os.mkfifo(fifo, 0o666)
    fifo.chmod(0o666)
    (world.fresh_folder("action") / "reads.py").write_text(_READS)
    world.settings["action_plugins"] = str(world.folder / "action")
    hosts = world.inventory["all"]["hosts"]
    hosts["far"]["stopped"] = 0
    hosts["locked"]["stopped"] = 1
    hosts["reader"] = sshd.inventory_vars(sshd.account("dash"))
    stop = "kill -STOP {{ looked.stdout_lines[stopped] }}"
    tasks: list[Task] = [
        {"name": "looks", "shell": _ANCESTORS, "register": "looked"},
        {"command": stop, "delegate_to": "here", "when": "stopped is defined"},
        {"name": "first", "reads": {"path": str(fifo)}, "timeout": 2, "ignore_errors": True},
        {
            "name": "second",
            "copy": {"content": "x", "dest": "{{ run_dir }}/{{ inventory_hostname }}"},
            "timeout": 30,
        },
        {"name": "third", "command": "id -un", "become": True, "timeout": 30},
    ]
    with _stopped_go_on():
        run = world.run(_playbook(world, "far:locked:reader", tasks), OURS, timeout=90)
    assert run.returncode == 0, run.output
    assert {event.status for event in run.events_of("first")} == {"ignored"}
    assert [event.result["stdout"] for event in run.events_of("third")] == ["root"] * 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_terminal_that_stops_all_of_it(world: World, number: signal.Signals) -> None:
    """Ctrl-C, and a terminal that is closed, reach every process: nothing is left, here or there."""
    folder = world.fresh_folder("run")
    for host in ("far", "here"):
        os.mkfifo(folder / host, 0o666)
        (folder / host).chmod(0o666)
    up = "{{ run_dir }}/{{ inventory_hostname }}"
    tasks = [{"name": "hangs", "shell": f"echo x > {up}; exec sleep 300", "become": True}]
    process = world.start(_playbook(world, "far:here", tasks), OURS)
    for host in ("far", "here"):
        assert (folder / host).read_text() == "x\n"
    os.killpg(process.pid, number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGINT: 99}.get(number, -number), output
    assert ("User interrupted execution" in output) == (number == signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_while_it_connects(world: World, number: signal.Signals) -> None:
    """To a host that says nothing: nobody goes on trying."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        world.inventory["all"]["hosts"]["far"].update(
            ansible_port=server.getsockname()[1], ansible_ssh_timeout=300
        )
        process = world.start(_playbook(world, "far", [{"name": "task", "command": "true"}]), OURS)
        client, _address = server.accept()
        with client:
            os.killpg(process.pid, number)
            process.communicate(timeout=60)
            # The end of ssh, which does not wait for its time to be over.
            client.settimeout(30)
            while client.recv(4096):
                pass
