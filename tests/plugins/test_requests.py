"""A defect of ours ends the request, and not in silence: its client waits without a time limit."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_mitogen import protocol
from ansible_mitogen.broker import bounds
from ansible_mitogen.broker.contents import ContentCache
from ansible_mitogen.broker.request import Environment
from ansible_mitogen.broker.requests import CallRequest, OpenRequest
from ansible_mitogen.broker.run_request import RunRequest
from ansible_mitogen.broker.tree import ContextTree
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.stack import Hop
from tests.plugins.test_tree import SSH, SUDO, FakeRouter


class World:
    """A tree whose only login is up."""

    def __init__(self) -> None:
        self.router = FakeRouter()
        self.environment = Environment(
            ContextTree(self.router, b""), ContentCache(), lambda _: None
        )
        self.answers: list[Any] = []
        outcomes: list[Any] = []
        self.environment.tree.open([SSH], outcomes.append)
        self.router.made[0].connection.settle()
        self.node = outcomes[0].node

    def start(self, kind: Any, record: protocol.Record) -> None:
        """A request of that *kind*."""
        kind(record, self.environment, self.answers.append).start()


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        (CallRequest, lambda key: protocol.Call(1, key, "exists", ["/"])),
        (RunRequest, lambda key: protocol.Run(1, key, {"job_id": "j", "argv": ["true"]})),
    ],
)
def test_a_context_that_cannot_be_spoken_to(kind: Any, record: Any) -> None:
    """As said, and nothing is held any more."""
    world = World()

    def refuse(*_arguments: Any) -> None:
        raise ZeroDivisionError("a defect")

    world.router.made[0].call_async = world.router.made[0].send_async = refuse
    world.start(kind, record(world.node.key))
    (answer,) = world.answers
    assert (answer.failure, answer.message) == (
        FailureKind.INTERNAL,
        "ZeroDivisionError: a defect",
    )
    assert world.node.holds == 0


def test_a_hop_that_cannot_be_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the way as well, when nobody of the request is about any more."""
    world = World()
    stack = [Hop("ssh", {"hostname": "other"}), SUDO]
    values = [hop.to_value() for hop in stack]
    world.start(OpenRequest, protocol.Open(1, values, {}, needs_python=True))

    def refuse(*_arguments: Any) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(bounds, "to_make_room", refuse)
    world.router.made[1].connection.settle()
    (answer,) = world.answers
    assert (answer.failure, answer.message) == (FailureKind.INTERNAL, "a defect")
