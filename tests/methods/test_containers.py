"""The methods that lead into containers, and `command`: command lines, stand-ins, real Docker."""

from __future__ import annotations

from pathlib import Path

import pytest

from mitogen import methods
from mitogen.errors import EofError, StreamError
from tests.bootstrap.driver import started
from tests.support import containers, stand_ins

C1 = {"container": "c1"}
BOB = {**C1, "username": "bob"}
REMOTE = ["sh", "-c", "BODY"]

#: Method, options, program, arguments before the remote ones. After the programs' manuals.
LINES: list[tuple[str, dict[str, object], str, list[str]]] = [
    ("docker", C1, "docker", ["exec", "--interactive", "c1"]),
    ("docker", BOB, "docker", ["exec", "--interactive", "--user", "bob", "c1"]),
    ("docker", {"image": "debian:12"}, "docker", ["run", "--interactive", "--rm", "debian:12"]),
    (
        "docker",
        {"image": "i1", "username": "0:0", "docker_path": "/opt/docker"},
        "/opt/docker",
        ["run", "--interactive", "--rm", "--user", "0:0", "i1"],
    ),
    ("podman", C1, "podman", ["exec", "--interactive", "c1"]),
    (
        "podman",
        {**BOB, "podman_path": "/opt/podman"},
        "/opt/podman",
        ["exec", "--interactive", "--user", "bob", "c1"],
    ),
    ("buildah", C1, "buildah", ["run", "c1", "--"]),
    (
        "buildah",
        {**BOB, "buildah_path": "/opt/buildah"},
        "/opt/buildah",
        ["run", "--user", "bob", "c1", "--"],
    ),
    ("kubectl", {"pod": "p1"}, "kubectl", ["exec", "--stdin", "p1", "--"]),
    (
        "kubectl",
        {"pod": "deploy/web", "kubectl_args": ["-n", "prod", "-c", "app"]},
        "kubectl",
        ["exec", "--stdin", "-n", "prod", "-c", "app", "deploy/web", "--"],
    ),
    ("kubectl", {"pod": "p1", "kubectl_path": "oc"}, "oc", ["exec", "--stdin", "p1", "--"]),
    ("lxc", C1, "lxc-attach", ["--clear-env", "--name", "c1", "--"]),
    (
        "lxc",
        {**C1, "lxc_attach_path": "/opt/attach"},
        "/opt/attach",
        ["--clear-env", "--name", "c1", "--"],
    ),
    ("lxd", C1, "lxc", ["exec", "--mode=non-interactive", "c1", "--"]),
    (
        "lxd",
        {"container": "far:c1", "lxc_path": "/snap/bin/lxc"},
        "/snap/bin/lxc",
        ["exec", "--mode=non-interactive", "far:c1", "--"],
    ),
    ("incus", C1, "incus", ["exec", "--mode=non-interactive", "c1", "--"]),
    (
        "incus",
        {**C1, "incus_path": "/opt/incus"},
        "/opt/incus",
        ["exec", "--mode=non-interactive", "c1", "--"],
    ),
    ("jail", C1, "/usr/sbin/jexec", ["c1"]),
    ("jail", {"container": 7}, "/usr/sbin/jexec", ["7"]),
    ("jail", {**BOB, "jexec_path": "jexec"}, "jexec", ["-U", "bob", "c1"]),
    ("command", {"argv": ["nice"]}, "nice", []),
    ("command", {"argv": ["chroot", "/a b"]}, "chroot", ["/a b"]),
]

#: For each program, the keyword that names it.
PATHS = {
    "docker": "docker_path", "podman": "podman_path", "buildah": "buildah_path",
    "kubectl": "kubectl_path", "lxc": "lxc_attach_path", "lxd": "lxc_path",
    "incus": "incus_path", "jail": "jexec_path",
}  # fmt: skip


def argv(name: str, **given: object) -> list[str]:
    method = methods.find(name)
    return method.argv(methods.build_options(method, **given), REMOTE, "COMMAND")


@pytest.mark.parametrize(("name", "given", "program", "words"), LINES)
def test_command_lines(name: str, given: dict[str, object], program: str, words: list[str]):
    """The program, its arguments, and what it shall run, word by word."""
    assert argv(name, **given) == [program, *words, *REMOTE]


@pytest.mark.parametrize(("name", "given"), [(name, given) for name, given, _, _ in LINES])
def test_no_terminal(name: str, given: dict[str, object]):
    """None of them asks anything."""
    method = methods.find(name)
    record = methods.build_options(method, **given)
    assert not method.needs_tty(record)
    assert method.prompts_for(record).prompts == ()


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("docker", C1, "docker.c1"),
        ("docker", {"image": "i1"}, "docker.i1"),
        ("kubectl", {"pod": "deploy/web"}, "kubectl.deploy/web"),
        ("jail", {"container": 7}, "jail.7"),
        ("command", {"argv": ["/usr/bin/nice", "-n", "5"]}, "command.nice"),
        *[(name, C1, f"{name}.c1") for name in ("podman", "buildah", "lxc", "lxd", "incus")],
    ],
)
def test_names_of_contexts(name: str, given: dict[str, object], expected: str):
    """By what they lead to."""
    method = methods.find(name)
    assert method.default_name(methods.build_options(method, **given)) == expected


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("docker", {}, "one of container and image"),
        ("docker", {"container": "c1", "image": "i1"}, "one of container and image"),
        ("podman", {}, r"podman\(\) needs container"),
        ("kubectl", {"pod": "p1", "kubectl_args": "-n prod"}, "kubectl_args is a list"),
        ("command", {"argv": "nice -n 5"}, "argv is a list"),
        ("command", {"argv": []}, "at least one word"),
        ("command", {"argv": ["nice", "-n", 5]}, "argv is a list"),
    ],
)
def test_values_that_cannot_be(name: str, given: dict[str, object], said: str):
    """Said at the caller."""
    with pytest.raises(TypeError, match=said):
        argv(name, **given)


@pytest.mark.parametrize(
    ("name", "given", "words"), [(n, g, w) for n, g, _, w in LINES if n in PATHS]
)
def test_through_a_stand_in(tmp_path: Path, name: str, given: dict[str, object], words: list[str]):
    """It checks its arguments, and a Python comes up behind it."""
    program = stand_ins.make(tmp_path, name, words)
    with started(method=name, **{**given, PATHS[name]: program}) as child:
        assert child.error is None
        assert child.up is not None


def test_the_programs_own_words(tmp_path: Path):
    """What it complains of is in the error."""
    program = stand_ins.make(tmp_path, "podman", ["other", "arguments"])
    with started(method="podman", container="c1", podman_path=program) as child:
        assert type(child.error) is EofError
        assert "'exec' where 'other' is expected" in str(child.error)


def test_no_such_program():
    """A typed error that names it."""
    with pytest.raises(StreamError, match="/no/such/kubectl"):
        with started(method="kubectl", pod="p1", kubectl_path="/no/such/kubectl"):
            pass


def test_real_docker(tmp_path: Path):
    """Into a container that runs, by name, as its root and as a user; and into a new one."""
    missing = containers.missing_for_containers()
    if missing:
        pytest.skip(missing)
    program = tmp_path / "docker"
    with containers.running_docker() as docker:
        image = containers.make_image(docker)
        program.write_text(f'#!/bin/sh\nexec {" ".join(docker.argv)} "$@"\n')
        program.chmod(0o755)
        name = f"{containers.PREFIX}-exec"
        argv = ["run", "--rm", "--detach", "--name", name, "--network=host", image]
        docker.run(*argv, "sleep", "1000")
        for given in (
            {"container": name},
            {"container": name, "username": containers.USER},
        ):
            with started(method="docker", docker_path=str(program), **given) as child:
                assert child.error is None
        with started(method="docker", docker_path=str(program), image=image) as child:
            assert child.error is None
        with started(method="docker", docker_path=str(program), container="no-such-one") as child:
            assert type(child.error) is EofError
            assert "no-such-one" in str(child.error)
