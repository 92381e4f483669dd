"""Hosts behind others: the same results as directly, by the way that `mitogen_via` says."""

from __future__ import annotations

import dataclasses
import json
import os
import pwd
import select
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_differential import is_accepted, report
from tests.support.ansible_run import OURS, PACKAGE, STOCK, Run, World
from tests.support.compare import differences
from tests.support.routes import wrong_ways
from tests.support.sshd import Sshd

PLAYBOOK = Path(__file__).parent / "via" / "main.yml"

# As for `test_differential`.
ACCEPTED = (
    ("behind | the stack", "", "stock goes directly"),
    ("behind | what runs there", "", "stock goes directly"),
)


@pytest.fixture
def behind(world: World, sshd: Sshd) -> World:
    """`one` and `two` behind `bastion`, `secret` too, by password; `deep` behind another account.

    That is one of `locked`, become by password. `deeper` is behind `deep`.
    """
    password = sshd.account("password")

    def host(suffix: str, via: str, reader: str, **more: Any) -> dict[str, Any]:
        """A host whose key is read by another account."""
        name = sshd.account(reader).username
        key = world.folder / f"key_of_{name}"
        shutil.copy(sshd.key, key)
        os.chown(key, pwd.getpwnam(name).pw_uid, -1)
        key.chmod(0o600)
        variables = sshd.inventory_vars(sshd.account(suffix))
        variables |= {"ansible_ssh_private_key_file": str(key), "mitogen_via": via}
        return {**variables, **more}

    world.settings["action_plugins"] = str(PACKAGE / "plugins" / "action")
    hosts = {
        "one": host("dash", "{{ gate }}", "bash", gate="bastion"),
        "two": host("zsh", "bastion", "bash"),
        "secret": host("password", "bastion", "bash", ansible_password=password.password),
        "deep": host("fish", "{{ other_user }}@locked", "plain"),
        "deeper": host("tcsh", "deep", "fish"),
    }
    groups = world.inventory["all"]
    groups["hosts"]["bastion"] = groups["hosts"]["far"]
    groups["children"] = {"behind": {"hosts": hosts}}
    return world


def _run(world: World, kind: str, *arguments: str) -> Run:
    world.fresh_folder("run")
    run = world.run(PLAYBOOK, kind, "-vvv", *arguments)
    assert run.returncode == 0, run.output[-6000:]
    return run


def _logins(log: str, username: str) -> int:
    return log.count(f"Accepted publickey for {username} ") + log.count(
        f"Accepted password for {username} "
    )


def test_hosts_behind_others(behind: World, sshd: Sshd) -> None:
    """Everything has the same result as directly; each host is logged in to once, from its own."""
    # Stock needs another program for passwords.
    stock = _run(behind, STOCK, "--limit=all:!secret")
    before = len(sshd.log)
    behind.environment["MITOGEN_LOG_LEVEL"] = "DEBUG"
    ours = _run(behind, OURS)
    shared = [event for event in ours.events if event.host != "secret"]
    both = differences(stock, dataclasses.replace(ours, events=shared))
    found = [one for one in both if not is_accepted(one, ACCEPTED)]
    assert not found, report(found)
    wrong = wrong_ways(ours)
    assert not wrong, "\n".join(wrong)
    log = sshd.log[before:]
    name = {suffix: account.username for suffix, account in sshd.accounts.items()}
    logins = {suffix: _logins(log, name[suffix]) for suffix in name}
    # `bastion` and `far` have the same options, and so the same login; all others are reset once.
    assert (logins["bash"], logins["sudopass"]) == (1, 1)
    assert logins["plain"] == 0
    assert logins["password"] == 2
    by_password = [e.status for e in ours.events if e.host == "secret" and e.task]
    assert set(by_password) == {"ok", "skipped"}
    # From where each login was started.
    (shown,) = [e for e in ours.events_of("what runs there") if e.host == "deeper"]
    lines = [line.split(None, 1) for line in shown.result["stdout_lines"]]
    starts = {
        (user, name[suffix])
        for user, args in lines
        for suffix in name
        if args.startswith("ssh ") and f" -l {name[suffix]} " in args
    }
    assert starts >= {
        ("root", name["bash"]),
        (name["bash"], name["dash"]),
        (name["bash"], name["zsh"]),
        (name["bash"], name["password"]),
        ("root", name["sudopass"]),
        (name["plain"], name["fish"]),
        (name["fish"], name["tcsh"]),
    }
    assert " mitogen broker[" in ours.output
    for account in sshd.accounts.values():
        assert not account.password or account.password not in ours.output


@pytest.mark.parametrize("way", [OURS, "shadow", "transport"])
def test_the_stack_is_shown_without_connecting(behind: World, sshd: Sshd, way: str) -> None:
    """Hop by hop, secrets masked; no process is started for it."""
    play = {
        "hosts": "behind:here:locked",
        "gather_facts": False,
        "tasks": [
            {"name": "plain", "mitogen_get_stack": None},
            {"name": "root", "mitogen_get_stack": None, "become": True},
            {
                "name": "delegated",
                "mitogen_get_stack": None,
                "delegate_to": "deeper",
                "run_once": True,
            },
            {
                "name": "a question",
                "mitogen_get_stack": None,
                "vars": {"ansible_sshpass_prompt": "Word?"},
                "ignore_errors": True,
            },
            {"name": "up", "mitogen_get_stack": None, "vars": {"gate": "{{ other_user }}@here"}},
            {"name": "wrong", "mitogen_get_stack": {"x": 1}, "run_once": True,
             "ignore_errors": True},
        ],
    }  # fmt: skip
    path = behind.folder / "play.yml"
    path.write_text(json.dumps([play]))
    before = len(sshd.log)
    run = behind.run(path, way, "-vvvv")
    assert run.returncode == 0, run.output
    assert not run.trace
    assert sshd.log[before:] == ""
    stacks = {(e.task, e.host): e.result.get("result", ()) for e in run.events if e.task}
    methods = {key: [hop["method"] for hop in stack] for key, stack in stacks.items()}
    assert methods["plain", "one"] == ["ssh", "ssh"]
    assert methods["plain", "deeper"] == ["ssh", "sudo", "ssh", "ssh"]
    assert methods["root", "one"] == ["ssh", "ssh", "sudo"]
    assert stacks["delegated", "one"] == stacks["plain", "deeper"]
    assert methods["up", "one"] == ["sudo", "ssh"]
    # By the last way `local` is Ansible's own, which goes through nothing.
    assert methods["plain", "here"] == ([] if way == "transport" else ["local"])
    assert stacks["plain", "secret"][1]["password"] == "********"
    assert [hop.get("password") for hop in stacks["plain", "deep"]] == [None, "********", None]
    for account in sshd.accounts.values():
        assert not account.password or account.password not in run.output
    ends = {e.host: e for e in run.events_of("a question")}
    assert ends["one"].status == "ignored"  # Ansible's own plugin would go directly
    assert "another question" in str(ends["locked"].result["msg"])
    assert ends["locked"].status == "ok"
    assert "takes no arguments" in str(run.events_of("wrong")[0].result["msg"])


def test_what_cannot_be_reached_is_not_reached_directly(behind: World, sshd: Sshd) -> None:
    """A wrong way is a failure, one that cannot be gone makes unreachable; both say where."""
    hosts = behind.inventory["all"]["children"]["behind"]["hosts"]
    one = hosts["one"]
    hosts.update(
        circle={**one, "mitogen_via": "round"},
        round={**one, "mitogen_via": "root@circle"},
        lost={**one, "mitogen_via": "nowhere"},
        nobody={**one, "mitogen_via": "nosuchuser@bastion"},
        cut={**one, "mitogen_via": "gone"},
        refused={**one, "mitogen_via": "root@secret"},
        bare={**one, "ansible_python_interpreter": "/no/such/python"},
        bared={**one, "mitogen_via": "bare"},
        asking={**one, "ansible_sshpass_prompt": "Word?"},
    )
    names = "circle lost nobody cut refused bare bared asking".split()
    tasks = [
        {"name": name, action: value, "ignore_errors": True, "ignore_unreachable": True}
        for name, action, value in (("module", "ping", None), ("raw", "raw", "echo raw"))
    ]
    play = {"hosts": names, "gather_facts": False, "tasks": tasks}
    path = behind.folder / "play.yml"
    path.write_text(json.dumps([play]))
    before = len(sshd.log)
    run = behind.run(path, OURS)
    for task in ("module", "raw"):
        ends = {event.host: event for event in run.events_of(task)}
        assert set(ends) == set(names), run.output
        failed = {"circle", "lost", "asking"}
        assert {n for n in names if ends[n].status == "ignored"} == failed, run.output
        assert {n for n in names if ends[n].status == "unreachable"} == {*names} - failed
        for name, words in {
            "circle": "circle -> round -> circle",
            "lost": "names nowhere",
            "nobody": "at sudo nosuchuser",
            "cut": "on the way there, at ssh",
            "refused": "at sudo root",
            "bare": "cannot be gone that way",
            "bared": "on the way there, at ssh",
            "asking": "another question",
        }.items():
            assert words in str(ends[name].result["msg"]), ends[name].result
    assert [line for line in run.trace if line.way == "stock"] == []
    # But for `bare`, where it is found that there is no Python.
    bash, dash = (sshd.account(name).username for name in ("bash", "dash"))
    assert _logins(sshd.log[before:], bash) == 1
    assert _logins(sshd.log[before:], dash) <= 4


def test_nothing_survives_a_kill(behind: World) -> None:
    """Every interpreter on the way ends with the run, whatever ends that."""
    started = behind.fresh_folder("run")
    os.mkfifo(started / "up")
    (started / "up").chmod(0o666)
    task = {"shell": f"echo x > {started}/up; exec sleep 300"}
    path = behind.folder / "play.yml"
    path.write_text(json.dumps([{"hosts": "deeper", "gather_facts": False, "tasks": [task]}]))
    process = behind.start(path, OURS)
    with (started / "up").open() as up:  # waits until the module on the host has come to it
        assert up.read() == "x\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    # The leak check of every test looks for the rest.


#: As ssh, once it is told to go on. It can hear that before it says that it has come.
_WAITING = """\
#!/bin/sh
exec 3<>"{folder}/go"
echo >"{folder}/come"
read -r _ <&3
exec 3<&-
exec ssh "$@"
"""


def test_hosts_behind_one_bastion_are_logged_in_to_at_once(behind: World, sshd: Sshd) -> None:
    """Each login waits for all the others to have begun; one to the bastion serves them all."""
    folder = behind.fresh_folder("run")
    for name in ("come", "go"):
        os.mkfifo(folder / name)
        (folder / name).chmod(0o666)
    program = behind.fresh_folder("bin") / "ssh"
    hosts = behind.inventory["all"]["children"]["behind"]["hosts"]
    several = {
        f"number{number}": {
            **hosts["one"],
            "ansible_ssh_executable": str(program),
            "ansible_ssh_extra_args": f"-o SetEnv=LC_A={number}",
        }
        for number in range(8)
    }
    program.write_text(_WAITING.format(folder=folder))
    program.chmod(0o755)
    hosts.update(several)
    play = {"hosts": list(several), "gather_facts": False, "tasks": [{"name": "who", "ping": None}]}
    path = behind.folder / "play.yml"
    path.write_text(json.dumps([play]))
    before = len(sshd.log)
    with open(folder / "come", "r+b", buffering=0) as come:
        process = behind.start(path, OURS)
        # All of them at once, or the run ends with hosts that nobody let in.
        came = [select.select([come], [], [], 60)[0] and come.read(1) for _ in several]
        if all(came):
            (folder / "go").write_bytes(b"\n" * len(several))
        output, _ = process.communicate(timeout=90)
    assert process.returncode == 0, output
    assert _logins(sshd.log[before:], sshd.account("bash").username) == 1
    assert _logins(sshd.log[before:], sshd.account("dash").username) == len(several)
