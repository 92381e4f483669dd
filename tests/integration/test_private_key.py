"""`private_key`: a key that is given as text, which Ansible puts into an agent of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.test_differential import report
from tests.support.ansible_run import OURS, STOCK, World
from tests.support.compare import differences
from tests.support.sshd import Sshd

PLAYBOOK = Path(__file__).parent / "key_text" / "main.yml"
PASSPHRASE = "open sesame"


def _locked(key: Path, folder: Path) -> str:
    """The text of *key* behind a passphrase."""
    copy = folder / "locked"
    shutil.copy(key, copy)
    copy.chmod(0o600)
    argv = ["ssh-keygen", "-p", "-q", "-P", "", "-N", PASSPHRASE, "-f", str(copy)]
    subprocess.run(argv, check=True, timeout=30)
    return copy.read_text()


def test_the_same_as_stock(world: World, sshd: Sshd) -> None:
    """With and without a passphrase, wrong and missing ones, and for a single task."""
    constants = pytest.importorskip("ansible.constants")
    if not hasattr(constants, "SSH_AGENT"):
        pytest.skip("this core has no agent")
    pytest.importorskip("bcrypt", reason="Ansible needs it for keys with a passphrase")
    if shutil.which("ssh-agent") is None:
        pytest.skip("needs ssh-agent")
    login = sshd.inventory_vars(sshd.account("bash"))
    del login["ansible_ssh_private_key_file"]
    config = world.folder / "bare_config"
    config.write_text(f"UserKnownHostsFile {sshd.known_hosts}\nIdentitiesOnly yes\n")
    login["ansible_ssh_common_args"] = f"-F {config}"
    plain, locked = sshd.key.read_text(), _locked(sshd.key, world.folder)
    phrase = "ansible_ssh_private_key_passphrase"
    hosts: dict[str, dict[str, str]] = {
        "plain": {"ansible_ssh_private_key": plain},
        "locked": {"ansible_ssh_private_key": locked, phrase: PASSPHRASE},
        "wrong": {"ansible_ssh_private_key": locked, phrase: "close sesame"},
        "missing": {"ansible_ssh_private_key": locked},
        "no_key": {"ansible_ssh_private_key": "no key"},
    }
    everything = world.inventory["all"]
    everything["hosts"] = {name: {**login, **more} for name, more in hosts.items()}
    everything["children"] = {"keys": {"hosts": dict.fromkeys(hosts, {})}}
    everything["vars"]["ansible_python_interpreter"] = "/usr/bin/python3"
    world.environment |= {"ANSIBLE_SSH_AGENT": "auto", "ANSIBLE_SSH_ARGS": "-o ControlMaster=no"}
    stock, ours = (world.run(PLAYBOOK, kind) for kind in (STOCK, OURS))
    found = differences(stock, ours)
    assert not found, report(found)
    assert len([e for e in stock.events_of("who") if e.status == "ok"]) == 2, stock.output
    # What the key cannot be used for is said by Ansible itself.
    by_host = {line.host: line.way for line in ours.trace if line.task in {"who", "as root"}}
    assert {by_host["plain"], by_host["locked"]} == {"module"}
    assert {by_host[name] for name in ("wrong", "missing", "no_key")} == {"stock"}
