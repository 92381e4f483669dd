"""Every Python from 3.6 on as a context, and as the child of every other."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import mitogen.core
from tests.library import remote_functions as remote
from tests.library.test_calls import VALUES
from tests.support import interpreters, processes

VERSIONS = interpreters.VERSIONS


def _path(version: str) -> str:
    path = interpreters.find(version)
    if path is None:
        pytest.skip(f"no Python {version} on this machine")
    return str(path)


@pytest.fixture(params=VERSIONS)
def child(request: pytest.FixtureRequest, router: Any) -> Any:
    """A child of each version."""
    return router.local(python_path=_path(request.param))


def test_values_and_errors(child: Any) -> None:
    """Travel as between equal versions."""
    assert tuple(child.call(remote.version)[:2]) == child.connection.interpreter.version[:2]
    for value in VALUES:
        result = child.call(remote.echo, value)
        assert (type(result), result) == (type(value), value)
    with pytest.raises(mitogen.core.CallError, match="raise ValueError\\(text\\)"):
        child.call(remote.fail, "it broke")
    with pytest.raises(mitogen.core.CallError, match="object"):
        child.call(remote.unsendable)


def test_children_of_its_own(child: Any) -> None:
    """A child becomes a parent; the code for that is fetched."""
    pids = child.call(remote.descend, 2)
    assert len(set(pids)) == 3


def test_its_end(child: Any) -> None:
    """Also with a stuck main thread and a forked daemon."""
    pid = child.call(os.getpid)
    child.call_no_reply(remote.ignore_term_and_hang)
    child.shutdown(wait=True, timeout=20)
    processes.wait_gone([pid])


@pytest.mark.parametrize(
    ("upper", "lower"),
    [("3.6", "3.13"), ("3.13", "3.6"), ("3.11", "3.7"), ("3.8", "3.11"), ("3.12", "3.9"),
     ("3.10", "3.10")],
)  # fmt: skip
def test_as_the_child_of_another_version(router: Any, upper: str, lower: str) -> None:
    """Boot code that does not fit is fetched from the program, through both ways to start it."""
    top = router.local(python_path=_path(upper))
    bottom = router.local(via=top, python_path=_path(lower))
    assert bottom.call(remote.version)[:2] == [int(part) for part in lower.split(".")]
    assert bottom.call(os.getppid) == top.call(os.getpid)
    again = bottom.call(remote.local_child_with, _path(upper))
    assert again.call(remote.version)[:2] == [int(part) for part in upper.split(".")]


@pytest.mark.parametrize("version", VERSIONS)
def test_one_interpreter_start(router: Any, tmp_path: Path, version: str) -> None:
    """The interpreter is executed once for each context, children of children included."""
    log = tmp_path / "log"
    log.touch()
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\necho start >> {log}\nexec {_path(version)} "$@"\n')
    wrapper.chmod(0o755)
    top = router.local(python_path=str(wrapper))
    top.call(remote.echo, 1)
    assert log.read_text() == "start\n"
    router.local(via=top, python_path=str(wrapper)).call(remote.echo, 1)
    assert log.read_text() == "start\n" * 2


def test_the_title(child: Any, router: Any) -> None:
    """`ps` shows who started it; its own children have the same form."""
    assert child.call(remote.command_line) == child.call(remote.arguments)[0]
    assert child.call(remote.command_line).startswith("mitogen:")
    assert child.call(remote.command_line).endswith(f":{os.getpid()}")
    named = router.local(python_path=child.call(remote.executable), remote_name="i-have-a-name")
    assert named.call(remote.command_line) == "i-have-a-name"


def test_the_same_python_by_default(router: Any) -> None:
    """A local child runs what this program runs."""
    assert router.local().call(remote.executable) == sys.executable


def test_a_program_that_is_no_python(router: Any, tmp_path: Path) -> None:
    """Its exit status is in the error, although the link is closed before it has ended."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec 0<&- 1>&-\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(mitogen.core.StreamError, match="exit status 3") as caught:
        router.local(python_path=str(program))
    assert caught.value.exit_status == 3
    assert caught.value.was_reached


def test_a_program_that_waits(router: Any, tmp_path: Path) -> None:
    """It is told apart from a login that does not come up."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec cat >/dev/null\n")
    program.chmod(0o755)
    with pytest.raises(mitogen.core.StreamError, match="waiting for Python to start") as caught:
        router.local(python_path=str(program), connect_timeout=0.3)
    assert caught.value.was_reached
    with pytest.raises(mitogen.core.StreamError, match="waiting for a shell there") as caught:
        router.command(argv=["sh", "-c", "exec cat >/dev/null"], connect_timeout=0.3)
    assert not caught.value.was_reached
