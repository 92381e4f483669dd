"""Who a task runs as, and where, when ansible.cfg, environment or command line say it, as in stock."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.test_differential import is_accepted, report
from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import differences
from tests.support.sshd import Sshd

SEEN = 'echo "$(id -un) <$LC_MARK> $(echo $SSH_CONNECTION | wc -w)"'
LOGIN = {"name": "login", "shell": SEEN, "become": False}
BECOME = {"name": "become", "shell": SEEN}
RAW = {"name": "raw", "raw": "id -un"}

# As for `test_differential`.
ACCEPTED = (("bare | become", "warnings", "we need no world-readable files"),)


@pytest.fixture
def bare(world: World, sshd: Sshd) -> World:
    """The host `bare`, of which only the address is known."""
    host = {"ansible_host": sshd.host, "ansible_python_interpreter": "/usr/bin/python3"}
    world.inventory["all"]["hosts"]["bare"] = host
    # Stock's own masters carry what one task asked for into others.
    world.environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=no"
    return world


def _compared(world: World, play: dict[str, Any], *arguments: str) -> Run:
    """Our run of the play on `bare`, after it is found to be as stock's."""
    playbook = world.folder / "sources.yml"
    playbook.write_text(json.dumps([{"hosts": "bare", "gather_facts": False, **play}]))
    stock, ours = (world.run(playbook, kind, *arguments) for kind in (STOCK, OURS))
    assert stock.returncode == 0, stock.output[-3000:]
    found = [one for one in differences(stock, ours) if not is_accepted(one, ACCEPTED)]
    assert not found, report(found)
    assert "stock" not in {line.way for line in ours.trace}, ours.output
    return ours


def _said(run: Run) -> dict[str, Any]:
    """What each task that ran once printed."""
    return {event.task: event.result["stdout"].strip() for event in run.events if event.task}


def test_configuration(bare: World, sshd: Sshd) -> None:
    """Of connection and become, in their own sections; a task says otherwise."""
    dash, secret = sshd.account("dash").username, sshd.account("password")
    bare.settings |= {"remote_port": str(sshd.port), "remote_user": dash}
    bare.settings["private_key_file"] = str(sshd.key)
    bare.sections = {
        "ssh_connection": {
            "ssh_common_args": f"-F {sshd.client_config}",
            "ssh_extra_args": "-o SetEnv=LC_MARK=ini",
        },
        "privilege_escalation": {
            "become": "True",
            "become_method": "su",
            "become_user": secret.username,
        },
        "su_become_plugin": {"password": secret.password},
    }
    other = {"name": "other", "shell": "id -un", "become_method": "sudo", "become_user": "root"}
    said = _said(_compared(bare, {"tasks": [BECOME, LOGIN, other, RAW]}))
    assert said == {
        "become": f"{secret.username} <ini> 4",
        "login": f"{dash} <ini> 4",
        "other": "root",
        "raw": secret.username,
    }


def test_environment(bare: World, sshd: Sshd) -> None:
    """Variables of the same names."""
    dash, secret = sshd.account("dash").username, sshd.account("password")
    bare.environment |= {
        "ANSIBLE_REMOTE_PORT": str(sshd.port),
        "ANSIBLE_REMOTE_USER": dash,
        "ANSIBLE_PRIVATE_KEY_FILE": str(sshd.key),
        "ANSIBLE_SSH_COMMON_ARGS": f"-F {sshd.client_config}",
        "ANSIBLE_SSH_EXTRA_ARGS": "-o SetEnv=LC_MARK=env",
        "ANSIBLE_BECOME": "1",
        "ANSIBLE_BECOME_METHOD": "su",
        "ANSIBLE_BECOME_USER": secret.username,
        # Another login shell's environment: the mark is gone.
        "ANSIBLE_BECOME_FLAGS": "-l",
        "ANSIBLE_SU_PASS": secret.password,
    }
    said = _said(_compared(bare, {"tasks": [BECOME, LOGIN, RAW]}))
    assert said == {
        "become": f"{secret.username} <> 0",
        "login": f"{dash} <env> 4",
        "raw": secret.username,
    }


def test_command_line(bare: World, sshd: Sshd) -> None:
    """Its options, and `-e`, which wins over the variables of a task."""
    dash, secret = sshd.account("dash").username, sshd.account("password")
    word = bare.folder / "word"
    word.write_text(secret.password)
    login = {**LOGIN, "vars": {"ansible_user": "ignored"}}
    ours = _compared(
        bare,
        {"tasks": [BECOME, login]},
        *("-b", "--become-method", "su", "--become-user", secret.username),
        *("--become-password-file", str(word), "--private-key", str(sshd.key)),
        *("--ssh-common-args", f"-F {sshd.client_config}"),
        *("-e", f"ansible_user={dash} ansible_port={sshd.port}"),
        *("-e", json.dumps({"ansible_ssh_extra_args": "-o SetEnv=LC_MARK=extra"})),
    )
    assert _said(ours) == {
        "become": f"{secret.username} <extra> 4",
        "login": f"{dash} <extra> 4",
    }


def test_connection_of_the_command_line(bare: World) -> None:
    """`-c local` reaches a host that names no connection."""
    assert _said(_compared(bare, {"tasks": [BECOME]}, "-c", "local")) == {"become": "root <> 0"}


def test_keywords(world: World, sshd: Sshd) -> None:
    """Of play and task, templates of templates among them; what a task says is its alone."""
    dash, zsh = sshd.account("dash").username, sshd.account("zsh").username
    host = sshd.inventory_vars(sshd.account("bash")) | {
        "ansible_python_interpreter": "/usr/bin/python3",
        "first": "{{ second }}",
        "second": "{{ lookup('vars', 'third') }}",
        "third": dash,
    }
    del host["ansible_user"], host["ansible_port"]
    world.inventory["all"]["hosts"]["bare"] = host
    world.environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=no"
    here = {"vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
    tasks: list[dict[str, Any]] = [
        {"name": "login"},
        {"name": "become", "become": True},
        {"name": "here", "connection": "local", **here},
        {"name": "other login", "remote_user": zsh},
        {"name": "login again"},
        {"name": "hasty", "timeout": 60},
    ]
    play = {
        "remote_user": "{{ first }}",
        # Nobody is there.
        "port": 1,
        "become_user": "{{ [zsh_user] | first }}",
        "vars": {"the_port": sshd.port, "zsh_user": zsh},
        "tasks": [{"shell": SEEN, "port": "{{ the_port }}", **task} for task in tasks],
    }
    ours = _compared(world, play)
    assert _said(ours) == {
        "login": f"{dash} <> 4",
        "become": f"{zsh} <> 0",
        "here": "root <> 0",
        "other login": f"{zsh} <> 4",
        "login again": f"{dash} <> 4",
        "hasty": f"{dash} <> 4",
    }
