"""Every connection method passes the suite that ships in `mitogen.testing`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mitogen import methods
from mitogen.testing import conformance
from mitogen.testing.conformance import Bench, ConformanceError, Connect, Way
from tests.library import remote_functions as remote
from tests.library.conftest import PYTHON
from tests.support import containers, podman
from tests.support.doas import missing_for_doas
from tests.support.sshd import Sshd

#: With a password there is a terminal, though nobody asks root.
ON_TERMINAL = {"password": "unused"}

#: What a method is given besides that which makes it work at all.
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *[(name, {}) for name in methods.NAMES],
    *[(name, ON_TERMINAL) for name in ("sudo", "su", "doas")],
    ("command", {"argv": ["unshare", "--uts", "--ipc"]}),
    ("command", {"argv": ["nsenter", "--target", str(os.getpid()), "--uts", "--mount"]}),
]

Options = dict[str, dict[str, Any]]


def by(name: str, **given: Any) -> Connect:
    """Connect by that method, with these options and the ones asked for."""

    def connect(router: Any, **options: Any) -> Any:
        return getattr(router, name)(**{"python_path": PYTHON, **given, **options})

    return connect


@pytest.fixture(scope="module")
def passwords(sshd: Sshd, options: Options) -> dict[str, tuple[Connect, Connect]]:
    """For each method that may want one: connecting with a wrong password, and without any."""
    account = sshd.account("password")

    def both(name: str, login: dict[str, Any], **given: Any) -> tuple[Connect, Connect]:
        def connect(router: Any, **password: Any) -> Any:
            via = router.ssh(python_path=PYTHON, **{**options["ssh"], **login})
            return by(name, via=via, **given, **password)(router)

        return (lambda router: connect(router, password="not this one")), connect

    key_only = {"username": sshd.account("plain").username}
    ssh = {**options["ssh"], "username": account.username}
    found = {
        "ssh": (by("ssh", **{**ssh, "password": "not this one"}), by("ssh", **ssh)),
        "sudo": both("sudo", {"username": sshd.account("sudopass").username}),
        "su": both("su", key_only, username=account.username),
    }
    if missing_for_doas() is None:
        login = {"username": account.username, "password": account.password}
        found["doas"] = both("doas", login)
    return found


@pytest.mark.parametrize(
    ("name", "given"), VARIANTS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_method(
    options: Options,
    passwords: dict[str, tuple[Connect, Connect]],
    name: str,
    given: dict[str, Any],
) -> None:
    """Real programs and stand-ins; those with a terminal, too."""
    wrong, missing = passwords.get(name, (None, None))
    connect = by(name, **{**options[name], **given})
    conformance.check(Way(connect, wrong, missing, has_python_path=name != "fork"))


@pytest.fixture(scope="module")
def in_containers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Way]]:
    """Ways into a Docker and a Podman container that run, and into a new one."""
    missing = containers.missing_for_containers() or podman.missing_for_podman()
    if missing:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("programs")
    with contextlib.ExitStack() as stack:
        try:
            docker = stack.enter_context(containers.running_docker())
            image = containers.make_image(docker)
            pod = stack.enter_context(podman.running_podman(docker, image))
        except containers.UnavailableError as exc:
            pytest.skip(str(exc))
        name = f"{containers.PREFIX}-conformance"
        docker.run("run", "--rm", "--detach", "--network=host", "--name", name, image,
                   "sleep", "1000")  # fmt: skip
        docker_path = script(folder / "docker", docker.argv)
        podman_path = script(folder / "podman", pod.argv)
        user = {"username": containers.USER}
        exec_docker = {"docker_path": docker_path, "container": name}
        exec_podman = {"podman_path": podman_path, "container": pod.container}
        yield {
            "docker": Way(by("docker", **exec_docker)),
            "docker, user": Way(by("docker", **exec_docker, **user)),
            "docker, image": Way(by("docker", docker_path=docker_path, image=image), is_alone=True),
            "podman": Way(by("podman", **exec_podman)),
            "setns, docker": Way(by("setns", kind="docker", **exec_docker)),
            "setns, podman": Way(by("setns", kind="podman", **exec_podman)),
            "setns, user": Way(by("setns", kind="docker", **exec_docker, **user)),
        }


def script(path: Path, argv: list[str]) -> str:
    """The path of a program that is *argv*."""
    path.write_text(f'#!/bin/sh\nexec {" ".join(argv)} "$@"\n')
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    "name",
    ["docker", "docker, user", "docker, image", "podman", "setns, docker", "setns, podman",
     "setns, user"],
)  # fmt: skip
def test_real_containers(in_containers: dict[str, Way], name: str) -> None:
    """Of programs that have been replaced by others above."""
    conformance.check(in_containers[name])


def test_what_does_not_conform() -> None:
    """Is found: a way that goes its own one, and one that wants no password."""
    deaf = Way(lambda router, **_options: router.local())
    with pytest.raises(ConformanceError, match="TimeoutError is expected"), Bench(deaf) as bench:
        conformance.check_timeout(bench)
    open_to_all = Way(by("local"), no_password=by("local"))
    with pytest.raises(ConformanceError, match="PasswordError is expected"):
        conformance.check(open_to_all)


@pytest.mark.parametrize("check", conformance.CHECKS)
def test_checks_by_themselves(check: Callable[[Bench], None]) -> None:
    """None of them needs another one before it."""
    with Bench(Way(by("local"))) as bench:
        check(bench)


def test_setns_leads_where_exec_leads(in_containers: dict[str, Way]) -> None:
    """The same files, processes, account, groups and environment, whoever starts it."""
    for through_exec, through_namespaces in (
        ("docker", "setns, docker"),
        ("docker, user", "setns, user"),
        ("podman", "setns, podman"),
    ):
        with Bench(in_containers[through_exec]) as bench:
            expected = bench.context.call(remote.surroundings)
            connect = in_containers[through_namespaces].connect
            for via in (None, bench.router.local()):
                assert connect(bench.router, via=via).call(remote.surroundings) == expected
