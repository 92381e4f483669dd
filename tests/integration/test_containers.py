"""Containers as inventory hosts, by the names that their users have for the connection plugins."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import collections, containers, podman
from tests.support.ansible_run import OURS, PACKAGE, STOCK, Run, World, has_ansible
from tests.support.compare import Difference, differences

PLAYBOOK = Path(__file__).parent / "containers" / "main.yml"
COLLECTION = "collections_path"
#: What `add_host` was given of a container.
_OF_EACH_RUN = tuple(
    f".add_host.host_vars.ansible_{name}" for name in ("host", "port", "ssh_common_args")
)
WHO = {"name": "who", "command": "id -un"}


@dataclass(frozen=True)
class Place:
    """A Docker daemon with one image, and where the collections are."""

    docker: containers.Docker
    image: str
    collections: Path

    @contextlib.contextmanager
    def world(self) -> Iterator[tuple[World, containers.Container]]:
        """A new container, and a world that leads nowhere yet."""
        # Short, since sockets live below it, and their paths are limited.
        folder = Path(tempfile.mkdtemp(prefix="mitogentest-"))
        (folder / "keys").mkdir()
        try:
            with containers.running_container(self.docker, self.image, folder / "keys") as one:
                world = World(folder, {})
                world.settings[COLLECTION] = str(self.collections)
                world.environment.update(self.docker.environment())
                yield world, one
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """What these tests need, or a reason to skip them."""
    if not has_ansible():
        pytest.skip("needs ansible-core")
    missing = containers.missing_for_containers()
    if missing is not None:
        pytest.skip(missing)
    with contextlib.ExitStack() as stack:
        try:
            path = collections.collections_path()
            docker = stack.enter_context(containers.running_docker())
            image = containers.make_image(docker)
        except (collections.UnavailableError, containers.UnavailableError) as exc:
            pytest.skip(str(exc))
        yield Place(docker, image, path)


def _inventory(world: World, hosts: dict[str, dict[str, Any]]) -> None:
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    world.inventory.update(
        {
            "all": {
                "hosts": {"here": here},
                "children": {"inside": {"hosts": hosts}},
                "vars": {"fetched": str(world.folder / "fetched")},
            }
        }
    )


def _docker_hosts(name: str) -> dict[str, dict[str, Any]]:
    """Hosts that all are the container of that name."""
    common = {"ansible_host": name, "ansible_python_interpreter": "/usr/bin/python3"}
    as_user = {"ansible_user": containers.USER}
    options = {
        "ansible_docker_working_dir": "/srv",
        "ansible_docker_extra_env": {"MARK": "a mark"},
        "ansible_docker_extra_args": "--log-level error",
    }
    return {
        "full": {**common, "ansible_connection": "community.docker.docker"},
        "short": {**common, **as_user, "ansible_connection": "docker"},
        "optional": {**common, **as_user, **options, "ansible_connection": "docker"},
    }


def _ways(run: Run, hosts: Collection[str]) -> set[str]:
    return {line.way for line in run.trace if line.host in hosts}


def _is_expected(one: Difference) -> bool:
    """Each run has folder and containers of its own, and we need no world-readable files."""
    return (
        one.is_of_loading
        or one.field == "dest"
        or one.field.endswith(_OF_EACH_RUN)
        or (one.field.endswith("warnings") and "world-readable" in str(one.stock))
    )


def assert_same(runs: dict[str, Run], inside: Collection[str]) -> None:
    """All results of the playbook are those of stock, and none of its tasks is."""
    stock, ours = runs[STOCK], runs[OURS]
    hosts = {*inside, *(f"added-{host}" for host in inside)}
    assert stock.returncode == ours.returncode == 0, stock.output + ours.output
    assert {event.host for event in stock.events_of("who came")} == hosts - {*inside}
    found = [one for one in differences(stock, ours) if not _is_expected(one)]
    assert not found, "\n".join(str(one) for one in found)
    assert "stock" not in _ways(ours, hosts), ours.output
    assert "module" in _ways(ours, hosts)


def test_docker(place: Place) -> None:
    """Every result is that of stock, whatever the options."""
    runs = {}
    for kind in (STOCK, OURS):
        with place.world() as (world, container):
            hosts = _docker_hosts(container.name)
            _inventory(world, hosts)
            runs[kind] = world.run(PLAYBOOK, kind)
    assert_same(runs, hosts)


def test_podman(place: Place) -> None:
    """The same for Podman, whose plugin knows no other way than files and `podman cp`."""
    missing = podman.missing_for_podman()
    if missing:
        pytest.skip(missing)
    runs = {}
    for kind in (STOCK, OURS):
        with contextlib.ExitStack() as stack:
            world, _container = stack.enter_context(place.world())
            try:
                pod = stack.enter_context(podman.running_podman(place.docker, place.image))
            except containers.UnavailableError as exc:
                pytest.skip(str(exc))
            hosts = podman_hosts(pod)
            _inventory(world, hosts)
            runs[kind] = world.run(PLAYBOOK, kind)
    assert_same(runs, hosts)


def podman_hosts(pod: podman.Podman) -> dict[str, dict[str, Any]]:
    """Hosts that all are this container."""
    common = {
        **pod.inventory_vars(),
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_shell_allow_world_readable_temp": True,
        # Which has no shell there.
        "raw_command": "printf [%s] '$HOME;' two",
    }
    as_user = {**common, "ansible_user": containers.USER}
    return {
        "full": common,
        "short": {**as_user, "ansible_connection": "podman"},
    }


def test_by_namespaces(place: Place) -> None:
    """A container is entered without its manager; modules and become work as anywhere."""
    with place.world() as (world, container):
        world.settings["connection_plugins"] = str(PACKAGE / "plugins" / "connection")
        host = {"ansible_host": container.name, "ansible_connection": "mitogen_setns"}
        _inventory(world, {"root": host, "user": {**host, "ansible_user": containers.USER}})
        as_root = {**WHO, "name": "root", "become": True, "when": "ansible_user is defined"}
        tasks: list[dict[str, Any]] = [WHO, as_root]
        run = world.run(_play(world, "inside", *tasks), STOCK)
        assert run.returncode == 0, run.output
        who = {event.host: event.result["stdout"] for event in run.events_of("who")}
        assert who == {"root": "root", "user": containers.USER}
        assert {line.way for line in run.requests} == {"module"}


def _play(world: World, hosts: str, *tasks: dict[str, Any]) -> Path:
    path = world.folder / "play.yml"
    path.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": list(tasks)}]))
    return path


def test_without_the_collection(place: Place) -> None:
    """Our own name works all the same; the stock plugin's does not, as in stock."""
    with place.world() as (world, container):
        del world.settings[COLLECTION]
        world.settings["connection_plugins"] = str(PACKAGE / "plugins" / "connection")
        world.environment["ANSIBLE_COLLECTIONS_PATH"] = str(world.folder)
        host = {"ansible_host": container.name, "ansible_user": containers.USER}
        _inventory(
            world,
            {
                "own": {**host, "ansible_connection": "mitogen_docker"},
                "other": {**host, "ansible_connection": "docker"},
            },
        )
        run = world.run(_play(world, "inside", {**WHO, "ignore_errors": True}), OURS)
        results = {event.host: event.result for event in run.events_of("who")}
        assert results["own"]["stdout"] == containers.USER, run.output
        assert "docker" in results["other"]["msg"]
        assert _ways(run, {"own"}) == {"module", "operation"}


def test_without_a_strategy(place: Place) -> None:
    """The shadow folder covers the short name."""
    with place.world() as (world, container):
        host = {"ansible_host": container.name, "ansible_user": containers.USER}
        _inventory(world, {"short": {**host, "ansible_connection": "docker"}})
        run = world.run(_play(world, "inside", WHO), "shadow")
        assert run.events_of("who")[0].result["stdout"] == containers.USER, run.output
        assert {line.way for line in run.requests} == {"module"}


def test_on_the_way(place: Place) -> None:
    """A container is reached from a host that is reached from here, and leads to accounts inside."""
    with place.world() as (world, container):
        host = {
            "ansible_host": container.name,
            "ansible_connection": "docker",
            "ansible_user": containers.USER,
            "mitogen_via": "front",
        }
        _inventory(world, {"behind": host})
        world.settings["action_plugins"] = str(PACKAGE / "plugins" / "action")
        front = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        world.inventory["all"]["hosts"]["front"] = front
        tasks: list[dict[str, Any]] = [
            {"name": "stack", "mitogen_get_stack": {}},
            WHO,
            {**WHO, "name": "root", "become": True},
        ]
        run = world.run(_play(world, "behind", *tasks), OURS)
        assert run.returncode == 0, run.output
        hops = run.events_of("stack")[0].result["result"]
        assert [hop["method"] for hop in hops] == ["docker"]
        assert hops[0]["container"] == container.name
        assert run.events_of("who")[0].result["stdout"] == containers.USER
        assert run.events_of("root")[0].result["stdout"] == "root"


def test_a_container_that_is_not_there(place: Place) -> None:
    """It fails as in stock; where that cannot go the same way, it is said what is missing."""
    with place.world() as (world, _container):
        host = {"ansible_host": "mitogentest-none"}
        hosts = {
            "none": {**host, "ansible_connection": "docker"},
            "no_engine": {
                **host,
                "ansible_connection": "docker",
                "ansible_docker_extra_args": "--host unix:///nowhere",
            },
            "behind": {**host, "ansible_connection": "docker", "mitogen_via": "here"},
        }
        _inventory(world, hosts)
        more = {"ignore_errors": True, "ignore_unreachable": True}
        tasks = [{**WHO, **more}, {"name": "raw", "raw": "id -un", **more}]
        stock, ours = (
            world.run(_play(world, "none,no_engine", *tasks), kind) for kind in (STOCK, OURS)
        )
        found = differences(stock, ours)
        assert not found, "\n".join(str(one) for one in found)
        run = world.run(_play(world, "behind", WHO), OURS)
        (event,) = run.events_of("who")
        assert event.status == "unreachable"
        assert "No such container: mitogentest-none" in event.result["msg"]


def test_each_item(place: Place) -> None:
    """An item of a loop may name its own container, user or environment, as in stock."""
    seen = "echo $(id -un) ${MARK-none} $PWD $(cat /etc/mark || echo outside)"

    def task(name: str, *items: Any, **more: Any) -> dict[str, Any]:
        return {"name": name, "shell": seen, "loop": list(items), **more}

    with place.world() as (world, container), place.world() as (_, other):
        for one, mark in ((container, "first"), (other, "second")):
            one.execute(f"echo {mark} > /etc/mark")
        host = {"ansible_host": container.name, "ansible_python_interpreter": "/usr/bin/python3"}
        _inventory(world, {"one": {**host, "ansible_connection": "docker"}})
        names = (container.name, other.name, container.name)
        user, item = containers.USER, "{{ item }}"
        tasks = [
            task("container", *names, vars={"ansible_host": item}),
            task("user", "root", user, vars={"ansible_user": item}),
            task("mark", "1", "2", vars={"ansible_docker_extra_env": {"MARK": item}}),
            task("folder", "/srv", "/", vars={"ansible_docker_working_dir": item}),
            task("connection", "docker", "local", "docker", vars={"ansible_connection": item}),
            task("none of these", "only"),
        ]
        play = _play(world, "inside", *tasks)
        stock, ours = world.run(play, STOCK), world.run(play, OURS)
    assert stock.returncode == ours.returncode == 0, stock.output + ours.output
    found = [one for one in differences(stock, ours) if not _is_expected(one)]
    assert not found, "\n".join(str(one) for one in found)
    assert _ways(ours, ["one"]) == {"module"}
    (event,) = ours.events_of("container")
    marks = [result["stdout"].split()[-1] for result in event.result["results"]]
    assert marks == ["first", "second", "first"]
