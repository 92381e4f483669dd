"""Interpreter discovery: the same Python, fact and warnings as stock, in each mode and order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_mitogen.compat.platform_discovery import platform_script
from tests.integration.test_differential import report
from tests.support import interpreters
from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import Difference, differences
from tests.support.sshd import Sshd

PLAYBOOK = Path(__file__).parent / "discovery" / "main.yml"
MODES = ("auto", "auto_silent", "auto_legacy", "auto_legacy_silent")
#: Tasks, or items of them, that find no Python.
WITHOUT = {
    "each with its own",
    "one after the other",
    "one that is missing",
    "an empty list",
    "from the list",
    "again",
}


def _lists(named: str) -> dict[str, list[str]]:
    """What is looked for, in which order."""
    return {
        "list_named": [named, "/usr/bin/python3"],
        "list_missing": ["/no/such/python", "python3"],
        "list_none": ["/no/such/python"],
    }


def _inventory(world: World, sshd: Sshd, named: str) -> None:
    host = sshd.inventory_vars(sshd.account("bash"))
    host.pop("ansible_python_interpreter", None)
    groups: dict[str, dict[str, dict[str, object]]] = {
        "modes": {
            "default": {},
            **{mode: {"ansible_python_interpreter": mode} for mode in MODES},
        },
        "escalating": {"escalating_auto": {}},
        "gathering": {"gathering_auto": {}},
        "delegating": {"delegating_auto": {}, "delegating_named": _python(named)},
        "workers": {
            "worker_auto": {},
            "worker_silent": _python("auto_silent"),
            "worker_legacy": _python("auto_legacy"),
            "worker_named": _python(named),
        },
        "looping": {"looping_auto": {}},
        "lists": {
            name: {"ansible_interpreter_python_fallback": paths}
            for name, paths in _lists(named).items()
        },
        "keeping": {"keeping_auto": {}},
    }
    # Hosts that are one account would fight for its master.
    world.environment["ANSIBLE_SSH_ARGS"] = "-o ControlMaster=no"
    everything = world.inventory["all"]
    everything["vars"]["named_python"] = named
    everything["hosts"] = {
        name: {**host, **more} for members in groups.values() for name, more in members.items()
    }
    everything["children"] = {
        group: {"hosts": dict.fromkeys(members, {})} for group, members in groups.items()
    }


def _python(path: str) -> dict[str, object]:
    return {"ansible_python_interpreter": path}


def _run(world: World, kind: str) -> Run:
    run = world.run(PLAYBOOK, kind)
    world.close_masters()
    assert run.returncode == 0, run.output[-4000:]
    return run


def _is_expected(one: Difference) -> bool:
    """Stock may need world-readable files."""
    return one.field.endswith("warnings") and "world-readable" in str(one.stock)


def test_the_same_as_stock(
    world: World, sshd: Sshd, public_interpreter: Callable[[str], str]
) -> None:
    """Every field of every result; what finds a Python does not go the stock way."""
    versions = [version for version in ("3.12", "3.11", "3.13") if interpreters.find(version)]
    if not versions:
        pytest.skip("needs another Python than the system's")
    _inventory(world, sshd, public_interpreter(versions[0]))
    stock, ours = _run(world, STOCK), _run(world, OURS)
    found = [one for one in differences(stock, ours) if not _is_expected(one)]
    assert not found, report(found)
    (found_one,) = (event for event in stock.events_of("after a module") if event.host == "auto")
    assert "python" in str(found_one.result["msg"])
    left = {line.task for line in ours.trace if line.way == "stock" and "legacy" not in line.host}
    assert left <= WITHOUT
    # What Ansible asks for is known since the boot; an old core also asks what the system is.
    asked = [line.sent for line in ours.trace if line.reason == "discovery"]
    assert max(asked) == (1 if platform_script() else 0)
