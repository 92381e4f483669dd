"""Accounts that tasks become, by programs of all kinds, compared with stock."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import collections
from tests.support.ansible_run import OURS, PACKAGE, STOCK, Event, Run, World
from tests.support.compare import Difference, differences
from tests.support.doas import doas_configured, missing_for_doas
from tests.support.sshd import Sshd

PLAYBOOK = Path(__file__).parent / "become" / "main.yml"
GENERAL = "community.general."
#: Options of stock plugins: how long a question for a password that there is none for is waited for.
_WAITS = ("timeout", "local_become_success_timeout")

#: Stands in for programs that cannot run here: takes a user, maybe a prompt, and asks as they do.
_STAND_IN = """\
#!/bin/sh
name=${0##*/} user=root
while :; do
    case $1 in
        -u) user=$2; shift 2;;
        -p) prompt=$2; shift 2;;
        -e|-c|-l|-n|-H|-S) shift;;
        --user=*) user=${1#--user=}; shift;;
        root|mitogentest*) user=$1; shift;;
        *) break;;
    esac
done
case $name in
    pbrun) : "${prompt:=Password:}";;
    sesu) : "${prompt:=Please enter your password:}";;
    pmrun) : "${prompt:=Enter UPM user password:}";;
    ksu) : "${prompt:=Kerberos password for me@HERE:}";;
esac
if [ -n "$prompt" ]; then
    printf '%s ' "$prompt" >&2
    read -r word
    if [ "$word" != secret ]; then
        case $name in
            ksu) echo "Password incorrect" >&2;;
            sesu) echo "Sorry, try again with sesu." >&2;;
            *) echo "Sorry, try again." >&2;;
        esac
        exit 1
    fi
fi
if [ $# = 1 ]; then set -- /bin/sh -c "$1"; fi
exec sudo -n -u "$user" -- "$@"
"""

#: As systemd's run0: a session of its own, which gets what stdin and both outputs are, no more.
_RUN0 = """\
#!/bin/sh
user=${1#--user=}
shift
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
exec sudo -n -H -u "$user" -- sh -c 'cd; exec "$@"' sh "$@"
"""

#: As systemd's machinectl: the session has a terminal of its own; asks on that which it is called
#: from if there is one.
_MACHINECTL = """\
#!/usr/bin/python3
import os, pty, sys

quiet, shell, user, *command = sys.argv[1:]
assert (quiet, shell, user[-1]) == ("-q", "shell", "@")
if os.isatty(0):
    line = "\x1b[0;1;31m==== {} ====\x1b[0m\\n".format
    print(line("AUTHENTICATING FOR org.freedesktop.machine1.host-shell"), end="Password: ", flush=True)
    if input() != "secret":
        print(line("AUTHENTICATION FAILED"), end="", flush=True)
        sys.exit(1)
    print(line("AUTHENTICATION COMPLETE"), end="", flush=True)
session = ["sudo", "-n", "-H", "-u", user[:-1] or "root", "--", "sh", "-c", 'cd; exec "$@"', "sh"]
sys.exit(os.waitstatus_to_exitcode(pty.spawn(session + command)))
"""


def _stand_in(folder: Path, name: str, text: str = _STAND_IN) -> str:
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def climbers(world: World, sshd: Sshd) -> Iterator[dict[str, dict[str, Any]]]:
    """Hosts that are the same machine, each with another way to become somebody."""
    hosts = world.inventory["all"]["hosts"]
    far, locked = hosts["far"], hosts["locked"]
    here = hosts["here"]
    password = sshd.account("password")
    plain = sshd.account("plain").username
    other = {"ansible_become_user": password.username}
    found: dict[str, dict[str, Any]] = {
        "su": {
            **far, **other,
            "ansible_become_method": "su", "ansible_become_password": password.password,
        },
        "su-login": {
            **far, **other,
            "ansible_become_method": "ansible.builtin.su", "ansible_become_flags": "-l",
            "ansible_become_password": password.password,
        },
        "su-here": {**here, "ansible_become_method": "su", "ansible_become_user": plain},
        "exe": {**locked, "ansible_become_exe": "/usr/bin/env sudo"},
        "same": {**far, "ansible_become_user": far["ansible_user"]},
    }  # fmt: skip
    try:
        world.settings["collections_path"] = str(collections.collections_path())
    except collections.UnavailableError as exc:
        pytest.skip(str(exc))
    with contextlib.ExitStack() as stack:
        for name in ("dzdo", "pbrun", "pmrun", "sesu", "ksu"):
            found[name] = {
                **far,
                "ansible_become_method": GENERAL + name,
                "ansible_become_exe": _stand_in(world.folder, name),
                "ansible_become_password": "secret",
                "ansible_become_user": "root",
            }
        found["pfexec"] = {
            **far,
            "ansible_become_method": GENERAL + "pfexec",
            "ansible_become_exe": _stand_in(world.folder, "pfexec"),
        }
        if missing_for_doas() is None:
            stack.enter_context(doas_configured())
            found["doas-here"] = {
                **here,
                "ansible_become_method": GENERAL + "doas",
                "ansible_become_user": plain,
            }
        world.inventory["all"]["children"] = {"climbers": {"hosts": found}}
        # Half a machine's worth of hosts that would otherwise look for Python.
        for host in found.values():
            host["ansible_python_interpreter"] = "/usr/bin/python3"
        yield found


def _is_about_files(one: Difference) -> bool:
    """The warning that stock makes files world-readable, which we need not."""
    return one.field.endswith("warnings") and "world-readable" in str(one.stock)


def _both(world: World, playbook: Path) -> tuple[Run, Run]:
    return world.run(playbook, STOCK), world.run(playbook, OURS)


def test_every_way(world: World, climbers: dict[str, dict[str, Any]]) -> None:
    """Each result is that of stock, and every task is a message to the account's interpreter."""
    stock, ours = _both(world, PLAYBOOK)
    assert stock.returncode == 0, stock.output
    assert ours.returncode == 0, ours.output
    found = [one for one in differences(stock, ours) if not _is_about_files(one)]
    assert not found, "\n".join(str(one) for one in found)
    assert {line.host for line in ours.trace} == climbers.keys()
    assert not [line for line in ours.trace if line.way == "stock"], ours.output


@pytest.fixture
def refused(climbers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those of them that get nowhere, and more."""
    password = "ansible_become_password"
    names = ("su", "dzdo", "sesu", "exe")
    found = {name: {**climbers[name], password: "wrong"} for name in names}
    # The one says that it is missing, the other asks until stock has waited long enough.
    found["sudo-without"] = dict(climbers["exe"])
    found["su-without"] = {**climbers["su"], **{f"ansible_{option}": 1 for option in _WAITS}}
    for name in ("sudo-without", "su-without"):
        del found[name][password]
    asked = climbers["exe"]["ansible_user"]
    for method in ("sudo", "su"):
        found[f"{method}-without-here"] = {
            **found[f"{method}-without"],
            "ansible_connection": "local",
            "ansible_become_method": method,
            "ansible_become_user": climbers["su"]["ansible_become_user"],
            "ansible_become_exe": f"/usr/bin/sudo -n -u {asked} {method}",
        }
    # What does not let us in at all.
    found["denied"] = {**climbers["pfexec"], "ansible_become_exe": "/bin/false"}
    climbers.clear()
    climbers.update(found)
    return climbers


def test_refusals(world: World, refused: dict[str, dict[str, Any]]) -> None:
    """Wrong passwords, and none, end the task as in stock, with its words."""
    tasks = [{"name": name, "command": "id -un", "become": True} for name in ("first", "second")]
    playbook = world.folder / "refused.yml"
    # Not unreachable to all cores; the second task shows that none is told of what was said first.
    more = {"ignore_errors": True, "ignore_unreachable": True}
    play = {"hosts": "climbers", "gather_facts": False, "tasks": tasks, **more}
    playbook.write_text(json.dumps([play]))
    world.environment["ANSIBLE_FORKS"] = str(len(refused))
    stock, ours = _both(world, playbook)
    for name in ("first", "second"):
        expected = {event.host: _refusal(event) for event in stock.events_of(name)}
        assert expected.keys() == refused.keys()
        assert {event.host: _refusal(event) for event in ours.events_of(name)} == expected
    assert expected["su"][1].endswith("Incorrect su password")
    assert "waiting for privilege escalation prompt" in expected["su-without"][1]


@pytest.fixture
def sessions(world: World, sshd: Sshd) -> dict[str, dict[str, Any]]:
    """Hosts whose tasks become somebody by systemd."""
    try:
        world.settings["collections_path"] = str(collections.collections_path())
    except collections.UnavailableError as exc:
        pytest.skip(str(exc))
    methods = {}
    for name, text in (("run0", _RUN0), ("machinectl", _MACHINECTL)):
        methods[name] = {
            "ansible_become_method": GENERAL + name,
            "ansible_become_exe": _stand_in(world.folder, name, text),
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_pipelining": False,
        }
    hosts = world.inventory["all"]["hosts"]
    here = {**hosts["here"], "ansible_become_user": sshd.account("plain").username}
    found: dict[str, dict[str, Any]] = {
        f"{name}-{place}": {**host, **method}
        for name, method in methods.items()
        for place, host in (("here", here), ("far", hosts["far"]))
    }
    found["machinectl-far"]["ansible_become_password"] = "secret"
    found["wrong"] = {**found["machinectl-far"], "ansible_become_password": "wrong"}
    world.inventory["all"]["children"] = {"sessions": {"hosts": found}}
    return found


def test_sessions_of_systemd(world: World, sessions: dict[str, dict[str, Any]]) -> None:
    """Theirs, too, are the results of stock; what asks on a terminal is left to Ansible."""
    # The login does get a terminal; that is what stock asks for before it uses these.
    world.environment["ANSIBLE_SSH_EXTRA_ARGS"] = "-tt"
    place = "/tmp/{{ made_name }}-{{ inventory_hostname }}"
    tasks: list[dict[str, Any]] = [
        {"name": "who", "command": "id -un"},
        {"name": "where", "command": "pwd"},
        {"name": "by raw", "raw": "id -un; exit 3", "failed_when": False},
        {"name": "made", "copy": {"content": "x", "dest": place}},
        {"name": "gone", "file": {"path": place, "state": "absent"}},
        {"name": "itself", "command": "id -un", "become": False},
    ]
    for task in tasks:
        task.setdefault("ignore_errors", True)
    play = {"hosts": "sessions", "gather_facts": False, "become": True, "tasks": tasks}
    playbook = world.folder / "sessions.yml"
    playbook.write_text(json.dumps([play]))
    stock, ours = _both(world, playbook)
    assert stock.returncode == ours.returncode == 0, stock.output + ours.output
    found = [one for one in differences(stock, ours) if not _is_about_files(one)]
    assert not found, "\n".join(str(one) for one in found)
    who = {event.host: event for event in ours.events_of("who")}
    assert "Incorrect" in who.pop("wrong").result["msg"]
    assert {host: event.result["stdout"] for host, event in who.items()} == {
        host: sessions[host].get("ansible_become_user", "root") for host in who
    }
    ways = {(line.host, line.way == "stock") for line in ours.trace if line.task != "itself"}
    assert ways == {(host, host not in ("run0-here", "run0-far")) for host in sessions}
    assert {line.way for line in ours.requests if line.task == "itself"} == {"module"}
    reasons = {line.reason for line in ours.trace if line.way == "stock"}
    assert len(reasons) == 1
    assert "which needs a terminal" in reasons.pop()


def test_sessions_without_a_terminal(world: World, sessions: dict[str, dict[str, Any]]) -> None:
    """Over a login without one they are refused, or left to stock, as there."""
    for host in sessions.values():
        host["ansible_ssh_use_tty"] = True
    task = {"name": "who", "command": "id -un", "become": True, "ignore_errors": True}
    playbook = world.folder / "refused.yml"
    play = {"hosts": "run0-far:machinectl-far", "gather_facts": False, "tasks": [task]}
    playbook.write_text(json.dumps([play]))
    stock, ours = _both(world, playbook)
    assert not differences(stock, ours), stock.output + ours.output


def _refusal(event: Event) -> tuple[str, str]:
    return event.status, event.result["msg"]


def test_accounts_as_hosts(world: World, sshd: Sshd) -> None:
    """An account of a machine is a host of its own: of this one, or on the way through others."""
    hosts = world.inventory["all"]["hosts"]
    plain = sshd.account("plain").username
    for name in ("sudo", "su"):
        account = {"ansible_connection": f"mitogen_{name}", "ansible_user": plain}
        hosts[f"{name}-here"] = {**account, "ansible_python_interpreter": "/usr/bin/python3"}
    hosts["sudo-there"] = {**hosts["sudo-here"], "mitogen_via": "far", "ansible_user": "root"}
    world.settings["connection_plugins"] = str(PACKAGE / "plugins" / "connection")
    tasks = [{"name": "who", "command": "id -un"}, {"name": "made", "copy": {
        "content": "x", "dest": "/tmp/{{ made_name }}-{{ inventory_hostname }}"}},
        {"name": "gone", "file": {
            "path": "/tmp/{{ made_name }}-{{ inventory_hostname }}", "state": "absent"}},
        {"name": "other", "command": "id -un", "become": True, "become_user": plain}]  # fmt: skip
    playbook = world.folder / "accounts.yml"
    play = {"hosts": "sudo-here:su-here:sudo-there", "gather_facts": False, "tasks": tasks}
    playbook.write_text(json.dumps([play]))
    run = world.run(playbook, STOCK)
    assert run.returncode == 0, run.output
    who = {event.host: event.result["stdout"] for event in run.events_of("who")}
    assert who == {"sudo-here": plain, "su-here": plain, "sudo-there": "root"}
    assert {line.way for line in run.trace} == {"module", "operation"}


def test_no_such_account(world: World) -> None:
    """What sudo and su say of an account that is not there is said as by stock."""
    tasks = [
        {"name": "by sudo", "command": "id", "ignore_errors": True},
        {"name": "by su", "command": "id", "ignore_errors": True, "become_method": "su"},
        {"name": "another", "command": "id -un", "become_user": "root"},
    ]
    play = {"hosts": "far", "gather_facts": False, "become": True, "become_user": "mitogentest_no"}
    playbook = world.folder / "nobody.yml"
    playbook.write_text(json.dumps([{**play, "tasks": tasks}]))
    stock, ours = _both(world, playbook)
    found = [one for one in differences(stock, ours) if not _is_about_files(one)]
    assert not found, "\n".join(str(one) for one in found)
    assert {line.way for line in ours.requests if line.task == "another"} == {"module"}
