"""Chains of hops, each of them by a password: logins, and accounts become on the way."""

from __future__ import annotations

import json
from typing import Any

from tests.support.ansible_run import OURS, PACKAGE, World
from tests.support.sshd import Sshd

WHO = {"name": "who", "command": "id -un"}


def _hosts(sshd: Sshd) -> dict[str, dict[str, Any]]:
    """Each is reached from the one before it; no key is shown to any."""
    secret, sudoer = sshd.account("password"), sshd.account("sudopass")

    def host(suffix: str, **more: Any) -> dict[str, Any]:
        account = sshd.account(suffix)
        variables = sshd.inventory_vars(account)
        del variables["ansible_ssh_private_key_file"]
        variables["ansible_ssh_extra_args"] = "-o PubkeyAuthentication=no"
        return {**variables, "ansible_password": account.password, **more}

    by_su = {"ansible_become_password": secret.password}
    by_sudo = {"ansible_become_password": sudoer.password}
    return {
        "gate": host("sudopass", **by_su),
        "past_su": host("sudopass", **by_sudo, mitogen_via=f"su:{secret.username}@gate"),
        "past_sudo": host("sudopass", **by_su, mitogen_via="sudo:root@past_su"),
        "last": host(
            "password",
            **by_sudo,
            mitogen_via=f"su:{secret.username}@past_sudo",
            ansible_become_method="su",
            ansible_become_user=sudoer.username,
        ),
    }


def test_a_password_at_each_hop(world: World, sshd: Sshd) -> None:
    """Every one is asked for once, is that of its own hop, and is seen by nobody."""
    secret, sudoer = sshd.account("password"), sshd.account("sudopass")
    world.settings["action_plugins"] = str(PACKAGE / "plugins" / "action")
    world.environment["MITOGEN_LOG_LEVEL"] = "DEBUG"
    world.inventory["all"]["children"] = {"chain": {"hosts": _hosts(sshd)}}
    world.inventory["all"]["vars"]["ansible_python_interpreter"] = "/usr/bin/python3"
    file = f"{world.fresh_folder('run')}/{{{{ inventory_hostname }}}}"
    tasks = [
        {"name": "the stack", "mitogen_get_stack": None},
        WHO,
        {"name": "raw", "raw": "id -un"},
        {"name": "made", "copy": {"content": "x" * 300_000, "dest": file}},
        {**WHO, "name": "become", "become": True, "when": "inventory_hostname == 'last'"},
        {"name": "what runs there", "command": "ps -ewwo args"},
    ]
    playbook = world.folder / "chain.yml"
    play = {"hosts": "past_su:past_sudo:last", "gather_facts": False, "tasks": tasks}
    playbook.write_text(json.dumps([play]))
    before = len(sshd.log)
    run = world.run(playbook, OURS, "-vvv")
    assert run.returncode == 0, run.output[-3000:]
    ends = {(event.task, event.host): event.result for event in run.events if event.task}
    for task in ("who", "raw"):
        for name in ("past_su", "past_sudo"):
            assert ends[task, name]["stdout"].strip() == sudoer.username
        assert ends[task, "last"]["stdout"].strip() == secret.username
    assert ends["become", "last"]["stdout"] == sudoer.username
    hops = ["ssh", "su", "ssh", "sudo", "ssh", "su", "ssh"]
    assert [hop["method"] for hop in ends["the stack", "last"]["result"]] == hops
    assert {line.way for line in run.trace} <= {"module", "command", "operation"}
    log = sshd.log[before:]
    assert log.count(f"Accepted password for {sudoer.username} ") == 3
    assert log.count(f"Accepted password for {secret.username} ") == 1
    assert "Failed password" not in log
    assert " mitogen broker[" in run.output
    for account in (secret, sudoer):
        assert account.password not in run.output
