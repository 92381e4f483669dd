"""Kinds of containers whose programs cannot run here: by stand-ins that check their arguments."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_differential import report
from tests.support import collections
from tests.support.ansible_run import OURS, STOCK, Run, World
from tests.support.compare import Difference, differences

FOLDER = Path(__file__).parent / "stand_ins"
PROGRAMS = ("kubectl", "lxc", "incus", "jls", "jexec", "buildah")


def _hosts(user: str, programs: Path) -> dict[str, dict[str, Any]]:
    """Those that become contexts."""
    # Which has no shell there.
    bare = {"raw_command": "printf [%s] '$HOME;' two"}
    return {
        "pod": {"ansible_connection": "kubernetes.core.kubectl", "ansible_host": "web"},
        "pod_full": {
            "ansible_connection": "kubectl",
            "ansible_host": "nobody",
            "ansible_kubectl_pod": "web",
            "ansible_kubectl_namespace": "spaces",
            "ansible_kubectl_container": "app",
            "ansible_kubectl_context": "far",
            "ansible_kubectl_kubeconfig": "/etc/kube config",
            "ansible_kubectl_extra_args": "--cluster green",
        },
        "lxd_full": {
            "ansible_connection": "community.general.lxd",
            "ansible_host": "one.example.com",
            "ansible_lxd_remote": "far",
            "ansible_lxd_project": "first",
        },
        "incus": {
            "ansible_connection": "community.general.incus",
            "ansible_host": "one.example.com",
            "ansible_incus_remote": "far",
        },
        "jail": {
            "ansible_connection": "jail",
            "ansible_host": "cell",
            "mitogen_jexec_path": str(programs / "jexec"),
        },
        "buildah": {"ansible_connection": "buildah", "ansible_host": "working", **bare},
        "buildah_user": {
            "ansible_connection": "containers.podman.buildah",
            "ansible_host": "working",
            "ansible_user": user,
            **bare,
        },
    }


#: Those that are left to the collections' plugins.
LEFT: dict[str, dict[str, Any]] = {
    "lxd_user": {"ansible_connection": "lxd", "ansible_host": "one"},
    "jail_user": {"ansible_connection": "jail", "ansible_host": "cell"},
    "no_jail": {"ansible_connection": "jail", "ansible_host": "nowhere"},
    # Needs a library that only its own Python has.
    "lxc": {"ansible_connection": "lxc", "ansible_host": "one"},
}


def _run(world: World, kind: str) -> tuple[Run, set[str]]:
    """A run, and what the stand-ins were asked."""
    log = world.folder / "asked"
    log.write_text("")
    log.chmod(0o666)
    world.environment["STAND_IN_LOG"] = str(log)
    world.fresh_folder("run")
    run = world.run(FOLDER / "main.yml", kind)
    return run, {_told(line) for line in log.read_text().splitlines()}


def _told(line: str) -> str:
    """What a stand-in noted, but for how files move, which are commands to us."""
    name, asked = json.loads(line)
    asked = {key: value for key, value in asked.items() if key not in {"uid", "gid", "direction"}}
    return json.dumps([name, asked])


def _is_expected(one: Difference) -> bool:
    """Stock may need world-readable files, and keeps one item's user for the next in a loop.

    Its workers load plugins anew, and have what is deprecated in them among their tasks' results.
    """
    if one.field.endswith("deprecations"):
        return "_text' is deprecated" in str(one.stock)
    if one.event.startswith("by others | each"):
        return one.field.startswith("results[6].stdout") and "root" in str(one.stock)
    return one.field.endswith("warnings") and "world-readable" in str(one.stock)


def test_the_same_as_stock(world: World) -> None:
    """Every result, and each program is asked for the same places."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    try:
        world.settings["collections_path"] = str(collections.collections_path())
    except collections.UnavailableError as exc:
        pytest.skip(str(exc))
    folder = world.folder / "bin"
    folder.mkdir()
    program = f"#!{shutil.which('python3', path='/usr/bin:/bin') or sys.executable}\n"
    for name in PROGRAMS:
        (folder / name).write_text(program + (FOLDER / "program.py").read_text())
        (folder / name).chmod(0o755)
    world.environment["PATH"] = f"{folder}:{os.environ['PATH']}"
    everything = world.inventory["all"]
    user = everything["vars"]["other_user"]
    taken = _hosts(user, folder)
    left = {name: {**host, "ansible_user": user} for name, host in LEFT.items()}
    del left["no_jail"]["ansible_user"], left["lxc"]["ansible_user"]
    everything["hosts"] = {"here": everything["hosts"]["here"]}
    everything["children"] = {"inside": {"children": {
        "taken": {"hosts": taken}, "left": {"hosts": left},
    }}}  # fmt: skip
    everything["vars"]["ansible_python_interpreter"] = "/usr/bin/python3"
    (stock, of_stock), (ours, of_ours) = _run(world, STOCK), _run(world, OURS)
    found = [one for one in differences(stock, ours) if not _is_expected(one)]
    assert not found, report(found)
    ways = {name: {line.way for line in ours.trace if line.host == name} for name in taken}
    assert not [name for name in taken if "stock" in ways[name] or "module" not in ways[name]], ways
    assert {one for one in of_ours if '"exec"' in one} <= of_stock
    ok = {event.host for event in stock.events_of("as another") if event.status == "ok"}
    assert ok >= taken.keys() - {"buildah_user"}, stock.output
