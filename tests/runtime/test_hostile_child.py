"""A child is assumed hostile: what it may send, and what happens when it sends anything else.

The hostile end is a socket that speaks frames; this end is a program's router with two children.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

import mitogen.core
import mitogen.master
from mitogen.core import Message
from mitogen.runtime.link import SocketLink
from mitogen.runtime.stream import Stream
from mitogen.wire import handles
from mitogen.wire.control import AddRoute, AllocateId, DelRoute, ForwardLog, GetModule
from mitogen.wire.frame import FLAG_MORE, Frame, FrameDecoder, encode_header
from mitogen.wire.values import encode

TIMEOUT = 20.0
LIMIT = 100_000


class Peer:
    """One child, and the raw end of its link."""

    def __init__(self, router: Any, context_id: int) -> None:
        self.context_id = context_id
        ours, self._sock = socket.socketpair()
        self._sock.settimeout(TIMEOUT)
        self._decoder = FrameDecoder()
        self._frames: list[Frame] = []
        self.stream = Stream(router.broker, router, context_id, SocketLink(ours))
        self.context = router.context_by_id(context_id, name=f"peer{context_id}")
        router.broker.defer_sync(lambda: router.register(self.context, self.stream))
        router.broker.defer_sync(self.stream.start)

    def send_raw(self, data: bytes) -> None:
        """Any bytes."""
        self._sock.sendall(data)

    def send(self, handle: int, data: bytes = b"", **fields: int) -> None:
        """A frame with any header."""
        header = {
            "dst_id": 0, "src_id": self.context_id, "auth_id": self.context_id, "handle": handle,
            "reply_to": 0, "message_id": 1, "flags": 0,
        }  # fmt: skip
        frame = Frame(payload=data, **{**header, **fields})  # type: ignore[arg-type]  # ints
        self.send_raw(encode_header(frame) + data)

    def receive(self) -> Frame:
        """The next frame that arrives; EOFError when the link was closed."""
        while not self._frames:
            data = self._sock.recv(65536)
            if not data:
                raise EOFError
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    def ask(self, handle: int, data: bytes = b"", **fields: int) -> Frame:
        """Send and wait for the answer; everything that came in order before it has been seen."""
        self.send(handle, data, **{"reply_to": 5555, **fields})
        while True:
            frame = self.receive()
            if frame.handle == 5555:
                return frame

    def settle(self) -> None:
        """Return when all that was sent has been dealt with."""
        self.ask(4242)

    def close(self) -> None:
        """Hang up."""
        self._sock.close()


@pytest.fixture
def router() -> Iterator[Any]:
    """A program's router with small limits."""
    broker = mitogen.master.Broker()
    yield mitogen.master.Router(broker, max_message_size=LIMIT)
    broker.shutdown()
    broker.join(TIMEOUT)


@pytest.fixture
def peers(router: Any) -> Iterator[tuple[Peer, Peer]]:
    """The hostile one, and its innocent sibling."""
    pair = Peer(router, 1), Peer(router, 2)
    yield pair
    for peer in pair:
        peer.close()


def _is_dead(frame: Frame, text: str) -> bool:
    return frame.reply_to == handles.IS_DEAD and text in bytes(frame.payload).decode()


def test_rubbish_ends_the_link(router: Any, peers: tuple[Peer, Peer]) -> None:
    """And nothing else."""
    hostile, innocent = peers
    hostile.send_raw(os.urandom(100_000))
    with pytest.raises((EOFError, ConnectionResetError)):
        hostile.receive()
    innocent.settle()
    assert router.broker.defer_sync(lambda: hostile.stream.is_closed)


@pytest.mark.parametrize("fields", [{"src_id": 2}, {"auth_id": 2}, {"src_id": 0}, {"auth_id": 0},
                                    {"src_id": 77}, {"auth_id": 77}], ids=str)  # fmt: skip
@pytest.mark.parametrize("dst_id", [0, 2])
def test_forged_sources(
    router: Any, peers: tuple[Peer, Peer], fields: dict[str, int], dst_id: int
) -> None:
    """Get nowhere."""
    hostile, innocent = peers
    received: list[Message] = []
    handle = router.add_handler(received.append)
    hostile.send(handle, **{**fields, "dst_id": dst_id})
    hostile.settle()
    assert not received
    innocent.send(handle)
    assert innocent.ask(4242).handle == 5555
    assert [msg.src_id for msg in received] == [2]


@pytest.mark.parametrize(
    "handle", [handles.CALL_FUNCTION, handles.SHUTDOWN, handles.START_CHILD, 7], ids=str
)
def test_what_a_child_may_not_ask(peers: tuple[Peer, Peer], handle: int) -> None:
    """Is answered, and does nothing."""
    hostile, innocent = peers
    assert _is_dead(hostile.ask(handle, encode(["os", None, "system", None, ["id"], {}])), "")
    innocent.settle()


@pytest.mark.parametrize("data", [b"", b"rubbish", encode(None), encode(["x"] * 8)], ids=repr)
@pytest.mark.parametrize(
    "handle",
    [handles.GET_MODULE, handles.ADD_ROUTE, handles.DEL_ROUTE, handles.FORWARD_LOG,
     handles.ALLOCATE_ID, handles.GET_BUNDLE, handles.DETACHING],
)  # fmt: skip
@pytest.mark.parametrize("reply_to", [0, handles.IS_DEAD])
def test_requests_that_are_none(
    router: Any, peers: tuple[Peer, Peer], handle: int, data: bytes, reply_to: int
) -> None:
    """Are dropped; the link and everybody else's go on."""
    hostile, innocent = peers
    router.connector()
    hostile.send(handle, data, reply_to=reply_to)
    hostile.settle()
    innocent.settle()


def test_a_request_that_is_none_gets_an_answer(peers: tuple[Peer, Peer]) -> None:
    """Nobody waits for ever, not even who deserves it."""
    assert _is_dead(peers[0].ask(handles.GET_MODULE, b"rubbish"), "")


def test_a_request_that_meets_a_defect(router: Any, peers: tuple[Peer, Peer]) -> None:
    """Or a machine that has nothing left to serve it with: who asked hears of that."""

    def fail(_msg: Message) -> None:
        raise RuntimeError("no thread is left")

    handle = router.add_handler(fail)
    assert _is_dead(peers[0].ask(handle), "RuntimeError: no thread is left")
    peers[1].settle()


def test_claimed_routes(router: Any, peers: tuple[Peer, Peer]) -> None:
    """A child can announce what nobody has; not its sibling, this context or another's child."""
    hostile, innocent = peers
    innocent.send(handles.ADD_ROUTE, encode(AddRoute(30, "mine").to_value()))
    innocent.settle()
    for context_id in (0, 2, 30):
        hostile.send(handles.ADD_ROUTE, encode(AddRoute(context_id, "mine").to_value()))
    hostile.send(handles.ADD_ROUTE, encode(AddRoute(40, "free").to_value()))
    hostile.settle()
    assert [router.table.via(context_id) for context_id in (0, 1, 2, 30, 40)] == [None, 1, 2, 2, 1]


def test_claimed_losses(router: Any, peers: tuple[Peer, Peer]) -> None:
    """A child can take back its own only."""
    hostile, innocent = peers
    innocent.send(handles.ADD_ROUTE, encode(AddRoute(30, "mine").to_value()))
    innocent.settle()
    for context_id in (0, 1, 2, 30, 99):
        hostile.send(handles.DEL_ROUTE, encode(DelRoute(context_id).to_value()))
    hostile.settle()
    assert [router.table.via(context_id) for context_id in (1, 2, 30)] == [1, 2, 2]
    innocent.settle()


def test_messages_over_the_limit(router: Any, peers: tuple[Peer, Peer]) -> None:
    """In one piece or in many, finished or not: answered once, and not kept."""
    hostile, innocent = peers
    handle = router.add_handler(lambda _msg: None)
    assert _is_dead(hostile.ask(handle, bytes(LIMIT + 1)), "exceeds the limit")
    for _ in range(3):
        hostile.send(handle, bytes(LIMIT // 2), message_id=9, flags=FLAG_MORE, reply_to=6)
    assert _is_dead(hostile.receive(), "exceeds the limit")
    for number in range(100, 200):
        hostile.send(handle, bytes(LIMIT // 4), message_id=number, flags=FLAG_MORE)
    hostile.settle()
    innocent.settle()


def test_answers_of_others(router: Any, peers: tuple[Peer, Peer]) -> None:
    """Only the context that was asked can answer."""
    hostile, innocent = peers
    receiver = innocent.context.send_async(Message.pickled("question", handle=1234))
    asked = innocent.receive()
    hostile.send(asked.reply_to, encode("a lie"))
    hostile.settle()
    innocent.send(asked.reply_to, encode("the truth"))
    assert receiver.get(TIMEOUT).unpickle() == "the truth"


def test_no_object_is_made_of_what_arrives(router: Any, peers: tuple[Peer, Peer]) -> None:
    """References are contexts and senders, or refused."""
    hostile, _innocent = peers
    receiver = mitogen.core.Receiver(router)
    for kind, fields in (("context", [1, "x"]), ("context", ["1", "x"]), ("os", ["system", "id"])):
        structure = b'[{"$":["r","%s",%s]}]' % (kind.encode(), repr(fields).encode())
        structure = structure.replace(b"'", b'"')
        hostile.send(receiver.handle, len(structure).to_bytes(4, "big") + structure)
    assert receiver.get(TIMEOUT).unpickle() == [hostile.context]
    for _ in range(2):
        with pytest.raises(mitogen.core.Error, match="reference"):
            receiver.get(TIMEOUT).unpickle()


def test_forwarded_records(peers: tuple[Peer, Peer], caplog: pytest.LogCaptureFixture) -> None:
    """Say whom they are from, whatever they claim."""
    hostile, _innocent = peers
    caplog.set_level(logging.INFO)
    news = ForwardLog("ctx.peer2", logging.CRITICAL, "%s %d {0} lies")
    hostile.send(handles.FORWARD_LOG, encode(news.to_value()))
    hostile.settle()
    (record,) = [record for record in caplog.records if "lies" in record.getMessage()]
    assert record.name == "ctx.peer1"
    assert record.getMessage() == "ctx.peer2: %s %d {0} lies"


def test_ids_are_given_in_small_portions(peers: tuple[Peer, Peer]) -> None:
    """Nobody uses the number space up with one request."""
    hostile, _innocent = peers
    for count in (-5, 0, 2**31):
        answer = hostile.ask(handles.ALLOCATE_ID, encode(AllocateId(count).to_value()))
        _first, given = mitogen.core.Message(data=bytes(answer.payload)).unpickle()
        assert 1 <= given <= 10_000


def test_modules_are_read_and_never_run(peers: tuple[Peer, Peer]) -> None:
    """A name that is a path, or a module not imported here, is looked for and no more."""
    hostile, _innocent = peers
    for name in ("this", "../../etc/passwd", "a" * 5000, "", ".", "os;import os", "antigravity"):
        answer = hostile.ask(handles.GET_MODULE, encode(GetModule(name).to_value()))
        value = Message(data=bytes(answer.payload)).unpickle()
        assert value[6] is not None
        assert value[3] is None


def test_a_sender_that_does_not_read(router: Any, peers: tuple[Peer, Peer]) -> None:
    """Its sibling and this context are not held up."""
    hostile, innocent = peers
    for _ in range(20):
        hostile.context.send(Message(handle=1234, data=bytes(LIMIT)))
    innocent.settle()
    assert router.broker.defer_sync(lambda: "alive") == "alive"
