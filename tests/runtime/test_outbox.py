"""`mitogen.runtime.outbox` over real sockets and pipes."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from mitogen.runtime.deadline import Deadline
from mitogen.runtime.link import PipeLink, SocketLink
from mitogen.runtime.outbox import DIRECT_LIMIT, HIGH_WATER, Chunk, Outbox
from mitogen.wire.frame import Frame, FrameDecoder, Reassembler, encode_header
from mitogen.wire.outqueue import OutQueue


def _frame(number: int, payload: bytes, dst_id: int = 1) -> Frame:
    return Frame(dst_id, 0, 0, 1000, 0, number, 0, payload)


class _Peer:
    """Reads everything that arrives on a descriptor and decodes it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._decoder = FrameDecoder()
        self._reassembler = Reassembler(1 << 30, 1 << 30)
        self.frames: list[Frame] = []

    def read(self) -> None:
        for part in self._decoder.feed(os.read(self._fd, 1 << 20)):
            whole = self._reassembler.add(part)
            if whole is not None:
                self.frames.append(whole)


class _Broker:
    """Stands in for the broker: remembers that a drain is wanted."""

    def __init__(self) -> None:
        self.wanted: deque[int] = deque()

    def want(self) -> None:
        self.wanted.append(1)


@pytest.fixture(params=["socket", "pipe"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[Any, int]]:
    """A link to write to and the descriptor to read from."""
    if request.param == "socket":
        left, right = socket.socketpair()
        link: Any = SocketLink(left)
        yield link, right.fileno()
        right.close()
    else:
        read_fd, write_fd = os.pipe()
        link = PipeLink(os.open(os.devnull, os.O_RDONLY), write_fd)
        yield link, read_fd
        os.close(read_fd)
    link.close()


def _send(outbox: Outbox, frame: Frame) -> bool:
    return outbox.send(frame, encode_header(frame))


def test_a_small_frame_is_written_by_its_sender(ends: tuple[Any, int]) -> None:
    """Without any help of the broker."""
    link, fd = ends
    broker = _Broker()
    outbox = Outbox(link, OutQueue(), broker.want)
    assert _send(outbox, _frame(1, b"hello"))
    assert not broker.wanted
    peer = _Peer(fd)
    peer.read()
    assert bytes(peer.frames[0].payload) == b"hello"


def test_large_and_small_frames_arrive_whole_and_in_order(ends: tuple[Any, int]) -> None:
    """What does not fit waits for `drain`; nothing overtakes within a destination."""
    link, fd = ends
    broker = _Broker()
    outbox = Outbox(link, OutQueue(), broker.want)
    payloads = [b"a", b"b" * 3_000_000, b"c", b"d" * DIRECT_LIMIT, b"", b"e" * 700_000]
    for number, payload in enumerate(payloads):
        assert _send(outbox, _frame(number, payload))
    assert broker.wanted
    peer = _Peer(fd)
    while not outbox.drain():
        peer.read()
    while len(peer.frames) < len(payloads):
        peer.read()
    assert [bytes(frame.payload) for frame in peer.frames] == payloads


def test_a_closed_outbox_refuses(ends: tuple[Any, int]) -> None:
    """`send` says so; `drain` has nothing to do."""
    outbox = Outbox(ends[0], OutQueue(), lambda: None)
    outbox.close()
    assert not _send(outbox, _frame(1, b"x"))
    assert outbox.drain()


def test_a_broken_link_is_found_by_drain() -> None:
    """The sender is not bothered; the broker gets the error."""
    left, right = socket.socketpair()
    link = SocketLink(left)
    outbox = Outbox(link, OutQueue(), lambda: None)
    right.close()
    assert _send(outbox, _frame(1, b"x"))
    with pytest.raises(OSError, match="Broken pipe"):
        outbox.drain()
    link.close()


def test_a_full_outbox_makes_senders_wait_until_it_is_drained(ends: tuple[Any, int]) -> None:
    """`is_full` tells, `wait_for_room` blocks until there is room, or closes, or the deadline."""
    link, fd = ends
    outbox = Outbox(link, OutQueue(), lambda: None)
    assert not outbox.is_full()
    _send(outbox, _frame(1, b"x" * (HIGH_WATER + 4_000_000)))
    assert outbox.is_full()
    outbox.wait_for_room(Deadline(0))
    waiter = threading.Thread(target=outbox.wait_for_room, args=(Deadline(None),))
    waiter.start()
    peer = _Peer(fd)
    while not outbox.drain():
        peer.read()
    waiter.join()
    assert not outbox.is_full()


def test_without_proc_a_pipe_is_written_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """An inherited pipe that cannot be opened anew never blocks and never becomes non-blocking."""
    real_open = os.open

    def refuse_proc(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path).startswith("/proc/"):
            raise FileNotFoundError(path)
        return real_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse_proc)
    read_fd, write_fd = os.pipe()
    link = PipeLink(os.dup(read_fd), write_fd)
    assert not link.is_direct
    outbox = Outbox(link, OutQueue(), lambda: None)
    payload = bytes(range(256)) * 8000
    _send(outbox, _frame(1, payload))
    assert os.get_blocking(link.write_fd)
    peer = _Peer(read_fd)
    while not outbox.drain():
        peer.read()
    while not peer.frames:
        peer.read()
    assert bytes(peer.frames[0].payload) == payload
    link.close()
    os.close(read_fd)


def test_a_chunk_knows_what_is_left() -> None:
    """The ledger is summed, however many writes it took."""
    chunk = Chunk(b"abcdef")
    chunk.written.append(2)
    chunk.written.append(1)
    assert bytes(chunk.rest()) == b"def"


class _Struck(Exception):
    """Raised by the test's signal handler."""


class _Strikes:
    """Has a signal handler raise on this thread again and again, while `is_armed`."""

    def __init__(self) -> None:
        self.is_armed = False
        self.count = 0

    def strike(self, *_args: object) -> None:
        if self.is_armed:
            self.is_armed = False
            self.count += 1
            raise _Struck


@pytest.fixture
def strikes() -> Iterator[_Strikes]:
    """The signal comes every 0.3 ms."""
    strikes = _Strikes()
    previous = signal.signal(signal.SIGALRM, strikes.strike)
    signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
    yield strikes
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


# A signal may strike in a weak reference's callback, which swallows what is raised.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_signals_that_raise_never_corrupt_the_stream(
    ends: tuple[Any, int], strikes: _Strikes
) -> None:
    """What arrives are whole frames, each at most once, in order; each whose send returned is there."""
    link, fd = ends
    broker = _Broker()
    outbox = Outbox(link, OutQueue(), broker.want)
    peer = _Peer(fd)
    returned: set[int] = set()
    over = threading.Event()

    def drain_and_read() -> None:
        while not over.is_set():
            outbox.drain()
            peer.read()

    reader = threading.Thread(target=drain_and_read)
    reader.start()
    number = 0
    while strikes.count < 2000:
        number += 1
        frame = _frame(number, b"%d" % number * 50)
        try:
            strikes.is_armed = True
            _send(outbox, frame)
            strikes.is_armed = False
        except _Struck:
            continue
        returned.add(number)
    over.set()
    last = _frame(0, b"last")
    _send(outbox, last)
    # What an interrupted send has left may lie before it, and the reader may have drained already.
    outbox.drain()
    reader.join()
    while not outbox.drain() or not peer.frames or peer.frames[-1].message_id != 0:
        peer.read()
    arrived = [frame.message_id for frame in peer.frames[:-1]]
    assert arrived == sorted(set(arrived))
    assert returned <= set(arrived)
    assert all(bytes(frame.payload) == b"%d" % frame.message_id * 50 for frame in peer.frames[:-1])
