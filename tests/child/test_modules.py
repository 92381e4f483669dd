"""`mitogen.child.modules`: a context asks its parent for modules, for itself and its children."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import mitogen.core
from mitogen.child.modules import ModuleGateway
from mitogen.core import Message
from mitogen.routing import Identity
from mitogen.runtime.broker import Broker
from mitogen.runtime.router import Router
from mitogen.wire import handles
from mitogen.wire.control import GetModule, LoadModule
from tests.runtime.test_hostile_child import Peer


def _module(name: str, error: str | None = None) -> LoadModule:
    source = None if error else b"x"
    return LoadModule(name, False, None, source, None, None, error, [])


class Middle:
    """A context with a parent, and two children that ask it."""

    def __init__(self, broker: Broker) -> None:
        self.router: Any = Router(broker, Identity(5, (0,)))
        self.parent = Peer(self.router, 0)
        self.gateway = ModuleGateway(self.router, self.parent.context)
        self.children = [Peer(self.router, 6), Peer(self.router, 7)]

    def ask(self, child: Peer, name: str) -> None:
        """One of the children asks."""
        request = Message.pickled(GetModule(name).to_value()).data
        child.send(handles.GET_MODULE, request, dst_id=5, reply_to=1234)

    def asked(self) -> Any:
        """What the parent is asked for, and the frame to answer."""
        while True:
            frame = self.parent.receive()
            if frame.handle == handles.GET_MODULE:
                return frame, Message(data=bytes(frame.payload)).unpickle()[0]

    def answer(self, frame: Any, record: LoadModule) -> None:
        """The parent answers."""
        data = Message.pickled(record.to_value()).data
        self.parent.send(frame.reply_to, data, dst_id=5)

    def close(self) -> None:
        """Hang up."""
        for peer in (self.parent, *self.children):
            peer.close()


@pytest.fixture
def middle() -> Iterator[Middle]:
    """Ended afterwards."""
    broker = Broker()
    middle = Middle(broker)
    yield middle
    broker.shutdown()
    broker.join(20)
    middle.close()


def _answered(child: Peer) -> LoadModule:
    while True:
        frame = child.receive()
        if frame.handle == 1234:
            return LoadModule.from_value(Message(data=bytes(frame.payload)).unpickle())


def test_a_module_passes_once(middle: Middle) -> None:
    """Whoever asks meanwhile waits, whoever asks later gets it from here, this context too."""
    first, second = middle.children
    middle.ask(first, "a")
    middle.ask(second, "a")
    frame, name = middle.asked()
    assert name == "a"
    middle.answer(frame, _module("a"))
    assert _answered(first) == _answered(second) == _module("a")
    assert middle.gateway.request(GetModule("a")) == _module("a")
    middle.ask(first, "b")
    assert middle.asked()[1] == "b"


def test_no_answer_is_no_refusal(middle: Middle) -> None:
    """When the parent cannot say, who asks is told so, and asking again asks it again."""
    first, _second = middle.children
    for _ in range(2):
        middle.ask(first, "a")
        frame, _name = middle.asked()
        middle.parent.send(frame.reply_to, b"out of reach", dst_id=5, reply_to=handles.IS_DEAD)
        answer = first.receive()
        assert (answer.reply_to, bytes(answer.payload)) == (handles.IS_DEAD, b"out of reach")


def test_a_refusal_is_kept(middle: Middle) -> None:
    """It is an answer like any other."""
    first, second = middle.children
    middle.ask(first, "a")
    frame, _name = middle.asked()
    middle.answer(frame, _module("a", "it is on the program's blacklist"))
    assert _answered(first).error == "it is on the program's blacklist"
    middle.ask(second, "a")
    assert _answered(second).error == "it is on the program's blacklist"


def test_a_lost_child_is_forgotten(middle: Middle) -> None:
    """One that comes with its number has none of what that one was sent."""
    first, _second = middle.children
    record = _module("a")
    record.related = [_module("b")]
    middle.ask(first, "a")
    middle.answer(middle.asked()[0], record)
    assert _answered(first).related == [_module("b")]
    middle.ask(first, "a")
    assert _answered(first).related == []
    lost = mitogen.core.Latch()
    first.context.listen("disconnect", lost.put)
    first.close()
    lost.get(20)
    again = Peer(middle.router, 6)
    middle.children.append(again)
    middle.ask(again, "a")
    assert _answered(again).related == [_module("b")]


def test_the_broker_thread_does_not_wait_for_itself(middle: Middle) -> None:
    """An import there fails instead of hanging."""
    with pytest.raises(mitogen.core.Error, match="broker thread"):
        middle.router.broker.defer_sync(lambda: middle.gateway.request(GetModule("a")))
