"""Hosts that go and come back, links that are cut, connections that change in the middle of a play."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support import containers
from tests.support.ansible_run import OURS, STOCK, Run, World, has_ansible
from tests.support.compare import Difference, differences

PLAYBOOK = Path(__file__).parent / "comes" / "main.yml"


def _run(docker: containers.Docker, image: str, kind: str) -> Run:
    # Short, since control sockets and ours live below it, and their paths are limited.
    folder = Path(tempfile.mkdtemp(prefix="mitogentest-"))
    (folder / "keys").mkdir()
    try:
        with containers.running_container(docker, image, folder / "keys") as container:
            host = {
                **container.inventory_vars(),
                "ansible_ssh_use_tty": False,
                "ansible_python_interpreter": "/usr/bin/python3",
            }
            world = World(folder, {"all": {"hosts": {"debian": host}}})
            return world.run(PLAYBOOK, kind)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_expected(one: Difference) -> bool:
    """How long it took, and in which words ssh's end is told."""
    return one.field in {"elapsed", "msg"} and one.event.startswith(("goes | cut", "goes | nobody"))


def test_the_same_as_stock() -> None:
    """Every result; nothing hangs, and what follows a loss works."""
    if not has_ansible():
        pytest.skip("needs ansible-core")
    missing = containers.missing_for_containers()
    if missing is not None:
        pytest.skip(missing)
    with contextlib.ExitStack() as stack:
        try:
            docker = stack.enter_context(containers.running_docker())
            image = containers.make_image(docker)
        except containers.UnavailableError as exc:
            pytest.skip(str(exc))
        stock, ours = (_run(docker, image, kind) for kind in (STOCK, OURS))
    assert stock.returncode == ours.returncode, stock.output + ours.output
    found = [one for one in differences(stock, ours) if not _is_expected(one)]
    assert not found, "\n".join(str(one) for one in found)
    for run in (stock, ours):
        for name in ("cut", "nobody answers"):
            assert {event.status for event in run.events_of(name)} == {"unreachable"}, run.output
        assert run.events_of("rebooted")[0].result["rebooted"]
        assert "games" not in run.events_of("groups before")[0].result["stdout"]
        assert "games" in run.events_of("groups after")[0].result["stdout"]
    assert "stock" not in {line.way for line in ours.trace}
