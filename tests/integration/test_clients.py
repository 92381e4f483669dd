"""Containers whose programs cannot run here, by programs that stand in, compared with stock."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import clients, collections
from tests.support.ansible_run import OURS, PACKAGE, STOCK, World, has_ansible
from tests.support.compare import differences

PLAYBOOK = Path(__file__).parent / "clients" / "main.yml"

_NO_PIPE = {"ansible_pipelining": False}
Hosts = dict[str, dict[str, Any]]

#: Kinds: the full name of the plugin, the container, and its options as variables.
_FULL = {
    "kubectl": "kubernetes.core.kubectl",
    "lxd": "community.general.lxd",
    "incus": "community.general.incus",
    "jail": "community.general.jail",
    "lxc": "community.general.lxc",
    "buildah": "containers.podman.buildah",
}
_OPTIONS: Hosts = {
    "kubectl": {
        "ansible_kubectl_pod": "{{ 'deploy/' ~ inventory_hostname }}",
        "ansible_kubectl_container": "web",
        "ansible_kubectl_namespace": "shop",
        "ansible_kubectl_kubeconfig": "/etc/kube config",
        "ansible_kubectl_host": "https://127.0.0.1:6443",
        "ansible_kubectl_extra_args": "--request-timeout 5s",
        "ansible_kubectl_verify_ssl": False,
        "ansible_kubectl_cert_file": "/etc/cert",
    },
    "lxd": {
        "ansible_lxd_remote": "far", "ansible_lxd_project": "shop",
        "ansible_lxd_executable": "/bin/bash",
    },
    "incus": {
        "ansible_incus_remote": "far", "ansible_incus_project": "shop",
        "ansible_incus_executable": "/bin/bash",
    },
    "lxc": {"ansible_lxc_executable": "/bin/bash"},
    "buildah": {"ansible_user": "root"},
}  # fmt: skip


@pytest.fixture
def world() -> Iterator[World]:
    """A world with the programs in front of its PATH, or a reason to skip."""
    if not has_ansible():
        pytest.skip("needs ansible-core")
    if os.geteuid() != 0:
        pytest.skip("needs root, as the jail's plugin does")
    try:
        path = collections.collections_path()
    except collections.UnavailableError as exc:
        pytest.skip(str(exc))
    folder = Path(tempfile.mkdtemp(prefix="mitogentest-"))
    folder.chmod(0o755)
    (folder / "bin").mkdir()
    world = World(folder, {})
    world.settings["collections_path"] = str(path)
    # Our own names are known in both runs, and used in one.
    world.settings["connection_plugins"] = str(PACKAGE / "plugins" / "connection")
    world.environment.update(
        PATH=f"{folder / 'bin'}:{os.environ['PATH']}",
        PYTHONPATH=str(folder / "bin"),
        K8S_AUTH_CONTEXT="from the environment",
    )
    yield world
    shutil.rmtree(folder)


def _inside(kind: str) -> Hosts:
    """Hosts of each kind, by each name of the plugin."""
    found: Hosts = {}
    for name, full in _FULL.items():
        common: dict[str, Any] = {"ansible_host": "cell"}
        if name == "buildah":
            common["raw_command"] = "printf [%s] '$HOME;' two"
        if name == "lxc":
            # The stock plugin never ends what it sends in.
            common.update(_NO_PIPE)
        own = full if kind == STOCK else f"mitogen_{name}"
        more = _OPTIONS.get(name, {})
        # Incus came after collections, and has no short name.
        short = full if name == "incus" else name
        found[f"{name}-short"] = {**common, **more, "ansible_connection": short}
        found[f"{name}-full"] = {**common, "ansible_connection": full}
        found[f"{name}-own"] = {**common, **more, "ansible_connection": own}
    return found


def _left() -> Hosts:
    """Hosts that ask for what only the stock plugin does."""
    return {
        "token": {"ansible_connection": "kubectl", "ansible_kubectl_token": "secret"},
        "jail-user": {
            "ansible_connection": "jail", "ansible_host": "cell", "ansible_user": "nobody",
        },
    }  # fmt: skip


def _refused() -> Hosts:
    """Hosts whose container is not there."""
    return {
        f"none-{name}": {"ansible_connection": name, "ansible_host": "none", **_NO_PIPE}
        for name in _FULL
    }


def _inventory(world: World, kind: str) -> None:
    world.inventory = {
        "all": {
            "children": {
                "inside": {"hosts": _inside(kind)},
                "left": {"hosts": _left()},
                "refused": {"hosts": _refused()},
            },
            "vars": {
                "ansible_python_interpreter": "/usr/bin/python3",
                "fetched": str(world.fresh_folder("fetched")),
                "made": str(world.fresh_folder("made")),
                "ansible_shell_allow_world_readable_temp": True,
            },
        }
    }


def test_as_stock(world: World) -> None:
    """All results are those of stock, by messages, and the programs are asked for the same."""
    made = clients.make(world.folder / "bin")
    runs, asked = {}, {}
    for kind in (STOCK, OURS):
        _inventory(world, kind)
        runs[kind] = world.run(PLAYBOOK, kind)
        asked[kind] = made.take_asked()
    stock, ours = runs[STOCK], runs[OURS]
    assert stock.returncode == 0, stock.output
    found = [
        one
        for one in differences(stock, ours)
        if not (one.field.endswith("warnings") and "world-readable" in str(one.stock))
        and not one.field.endswith("deprecations")
    ]
    assert not found, "\n".join(str(one) for one in found)
    # What is not there we have to try, where a plugin can look first.
    assert not [one for one in asked[OURS] ^ asked[STOCK] if one[1] != "none"]
    inside = _inside(OURS)
    assert not [line for line in ours.trace if line.host in inside and line.way == "stock"]
    assert {line.host for line in ours.trace if line.way == "module"} == inside.keys()
    ways = {line.way for line in ours.trace if line.host in _left()}
    assert ways == {"stock"}
