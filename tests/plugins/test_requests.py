"""A defect of ours ends the request, and not in silence: its client waits without a time limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_mitogen import protocol
from ansible_mitogen.broker import bounds
from ansible_mitogen.broker.contents import ContentCache
from ansible_mitogen.broker.request import Environment
from ansible_mitogen.broker.requests import CallRequest, EndBatchRequest, OpenRequest
from ansible_mitogen.broker.run_request import RunRequest
from ansible_mitogen.broker.tree import ContextTree
from ansible_mitogen.protocol import FailureKind
from ansible_mitogen.stack import Hop
from mitogen.core import ChannelError
from mitogen.runtime.timers import Timer
from tests.plugins.test_tree import SSH, SUDO, FakeRouter


class World:
    """A tree whose only login is up."""

    def __init__(self) -> None:
        self.router = FakeRouter()
        self.overdue: list[Timer] = []
        self.environment = Environment(
            ContextTree(self.router, b""), ContentCache(), lambda _: None, self._after
        )
        self.answers: list[Any] = []
        outcomes: list[Any] = []
        self.environment.tree.open([SSH], outcomes.append)
        self.router.made[0].connection.settle()
        self.node = outcomes[0].node

    def _after(self, seconds: float, function: Callable[[], None]) -> Timer:
        self.overdue.append(Timer(seconds, 0, function))
        return self.overdue[-1]

    def start(self, kind: Any, record: protocol.Record) -> Any:
        """A request of that *kind*."""
        request = kind(record, self.environment, self.answers.append)
        request.start()
        return request


KINDS = pytest.mark.parametrize(
    ("kind", "record"),
    [
        (CallRequest, lambda key: protocol.Call(1, key, "exists", ["/"])),
        (RunRequest, lambda key: protocol.Run(1, key, {"job_id": "j", "argv": ["true"]})),
    ],
)


@KINDS
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


def test_a_batch_that_is_done() -> None:
    """Twice, and what nobody used in between has ended."""
    world = World()
    for number in (1, 2):
        assert not world.router.made[0].is_shut_down
        world.start(EndBatchRequest, protocol.EndBatch(number))
    assert world.answers == [protocol.Returned(1, None), protocol.Returned(2, None)]
    assert world.router.made[0].is_shut_down


class Unanswered:
    """What stands for an answer, until `lose`."""

    notify: Any = None

    def get(self, **_options: Any) -> Any:
        """What there is, which cannot be read."""
        return self

    def unpickle(self) -> Any:
        """All that it tells."""
        raise ChannelError("lost")

    def lose(self) -> None:
        """The context has ended."""
        self.notify(self)


def cancelled(kind: Any, record: Any) -> tuple[World, Unanswered, list[Any]]:
    """A world where a request was cancelled, its answer, and what others have been told since."""
    world, answer = World(), Unanswered()
    context = world.router.made[0]
    context.call_async = lambda *_arguments: answer
    context.send_async = lambda _message: answer
    context.send = lambda _message: None
    world.start(kind, record(world.node.key)).cancel()
    told: list[Any] = []
    world.environment.tree.open([SSH], told.append)
    world.environment.tree.when_up(world.node.key, told.append)
    assert told == []
    return world, answer, told


@KINDS
def test_what_was_cancelled_ends(kind: Any, record: Any) -> None:
    """Others wait for that, and find the context as it was."""
    world, answer, told = cancelled(kind, record)
    answer.lose()
    assert [told[0].node, told[1]] == [world.node] * 2
    assert world.overdue[0].is_cancelled
    assert world.node.holds == 0
    assert world.environment.tree.find(world.node.key) is world.node


@KINDS
def test_what_was_cancelled_does_not_end(kind: Any, record: Any) -> None:
    """Its login is given up, ended, and another takes its place."""
    world, answer, told = cancelled(kind, record)
    world.overdue[0].fn()
    assert told == [None]
    assert world.router.made[0].is_shut_down
    world.router.made[1].connection.settle()
    assert told[1].node.context is world.router.made[1]
    answer.lose()
    assert world.node.holds == world.node.doubts == 0


def test_lost_while_others_wait() -> None:
    """A context that is lost before what was cancelled has ended: another is made."""
    world, answer, told = cancelled(*KINDS.args[1][0])
    world.router.made[0].lose()
    assert told == [None]
    answer.lose()
    world.router.made[1].connection.settle()
    assert told[1].node.context is world.router.made[1]
