"""`mitogen.controller.start_child` and `ids`: what contexts ask each other to get children."""

from __future__ import annotations

from typing import Any

import pytest

import mitogen.master
from mitogen.bootstrap.handshake import InterpreterInfo
from mitogen.controller.ids import MAX_RANGE_SIZE, IdClient
from mitogen.controller.start_child import ChildStarted, StartChild
from mitogen.errors import DecodeError, StreamError
from mitogen.wire.values import Secret, decode, encode

INTERPRETER = InterpreterInfo((3, 11, 7), "a70d0d0a", 0, "/usr/bin/python3")


def test_a_request_travels() -> None:
    """Secrets as such."""
    request = StartChild(7, "sudo", {"password": Secret("x"), "name": "n"})
    found = StartChild.from_value(decode(encode(request.to_value())))
    assert found == request
    assert type(found.options["password"]) is Secret


def test_a_success_travels() -> None:
    """With the interpreter found."""
    found = ChildStarted.from_value(decode(encode(ChildStarted(None, INTERPRETER).to_value())))
    assert (found.error, found.interpreter) == (None, INTERPRETER)


@pytest.mark.parametrize("kind", StreamError.__subclasses__())
def test_a_failure_travels(kind: type[StreamError]) -> None:
    """Every failure of a connect keeps its type."""
    found = ChildStarted.from_value(decode(encode(ChildStarted(kind("why"), None).to_value())))
    assert type(found.error) is kind
    assert str(found.error) == "why"


@pytest.mark.parametrize("name", ["ValueError", "SystemExit", "os", "Error", ""])
def test_nothing_else_a_context_names_is_raised(name: str) -> None:
    """It is a StreamError."""
    found = ChildStarted.from_value([name, "why", None])
    assert type(found.error) is StreamError
    assert str(found.error) == "why"


@pytest.mark.parametrize("value", [None, [], [1, "x"], ["1", "x", {}], [1, 2, {}], [1, "x", []]])
def test_what_is_neither(value: Any) -> None:
    """Raises DecodeError."""
    with pytest.raises(DecodeError):
        StartChild.from_value(value)
    with pytest.raises(DecodeError):
        ChildStarted.from_value([None, None, value])
    with pytest.raises(DecodeError):
        ChildStarted.from_value([value, "text", None] if value else value)


def test_ids_are_handed_out_once() -> None:
    """Here and to whoever asks, in ranges."""
    with mitogen.master.Router() as router:
        client = IdClient(router.myself())
        found = [client.allocate() for _ in range(250)]
        found += [router.allocate_id() for _ in range(5)]
        assert len(set(found)) == len(found)
        assert MAX_RANGE_SIZE > 250
