"""Hosts that have run out of something: room on a disk, descriptors, processes."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import Difference, differences
from tests.support.sshd import Sshd

Task = Mapping[str, object]

#: Failures of any kind, and what takes far too long.
_MAY_FAIL = {"ignore_errors": True, "ignore_unreachable": True, "timeout": 20}


def _playbook(world: World, hosts: str, tasks: Sequence[Task]) -> Path:
    path = world.folder / "play.yml"
    play = {"hosts": hosts, "gather_facts": False, "tasks": [{**_MAY_FAIL, **t} for t in tasks]}
    path.write_text(json.dumps([play]))
    return path


def _outcomes(run: Run, task: str) -> dict[str, tuple[str, str]]:
    """Status and message by host."""
    return {
        event.host: (event.status, str(event.result.get("msg", "")))
        for event in run.events_of(task)
    }


# Disks -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """64 KiB."""
    options = "mode=1777,size=64k"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _is_expected(one: Difference) -> bool:
    """Stock says it in the words of three programs that it tried, and warns of each."""
    is_transfer = "failed to transfer file" in str(one.stock) and "No space left" in str(one.ours)
    return (one.field == "msg" and is_transfer) or (
        one.field == "warnings" and "transfer mechanism failed" in str(one.stock)
    )


def test_a_full_disk_as_stock(world: World) -> None:
    """Where files are to go, as the temporary folder, for jobs: same results, nothing is left."""
    disk = world.fresh_folder("disk")
    large = world.folder / "large"
    large.write_bytes(bytes(600_000))
    (world.folder / "template").write_text("{{ 'x' * 500000 }}")
    (world.folder / "script").write_text("echo spoken\n")
    there: dict[str, Any] = {"vars": {"ansible_remote_tmp": f"{disk}/tmp"}}
    made = "{{ run_dir }}/made"
    template = {"src": str(world.folder / "template")}
    tasks: list[Task] = [
        {"name": "copied there", "copy": {"src": str(large), "dest": f"{disk}/x"}},
        {"name": "template there", "template": {**template, "dest": f"{disk}/x"}},
        {"name": "copied through", "copy": {"src": str(large), "dest": made}, **there},
        {"name": "template through", "template": {**template, "dest": made}, **there},
        {"name": "left", "command": f"find {disk} -type f"},
        {"name": "filled", "shell": f"cat /dev/zero > {disk}/filler", "failed_when": False},
        {"name": "line there", "lineinfile": {"path": f"{disk}/x", "line": "x", "create": True}},
        {"name": "line", "lineinfile": {"path": made, "line": "x", "create": True}, **there},
        {"name": "command", "command": "true", **there},
        {"name": "script", "script": str(world.folder / "script"), **there},
        {"name": "job", "command": "true", "async": 9, "poll": 1, "timeout": 0, **there},
        {
            "name": "job tells nobody",
            "command": "true",
            "async": 9,
            "poll": 1,
            "timeout": 0,
            "vars": {"ansible_async_dir": f"{disk}/async"},
        },
        {"name": "as root", "copy": {"content": "x", "dest": made}, "become": True, **there},
        {"name": "left in the end", "command": f"find {disk}"},
        {"name": "next", "command": "true"},
    ]
    runs = {}
    for kind in (STOCK, OURS):
        world.fresh_folder("run")
        with _small_disk(disk):
            runs[kind] = world.run(_playbook(world, "far", tasks), kind, timeout=120)
    found = [one for one in differences(runs[STOCK], runs[OURS]) if not _is_expected(one)]
    assert not found, "\n".join(str(one) for one in found)
    for name in ("copied through", "template through", "script", "job", "as root"):
        (outcome,) = _outcomes(runs[OURS], name).values()
        assert outcome[0] == "ignored"
        assert "No space left on device" in outcome[1], outcome
    assert runs[OURS].events_of("left")[0].result["stdout"] == ""


# Descriptors and processes -------------------------------------------------------------------------


def _limited(world: World, words: str) -> str:
    """A Python there with these limits."""
    program = world.folder / f"python{words.replace(' ', '')}"
    program.write_text(f'#!/bin/bash\nulimit {words} || exit 9\nexec /usr/bin/python3 "$@"\n')
    program.chmod(0o755)
    return str(program)


def test_hardly_any_at_the_login(world: World, sshd: Sshd) -> None:
    """It works, is left to stock Ansible, or fails and says why. It does not hang."""
    hosts = world.inventory["all"]["hosts"]
    hosts.clear()
    login = sshd.inventory_vars(sshd.account("bash"))
    limits = {"few": "-n 6", "less": "-n 9", "some": "-n 14", "enough": "-n 20", "alone": "-u 1"}
    for name, words in limits.items():
        hosts[name] = {**login, "ansible_python_interpreter": _limited(world, words)}
    tasks: list[Task] = [
        {"name": "ping", "ping": {}},
        {"name": "command", "command": "true"},
        {"name": "root", "command": "true", "become": True},
    ]
    run = world.run(_playbook(world, "all", tasks), OURS, timeout=120)
    assert run.returncode == 0, run.output
    for task in ("ping", "command"):
        outcomes = _outcomes(run, task)
        assert outcomes["enough"][0] == "ok"
        status, text = outcomes["some"]
        assert status == "ok" or "Too many open files" in text
    for name in ("few", "less", "alone"):
        assert _outcomes(run, "ping")[name][0] == "ok"
        assert {line.way for line in run.requests if line.host == name} == {"stock"}, run.output
    assert not any("imed out" in event.result.get("msg", "") for event in run.events)


_ANCESTORS = "p=$PPID; for n in 1 2; do p=$(ps -o ppid= -p $p | tr -d ' '); echo $p; done"


def test_none_any_more(world: World, sshd: Sshd) -> None:
    """No process can be started where several ran: it is said at once, and what can run does."""
    hosts = world.inventory["all"]["hosts"]
    hosts.clear()
    # What starts modules, and what starts it and other accounts.
    hosts["modules"] = {**sshd.inventory_vars(sshd.account("bash")), "index": 0}
    hosts["accounts"] = {**sshd.inventory_vars(sshd.account("dash")), "index": 1}
    tasks: list[Task] = [
        {"name": "looks", "shell": _ANCESTORS, "register": "looked"},
        {
            "name": "limits",
            "command": "prlimit --nproc=1 --pid {{ looked.stdout_lines[index] }}",
        },
        {"name": "command", "command": "true"},
        {"name": "raw", "raw": "true"},
        {"name": "root", "command": "id -un", "become": True},
    ]
    run = world.run(_playbook(world, "all", tasks), OURS, timeout=120)
    assert run.returncode == 0, run.output
    status, text = _outcomes(run, "raw")["modules"]
    assert status == "unreachable"
    assert "no process can be started: Resource temporarily unavailable" in text
    assert _outcomes(run, "raw")["accounts"][0] == "ok"
    assert {status for status, _ in _outcomes(run, "root").values()} == {"ok"}, run.output
