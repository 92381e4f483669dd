"""`setns`: what managers are asked and answer, and what is entered; real namespaces."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mitogen.setns
from mitogen import methods
from mitogen.errors import NamespaceError
from tests.bootstrap.driver import Started, started
from tests.support import namespaces, stand_ins

INSPECT = ["inspect", "--type=container", "--format={{.State.Pid}}", "c1"]

#: Kind, the option that names its program, what that is asked, its answer of a leader.
MANAGERS = [
    ("docker", "docker_path", INSPECT, "{}"),
    ("podman", "podman_path", INSPECT, "{}"),
    ("lxc", "lxc_info_path", ["--no-humanize", "--pid", "--name", "c1"], "{}"),
    ("lxd", "lxc_path", ["info", "c1"], "Name: c1\nStatus: Running\nPid: {}\nProcesses: 7\n"),
    ("lxd", "lxc_path", ["info", "c1"], "Name: c1\nStatus: RUNNING\nPID: {}\nResources:\n  12"),
    ("incus", "incus_path", ["info", "c1"], "Name: c1\nStatus: RUNNING\nPID: {}\nCreated: 2024"),
    ("machinectl", "machinectl_path", ["show", "--property=Leader", "c1"], "Leader={}"),
    ("nspawn", "machinectl_path", ["show", "--property=Leader", "c1"], "Leader={}"),
]


@pytest.fixture(scope="module")
def leader() -> Iterator[int]:
    """The pid of a process in namespaces of its own."""
    missing = namespaces.missing_for_namespaces()
    if missing:
        pytest.skip(missing)
    with namespaces.running_leader() as pid:
        yield pid


def options(name: str, **given: Any) -> methods.Options:
    return methods.build_options(methods.find("setns"), container="c1", kind=name, **given)


@pytest.mark.parametrize(("kind", "path_option", "words", "answer"), MANAGERS)
def test_every_manager(
    tmp_path: Path, leader: int, kind: str, path_option: str, words: list[str], answer: str
):
    """It is asked in its own words, and its leader's namespaces are entered."""
    program = stand_ins.make_answering(tmp_path, kind, words, answer.format(leader))
    with started(method="setns", container="c1", kind=kind, **{path_option: program}) as child:
        assert child.error is None
        assert child.up is not None
        inside = child_of(child.process.pid)
        for name in ("pid", "uts", "ipc", "mnt"):
            assert namespace(inside, name) == namespace(leader, name)
        assert namespace(inside, "net") == namespace(os.getpid(), "net")


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def namespace(pid: int, name: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{name}")


def entering(folder: Path, leader: object, **given: Any) -> Any:
    program = stand_ins.make_answering(folder, "docker", INSPECT, str(leader))
    return started(method="setns", container="c1", kind="docker", docker_path=program, **given)


def test_an_account_inside(tmp_path: Path, leader: int):
    """By name, with its groups, and the environment of the leader but for what is the user's."""
    with entering(tmp_path, leader, username="daemon") as child:
        assert child.error is None
        status = Path(f"/proc/{child_of(child.process.pid)}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    expected = subprocess.run(["id", "-G", "daemon"], capture_output=True, text=True).stdout
    assert set(fields["Uid"].split()) == {"1"}
    assert set(fields["Groups"].split()) == set(expected.split())


def test_users_of_its_own(tmp_path: Path):
    """A container whose root is nobody out here."""
    missing = namespaces.missing_for_namespaces()
    if missing:
        pytest.skip(missing)
    with namespaces.running_leader(has_users=True) as pid:
        with entering(tmp_path, pid) as child:
            assert child.error is None
            inside = child_of(child.process.pid)
            assert namespace(inside, "user") == namespace(pid, "user")
            assert os.stat(f"/proc/{inside}").st_uid == 100000


@pytest.mark.parametrize(
    ("answer", "given", "said"),
    [
        ("0", {}, "c1 does not run"),
        ("Leader=0", {}, "c1 does not run"),
        ("", {}, "c1 does not run"),
        (os.getpid(), {"username": "no-such-user"}, "the container has no user no-such-user"),
        (2**22 + 1, {}, "No such file"),
    ],
)
def test_what_cannot_be_entered(tmp_path: Path, answer: object, given: dict[str, Any], said: str):
    """NamespaceError, with the reason."""
    with entering(tmp_path, answer, **given) as child:
        refused(child, said)


def refused(child: Started, said: str) -> None:
    assert type(child.error) is NamespaceError
    assert said in str(child.error)


def test_a_manager_that_refuses_or_is_not_there(tmp_path: Path):
    """NamespaceError in its own words; many lines are made one."""
    program = tmp_path / "podman"
    program.write_text("#!/bin/sh\nprintf 'Error: no such container\\n  c1\\n' >&2\nexit 125\n")
    program.chmod(0o755)
    for path, said in ((program, "Error: no such container c1"), ("/no/such", "/no/such: No such")):
        with started(method="setns", container="c1", kind="podman", podman_path=str(path)) as child:
            refused(child, said)


def test_the_documented_name():
    """`mitogen.setns.Error`."""
    assert mitogen.setns.Error is NamespaceError


def test_names_and_kinds():
    """The context is called after the container; an unknown kind is said at once."""
    assert methods.find("setns").default_name(options("lxc")) == "setns.c1"
    with pytest.raises(ValueError, match="kind is one of docker, .* not 'chroot'"):
        options("chroot")
