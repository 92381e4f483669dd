"""Chains through logins, accounts, containers and what is behind those."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import collections, containers
from tests.support.ansible_run import OURS, PACKAGE, World
from tests.support.sshd import Sshd


@pytest.fixture
def box(world: World) -> Iterator[containers.Container]:
    """A container of a daemon that root of this machine uses without further words."""
    missing = containers.missing_for_containers()
    if missing is not None:
        pytest.skip(missing)
    with contextlib.ExitStack() as stack:
        try:
            world.settings["collections_path"] = str(collections.collections_path())
            docker = stack.enter_context(containers.running_docker())
            image = containers.make_image(docker)
        except (collections.UnavailableError, containers.UnavailableError) as exc:
            pytest.skip(str(exc))
        folder = world.fresh_folder("keys")
        yield stack.enter_context(containers.running_container(docker, image, folder))


def _program(world: World, box: containers.Container) -> str:
    """A `docker` for methods that have no arguments for it."""
    path = world.folder / "docker"
    path.write_text(f'#!/bin/sh\nexec {" ".join(box.docker.argv)} "$@"\n')
    path.chmod(0o755)
    return str(path)


def _hosts(world: World, sshd: Sshd, box: containers.Container) -> dict[str, dict[str, Any]]:
    inside = {
        "ansible_connection": "docker",
        "ansible_host": box.name,
        "ansible_docker_extra_args": " ".join(box.docker.argv[1:]),
    }
    behind = {
        **sshd.inventory_vars(sshd.account("dash")),
        "ansible_ssh_private_key_file": "/srv/key",
        "ansible_ssh_common_args": "-o UserKnownHostsFile=/srv/known",
        "mitogen_via": "root_inside",
    }
    for name, path in (("key", sshd.key), ("known", sshd.known_hosts)):
        box.docker.run("cp", str(path), f"{box.name}:/srv/{name}")
    box.execute("chown root: /srv/key; chmod 600 /srv/key; echo inside >/etc/place")
    return {
        "root_inside": {**inside, "mitogen_via": "root@far"},
        "user_inside": {
            **inside,
            "ansible_user": containers.USER,
            "mitogen_via": "root@locked",
        },
        "account_inside": {
            "ansible_connection": "mitogen_sudo",
            "ansible_user": "root",
            "mitogen_via": "user_inside",
        },
        "entered": {
            "ansible_connection": "mitogen_setns",
            "ansible_host": box.name,
            "ansible_user": containers.USER,
            "mitogen_via": "root@far",
            "mitogen_docker_path": _program(world, box),
        },
        "behind": behind,
    }


def test_through_everything(world: World, sshd: Sshd, box: containers.Container) -> None:
    """Each is who, and where, its inventory says; none takes the user of another."""
    hosts = _hosts(world, sshd, box)
    world.settings["action_plugins"] = str(PACKAGE / "plugins" / "action")
    everything = world.inventory["all"]
    everything["children"] = {"chain": {"hosts": hosts}}
    everything.setdefault("vars", {})["ansible_python_interpreter"] = "/usr/bin/python3"
    where = "echo $(id -un) $(cat /etc/place 2>/dev/null || echo outside)"
    dest = "/tmp/{{ made_name }}-{{ inventory_hostname }}"
    tasks = [
        {"name": "the stack", "mitogen_get_stack": None},
        {"name": "where", "shell": where},
        {"name": "raw", "raw": where},
        {"name": "as root", "shell": where, "become": True},
        {"name": "made", "copy": {"content": "x" * 100_000, "dest": dest}},
        {"name": "gone", "file": {"path": dest, "state": "absent"}},
        {"meta": "reset_connection"},
        {"name": "again", "shell": where},
    ]
    playbook = world.folder / "chain.yml"
    playbook.write_text(json.dumps([{"hosts": "chain", "gather_facts": False, "tasks": tasks}]))
    run = world.run(playbook, OURS)
    assert run.returncode == 0, run.output
    expected = {
        "root_inside": "root inside",
        "user_inside": f"{containers.USER} inside",
        "account_inside": "root inside",
        "entered": f"{containers.USER} inside",
        "behind": f"{sshd.account('dash').username} outside",
    }
    for task in ("where", "raw", "again"):
        found = {event.host: event.result["stdout"].strip() for event in run.events_of(task)}
        assert found == expected, task
    roots = {event.host: event.result["stdout"] for event in run.events_of("as root")}
    assert roots == {host: f"root {text.split()[1]}" for host, text in expected.items()}
    stacks = {event.host: event.result["result"] for event in run.events_of("the stack")}
    methods = {host: [hop["method"] for hop in stack] for host, stack in stacks.items()}
    assert methods == {
        "root_inside": ["ssh", "sudo", "docker"],
        "user_inside": ["ssh", "sudo", "docker"],
        "account_inside": ["ssh", "sudo", "docker", "sudo"],
        "entered": ["ssh", "sudo", "setns"],
        "behind": ["ssh", "sudo", "docker", "ssh"],
    }
    assert "stock" not in {line.way for line in run.trace}
