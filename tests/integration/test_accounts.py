"""Accounts of a machine as hosts of their own, in everything that tasks do with other hosts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.ansible_run import OURS, PACKAGE, World
from tests.support.doas import doas_configured, missing_for_doas
from tests.support.sshd import Sshd

PLAYBOOK = Path(__file__).parent / "accounts" / "main.yml"


def _account(method: str, username: str, **more: Any) -> dict[str, Any]:
    connection = {"ansible_connection": f"mitogen_{method}", "ansible_user": username}
    return {**connection, "account": username, **more}


@pytest.fixture
def accounts(world: World, sshd: Sshd) -> Iterator[World]:
    """Accounts of this machine, and others that are become where a login leads; by password, too."""
    groups = world.inventory["all"]
    groups["vars"]["ansible_python_interpreter"] = "/usr/bin/python3"
    groups["hosts"]["far"] |= {"account": sshd.account("bash").username, "source": "su-here"}
    secret = sshd.account("password")
    by_password = {"ansible_password": secret.password}
    groups["hosts"]["secret"] = {**sshd.inventory_vars(secret), **by_password}
    hosts = {
        "sudo-here": _account("sudo", sshd.account("zsh").username),
        "su-here": _account("su", sshd.account("dash").username),
        "sudo-there": _account("sudo", "root", mitogen_via="far"),
        "su-there": _account("su", secret.username, mitogen_via="far", **by_password),
    }
    with contextlib.ExitStack() as stack:
        if missing_for_doas() is None:
            stack.enter_context(doas_configured())
            hosts["doas-here"] = _account("doas", sshd.account("plain").username)
            hosts["doas-there"] = _account("doas", "root", mitogen_via="secret", **by_password)
        groups["children"] = {"accounts": {"hosts": hosts}}
        world.settings["connection_plugins"] = str(PACKAGE / "plugins" / "connection")
        yield world


def test_as_other_hosts(accounts: World, sshd: Sshd) -> None:
    """Delegated to, with facts of their own, added mid-play: each is the account that it names."""
    before = len(sshd.log)
    run = accounts.run(PLAYBOOK, OURS, "-v")
    assert run.returncode == 0, run.output[-4000:]
    names = {*accounts.inventory["all"]["children"]["accounts"]["hosts"]}
    assert {event.host for event in run.events_of("by the one it is like")} == {
        "far",
        *(f"added-{name}" for name in names),
    }
    assert "stock" not in {line.way for line in run.trace}, run.output[-4000:]
    assert sshd.account("password").password not in run.output
    # However many accounts are behind it, they share a login, and the one after the reset.
    log = sshd.log[before:]
    assert log.count(f"Accepted publickey for {sshd.account('bash').username} ") == 2
