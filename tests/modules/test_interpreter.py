"""Which first lines of modules ask for a Python that a message can run them in."""

from __future__ import annotations

import shlex

import pytest

from ansible_mitogen.interpreter import command_words, is_left_to_connection, is_plain


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/python3",
        "/usr/bin/python3.9",
        "/usr/bin/env python3",
        "python3.12 -s -Bu",
        "/opt/a-b_c+1/bin/python3",
    ],
)
def test_a_command_that_starts_python(command: str) -> None:
    """Is taken apart as a shell would take it apart."""
    assert command_words(command) == shlex.split(command)


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/python2",
        "/usr/bin/python3.5",
        "/usr/bin/env python",
        "/usr/bin/env -S python3",
        "/usr/bin/env python3 -s",
        "/usr/bin/env A=b python3",
        "/usr/bin/perl",
        "/usr/bin/python3 -c pass",
        "/usr/bin/python3 -W error",
        "/usr/bin/python3 -i",
        "/usr/bin/python3;true",
        "/usr/bin/python3  -s",
        "~/bin/python3",
        "$HOME/bin/python3",
        "'/usr/bin/env python3'",
        "/a b/python3",
        "/usr/bin/python\u0663",
        "",
    ],
)
def test_any_other_command(command: str) -> None:
    """Is left to a shell: another program, an old Python, or more than words."""
    assert command_words(command) is None


@pytest.mark.parametrize(
    ("path", "arguments", "is_left"),
    [
        (None, [], True),
        ("/usr/bin/python", [], True),
        ("/opt/python", [], True),
        ("/usr/bin/python", ["-s"], False),
        ("/usr/bin/python3", [], False),
        ("/usr/bin/env", ["python"], False),
    ],
)
def test_what_the_connection_decides(path: str | None, arguments: list[str], is_left: bool) -> None:
    """``python`` of any folder, and no first line at all."""
    assert is_left_to_connection(path, arguments) is is_left


@pytest.mark.parametrize(
    ("named", "executable", "plain"),
    [
        (None, "/usr/bin/python3", True),
        ("/usr/bin/python3", "/usr/bin/python3", True),
        ("python3", "/usr/bin/python3", True),
        ("/opt/wrapper", "/usr/bin/python3", False),
        ("wrapper", "/usr/bin/python3", False),
        ("/usr/bin/python3 -E", "/usr/bin/python3", False),
        ("/usr/bin/env python3", "/usr/bin/python3", False),
    ],
)
def test_a_plain_python(named: str | None, executable: str, plain: bool) -> None:
    """Is the one that was named, or found."""
    assert is_plain(named, executable) is plain
