"""Targets of every Python that the ansible-core in use supports: the same results as stock."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import interpreters
from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import differences
from tests.support.routes import wrong_ways
from tests.support.sshd import Sshd

PLAYBOOK = Path(__file__).parent / "interpreters" / "main.yml"
WANTED = ("3.6", "3.8", "3.9", "3.11", "3.12", "3.13")


def _supported() -> list[str]:
    """Those of them that this machine has and this ansible-core looks for."""
    from ansible import constants

    names = " ".join(constants.config.get_config_value("INTERPRETER_PYTHON_FALLBACK"))
    return [
        version
        for version in WANTED
        if re.search(rf"\bpython{re.escape(version)}\b", names) and interpreters.find(version)
    ]


def _run(world: World, kind: str) -> Run:
    world.fresh_folder("run")
    run = world.run(PLAYBOOK, kind)
    assert run.returncode == 0, run.output[-4000:]
    return run


def test_every_python_of_the_target(
    world: World,
    sshd: Sshd,
    public_interpreter: Callable[[str], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One host for each, in one run; every field of every result is the same."""
    versions = _supported()
    hosts = {
        f"python{version}": {
            **sshd.inventory_vars(sshd.account("bash")),
            "ansible_python_interpreter": public_interpreter(version),
        }
        for version in versions
    }
    world.inventory["all"]["hosts"] = hosts
    world.inventory["all"]["children"] = {"pythons": {"hosts": dict.fromkeys(hosts, {})}}
    stock, ours = _run(world, STOCK), _run(world, OURS)
    with capsys.disabled():
        print(f"\nPythons {' '.join(versions)}: ", end="")
        print(f"stock {stock.seconds:.1f} s, ours {ours.seconds:.1f} s")
    found = differences(stock, ours)
    assert not found, f"{len(found)} differences:\n" + "\n".join(str(one) for one in found)
    assert not wrong_ways(ours), "\n".join(wrong_ways(ours))
    for event in ours.events_of("who"):
        version = str(event.result["msg"]).split()[1]
        assert f"python{version}.".startswith(f"{event.host}."), event
