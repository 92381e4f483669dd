"""What each item of a loop says of its host: the way there, and whom it becomes."""

from __future__ import annotations

import json
import os
import pwd
import shutil
from typing import Any

import pytest

from tests.integration.test_differential import is_accepted, report
from tests.support.ansible_run import OURS, PACKAGE, STOCK, Run, World
from tests.support.compare import differences
from tests.support.sshd import Sshd

SEEN = 'echo "$(id -un) $(echo $SSH_CONNECTION | wc -w) ${WORD-none}"'

# As for `test_differential`.
ACCEPTED = (
    ("items | become | one", "results[0].warnings", "we need no world-readable files"),
    ("items | become | one", "results[2].warnings", "we need no world-readable files"),
    ("items | login | one", "results[1].msg", "ssh's words; ours name the hop, too"),
)


@pytest.fixture
def items(world: World, sshd: Sshd) -> World:
    """The hosts `one` and `two`, whose Python is known."""
    world.inventory["all"]["vars"]["ansible_python_interpreter"] = "/usr/bin/python3"
    world.inventory["all"]["hosts"]["one"] = sshd.inventory_vars(sshd.account("dash"))
    world.inventory["all"]["hosts"]["two"] = sshd.inventory_vars(sshd.account("zsh"))
    # Stock's own masters carry what one item asked for into others.
    world.environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=no"
    return world


def _run(world: World, kind: str, tasks: list[dict[str, Any]]) -> Run:
    playbook = world.folder / "items.yml"
    play = {"name": "items", "hosts": "one", "gather_facts": False, "tasks": tasks}
    playbook.write_text(json.dumps([play]))
    run = world.run(playbook, kind)
    assert run.returncode == 0, run.output[-3000:]
    return run


def _printed(run: Run, task: str) -> list[str]:
    (event,) = run.events_of(task)
    return [item.get("stdout", item.get("msg")) for item in event.result["results"]]


def test_the_same_as_stock(items: World, sshd: Sshd) -> None:
    """An item is where, and who, it says, whatever the one before it said."""
    dash, zsh = sshd.account("dash").username, sshd.account("zsh").username

    def task(name: str, loop: list[Any], **more: Any) -> dict[str, Any]:
        return {"name": name, "shell": SEEN, "loop": loop, **more}

    connections = ["ssh", "local", "ansible.builtin.ssh", "ansible.builtin.local"]
    ignored = {"ignore_errors": True, "ignore_unreachable": True}
    login = {"vars": {"ansible_user": "{{ item }}"}, **ignored}
    word = {"environment": {"WORD": "{{ item }}"}}
    root = {"become": True, "become_user": "root"}
    tasks = [
        task("connection", connections, vars={"ansible_connection": "{{ item }}"}),
        task("become", [True, False, True], become="{{ item }}", become_user=zsh),
        task("flags", ["-H", "-H -i"], become_flags="{{ item }}", **root, **word),
        task("login", [zsh, "nobody", dash], **login),
        task("delegated", ["two", "one", "far", "here"], delegate_to="{{ item }}", **word),
    ]
    stock, ours = _run(items, STOCK, tasks), _run(items, OURS, tasks)
    found = [one for one in differences(stock, ours) if not is_accepted(one, ACCEPTED)]
    assert not found, report(found)
    assert {line.way for line in ours.requests} == {"module"}
    far = sshd.account("bash").username
    assert _printed(ours, "connection") == [f"{dash} 4 none", "root 0 none"] * 2
    assert _printed(ours, "become") == [f"{zsh} 0 none", f"{dash} 4 none", f"{zsh} 0 none"]
    assert _printed(ours, "login")[::2] == [f"{zsh} 4 none", f"{dash} 4 none"]
    assert _printed(ours, "delegated") == [
        f"{zsh} 4 two", f"{dash} 4 one", f"{far} 4 far", "root 0 here"
    ]  # fmt: skip


def _key_for_all(world: World, sshd: Sshd) -> str:
    """A key that every hop can read. Its owner is none of them: ssh would want it for him alone."""
    key = world.folder / "key"
    shutil.copy(sshd.key, key)
    key.chmod(0o644)
    os.chown(key, pwd.getpwnam(sshd.account("password").username).pw_uid, -1)
    return str(key)


def test_the_way_there(items: World, sshd: Sshd) -> None:
    """`mitogen_via` may be each item's own, templates among them; an empty one goes directly."""
    one = items.inventory["all"]["hosts"]["one"]
    one["ansible_ssh_private_key_file"] = _key_for_all(items, sshd)
    items.inventory["all"]["vars"]["gate"] = "{{ other_user }}@two"
    items.settings["action_plugins"] = str(PACKAGE / "plugins" / "action")
    vias = ["far", "", "root@locked", "{{ gate }}", "far"]
    each: dict[str, Any] = {"vars": {"mitogen_via": "{{ item }}"}, "loop": vias}
    tasks: list[dict[str, Any]] = [
        {"name": "who", "command": "id -un", **each},
        {"name": "stack", "mitogen_get_stack": None, **each},
        {"name": "what runs there", "command": "ps -ewwo user:40,args"},
    ]
    before = len(sshd.log)
    run = _run(items, OURS, tasks)
    (stack,) = run.events_of("stack")
    methods = [[hop["method"] for hop in item["result"]] for item in stack.result["results"]]
    by_account = ["ssh", "sudo", "ssh"]
    assert methods == [["ssh", "ssh"], ["ssh"], by_account, by_account, ["ssh", "ssh"]]
    name = sshd.account("dash").username
    assert _printed(run, "who") == [name] * len(vias)
    # Each way is gone once, the first item's and the last one's is the same.
    assert sshd.log[before:].count(f"Accepted publickey for {name} ") == 4
    (shown,) = run.events_of("what runs there")
    lines = [line.split(None, 1) for line in shown.result["stdout_lines"]]
    # Other sessions log in to accounts of these names, too, but with keys of their own.
    ours = [one for one in lines if one[1].startswith("ssh ") and str(items.folder) in one[1]]
    starts = [user for user, args in ours if f" -l {name} " in args]
    others = [sshd.account(suffix).username for suffix in ("bash", "plain")]
    assert sorted(starts) == sorted(["root", "root", *others])
