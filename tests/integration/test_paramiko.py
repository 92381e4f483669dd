"""Hosts that Ansible logs in to with Paramiko: the same results by OpenSSH."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.test_differential import report
from tests.support.ansible_run import OURS, STOCK, World
from tests.support.compare import Difference, differences
from tests.support.sshd import Sshd

PLAYBOOK = Path(__file__).parent / "paramiko" / "main.yml"


def _is_expected(one: Difference) -> bool:
    """A refused password is told in the words of each; and stock may need world-readable files."""
    if one.field == "msg" and "Authentication failed" in str(one.stock):
        return "Permission denied" in str(one.ours)
    return one.field.endswith("warnings") and "world-readable" in str(one.stock)


def test_the_same_as_stock(world: World, sshd: Sshd) -> None:
    """Every field of every result, and all of it by messages."""
    pytest.importorskip("paramiko", reason="needs Paramiko")
    stock_plugins = pytest.importorskip("ansible.plugins.connection").__path__
    if not any((Path(path) / "paramiko_ssh.py").is_file() for path in stock_plugins):
        pytest.skip("this core has no such plugin")
    key, secret = sshd.account("bash"), sshd.account("password")
    common = {"ansible_connection": "paramiko_ssh", "ansible_host_key_checking": False}
    by_key = {**sshd.inventory_vars(key), **common}
    by_password = {**by_key, "ansible_user": secret.username}
    del by_password["ansible_ssh_private_key_file"]
    hosts = {
        "keyed": {**by_key, "ansible_connection": "ansible.builtin.paramiko_ssh"},
        "secret": {**by_password, "ansible_password": secret.password},
        "refused": {**by_password, "ansible_password": "wrong"},
        "nowhere": {**by_key, "ansible_port": 1},
    }
    everything = world.inventory["all"]
    everything["children"] = {"logins": {"hosts": hosts}}
    everything["vars"] |= {
        "another": sshd.account("dash").username,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    runs = {}
    for kind in (STOCK, OURS):
        world.fresh_folder("run")
        runs[kind] = world.run(PLAYBOOK, kind)
    stock, ours = runs[STOCK], runs[OURS]
    found = [one for one in differences(stock, ours) if not _is_expected(one)]
    assert not found, report(found)
    assert {event.status for event in stock.events_of("after") if event.host == "keyed"} == {"ok"}
    ways = {host: {line.way for line in ours.trace if line.host == host} for host in hosts}
    assert ways["keyed"] == {"module", "command", "operation"}
    assert ways["nowhere"] == {"stock"}
    # Who becomes nobody for want of a password is told so by the plugin itself.
    left = {line.task for line in ours.trace if line.host == "secret" and line.way == "stock"}
    assert left == {"as root", "raw as root", "as another"}
    assert "module" in ways["secret"]
