"""Options of become, compared with stock: users, flags, methods, where a password comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.ansible_run import OURS, STOCK, Event, Run, World
from tests.support.compare import differences
from tests.support.sshd import Sshd

#: A become plugin that nobody knows.
_PLUGIN = """\
from ansible.plugins.become import BecomeBase

DOCUMENTATION = '''
name: climb
short_description: climbs
author: us
options:
  become_user:
    description: who
    default: root
    vars: [{name: ansible_become_user}]
    keyword: [{name: become_user}]
'''


class BecomeModule(BecomeBase):
    name = "climb"

    def build_become_command(self, cmd, shell):
        super().build_become_command(cmd, shell)
        inner = self._build_success_command(cmd, shell)
        return "sudo -n -u %s env CLIMBED=yes %s" % (self.get_option("become_user"), inner)
"""


def _task(name: str, command: str = "id -un", **more: Any) -> dict[str, Any]:
    return {"name": name, "shell": command, "become": True, **more}


def _tasks(other: str) -> list[dict[str, Any]]:
    word = {"environment": {"WORD": "two words"}}
    shown = "echo $HOME $PWD ${WORD-none}"
    return [
        _task("each", become_user="{{ item }}", loop=["root", other, "root"]),
        _task("login", shown, become_flags="-H -i", become_user=other, **word),
        _task("login to oneself", shown, become_flags="-H -i"),
        _task("shell", shown, become_flags="-H -s"),
        _task("environment", shown, become_flags="-H -E", **word),
        _task("preserved", shown, become_flags="--preserve-env=LANG -H"),
        _task("role", become_flags="-H -S -n -r unconfined_r"),
        _task("climbed", "echo $CLIMBED; id -un", become_method="climb"),
        _task("each climbed", become_method="climb", become_user="{{ item }}",
              loop=[other, "root"]),
        _task("su", shown, become_user=other, become_method="su"),
        _task("su login", shown, become_user=other, become_method="su", become_flags="-l"),
        _task("not at all", become_method="mitogentest_no_such", ignore_errors=True),
        {"name": "none", "command": "id -un"},
    ]  # fmt: skip


def _play(world: World, hosts: str, tasks: list[dict[str, Any]]) -> Path:
    playbook = world.folder / "options.yml"
    playbook.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": tasks}]))
    return playbook


def test_each_option(world: World, sshd: Sshd) -> None:
    """Users, flags and methods, by task and by loop item."""
    folder = world.fresh_folder("climbers")
    (folder / "climb.py").write_text(_PLUGIN)
    world.settings["become_plugins"] = str(folder)
    account = sshd.account("password")
    hosts = world.inventory["all"]["hosts"]
    for name in ("far", "here"):
        hosts[name]["ansible_python_interpreter"] = "/usr/bin/python3"
        hosts[name]["ansible_su_pass"] = account.password
    playbook = _play(world, "far:here", _tasks(account.username))
    stock, ours = world.run(playbook, STOCK), world.run(playbook, OURS)
    assert stock.returncode == 0, stock.output
    found = [one for one in differences(stock, ours) if not one.field.endswith("warnings")]
    assert not found, "\n".join(str(one) for one in found)
    assert {line.way for line in ours.trace} == {"module"}, ours.output


def test_password_sources(world: World, sshd: Sshd) -> None:
    """A password comes from a file, the environment or a templated variable of its plugin."""
    locked = world.inventory["all"]["hosts"]["locked"]
    locked["ansible_python_interpreter"] = "/usr/bin/python3"
    password = locked.pop("ansible_become_password")
    file = world.folder / "secret"
    file.write_text(password + "\n")
    playbook = _play(world, "locked", [_task("who")])
    runs: list[Run] = [world.run(playbook, OURS, "--become-password-file", str(file))]
    for name in ("ANSIBLE_BECOME_PASS", "ANSIBLE_SUDO_PASS"):
        world.environment[name] = password
        runs.append(world.run(playbook, OURS))
        del world.environment[name]
    for name in ("ansible_sudo_pass", "ansible_become_pass"):
        locked[name] = "{{ ['" + password + "'] | first }}"
        runs.append(world.run(playbook, OURS))
        del locked[name]
    missing = world.run(playbook, OURS)
    assert [_stdout(run) for run in runs] == ["root"] * len(runs)
    assert {line.way for run in runs for line in run.trace} <= {"module", "operation"}
    assert missing.events_of("who")[0].result["msg"].endswith("Missing sudo password")


def _stdout(run: Run) -> str:
    events: list[Event] = run.events_of("who")
    return str(events[0].result.get("stdout", events[0].result.get("msg")))
