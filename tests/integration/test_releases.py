"""Debians older and newer than the usual one, by all ways to a container: results as in stock."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_containers import PLAYBOOK, assert_same, podman_hosts
from tests.support import collections, containers, podman
from tests.support.ansible_run import OURS, STOCK, World, has_ansible

#: Their Pythons.
RELEASES = {"bullseye": "3.9", "trixie": "3.13"}


def _supported() -> list[str]:
    """Those whose Python this ansible-core looks for."""
    from ansible import constants

    names = " ".join(constants.config.get_config_value("INTERPRETER_PYTHON_FALLBACK"))
    return [
        release
        for release, version in RELEASES.items()
        if re.search(rf"\bpython{re.escape(version)}\b", names)
    ]


@contextlib.contextmanager
def _world(docker: containers.Docker, images: dict[str, str], path: Path) -> Iterator[World]:
    """New containers of each image, as root and as a user."""
    # Short, since sockets live below it, and their paths are limited.
    folder = Path(tempfile.mkdtemp(prefix="mitogentest-"))
    hosts: dict[str, dict[str, Any]] = {}
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        for release, image in images.items():
            (folder / release).mkdir()
            one = stack.enter_context(containers.running_container(docker, image, folder / release))
            by_docker = {"ansible_connection": "docker", "ansible_host": one.name}
            hosts[f"{release}_root"] = by_docker
            hosts[f"{release}_user"] = {**by_docker, "ansible_user": containers.USER}
            # By name: in a loop some cores go on with the item before where there is none.
            hosts[f"{release}_ssh"] = {**one.inventory_vars(), "ansible_connection": "ssh"}
            pod = stack.enter_context(podman.running_podman(docker, image))
            more = podman_hosts(pod).items()
            hosts.update({f"{release}_podman_{name}": one for name, one in more})
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        world = World(folder, {})
        world.inventory["all"] = {
            "hosts": {"here": here},
            "children": {"inside": {"hosts": hosts}},
            "vars": {
                "fetched": str(folder / "fetched"),
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_ssh_use_tty": False,
            },
        }
        world.settings["collections_path"] = str(path)
        world.environment.update(docker.environment())
        yield world
        world.close_masters()


@pytest.mark.slow
def test_the_same_as_stock() -> None:
    """Every result of ordinary tasks."""
    if not has_ansible():
        pytest.skip("needs ansible-core")
    missing = containers.missing_for_containers() or podman.missing_for_podman()
    if missing is not None:
        pytest.skip(missing)
    runs = {}
    with contextlib.ExitStack() as stack:
        try:
            path = collections.collections_path()
            docker = stack.enter_context(containers.running_docker())
            images = {name: containers.make_image(docker, name) for name in _supported()}
            for kind in (STOCK, OURS):
                with _world(docker, images, path) as world:
                    runs[kind] = world.run(PLAYBOOK, kind)
        except (collections.UnavailableError, containers.UnavailableError) as exc:
            pytest.skip(str(exc))
    hosts = {event.host for event in runs[STOCK].events_of("ping")}
    assert len(hosts) == 5 * len(images)
    assert_same(runs, hosts)
