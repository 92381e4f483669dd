"""`mitogen.wire.frame`: any cut of the bytes gives the same frames; rubbish gives FrameError only."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mitogen.errors import FrameError
from mitogen.wire.frame import (
    COPY_LIMIT,
    FLAG_MORE,
    HEADER,
    HEADER_SIZE,
    MAX_FRAGMENT,
    Frame,
    FrameDecoder,
    Reassembler,
    TooLarge,
    encode_header,
    fragments,
)

_FIELDS = ("dst_id", "src_id", "auth_id", "handle", "reply_to", "message_id", "flags")
uint32 = st.integers(0, 2**32 - 1)


@st.composite
def frames(draw: st.DrawFn, max_size: int = 300) -> Frame:
    """Frames with any header."""
    numbers = [draw(uint32) for _ in _FIELDS[:-1]]
    return Frame(*numbers, draw(st.integers(0, 255)), draw(st.binary(max_size=max_size)))


def _encoded(frame: Frame) -> bytes:
    return encode_header(frame) + bytes(frame.payload)


def _same(left: Frame, right: Frame) -> bool:
    fields = all(getattr(left, name) == getattr(right, name) for name in _FIELDS)
    return fields and bytes(left.payload) == bytes(right.payload)


def _sized(size: int, flags: int = 0, message_id: int = 1, src_id: int = 7) -> Frame:
    payload = bytes(range(251)) * (size // 251 + 1)
    return Frame(1, src_id, 2, 1000, 0, message_id, flags, payload[:size])


@given(st.lists(frames(), max_size=5), st.data())
def test_frames_arrive_however_they_are_cut(sent: list[Frame], data: st.DataObject) -> None:
    """Order, headers and payloads are as they were."""
    stream = b"".join(map(_encoded, sent))
    decoder = FrameDecoder()
    found = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += decoder.feed(stream[:size])
        stream = stream[size:]
    assert len(found) == len(sent)
    assert all(_same(*pair) for pair in zip(sent, found, strict=True))
    assert decoder.pending == 0


@pytest.mark.parametrize("size", [0, 1, HEADER_SIZE, COPY_LIMIT, COPY_LIMIT + 1, MAX_FRAGMENT])
@pytest.mark.parametrize("chunk", [1009, 65536, MAX_FRAGMENT, MAX_FRAGMENT * 4])
def test_large_frames_arrive(size: int, chunk: int) -> None:
    """Small payloads are bytes of their own, so that what they came in is not kept."""
    sent = [_sized(size), _sized(3), _sized(size)]
    stream = b"".join(map(_encoded, sent))
    decoder = FrameDecoder()
    found = []
    for start in range(0, len(stream), chunk):
        found += decoder.feed(stream[start : start + chunk])
    assert all(_same(*pair) for pair in zip(sent, found, strict=True))
    assert (type(found[0].payload) is bytes) == (size <= COPY_LIMIT)


@given(st.binary(min_size=HEADER_SIZE, max_size=200))
def test_rubbish_is_refused(data: bytes) -> None:
    """With FrameError and nothing else, at the first header that is none."""
    try:
        FrameDecoder().feed(data)
    except FrameError:
        return
    assert data[:3] == b"MG\x01"


@pytest.mark.parametrize(
    "header",
    [
        HEADER.pack(0x4D48, 1, 0, 1, 1, 1, 1, 1, 1, 0),
        HEADER.pack(0x4D47, 2, 0, 1, 1, 1, 1, 1, 1, 0),
        HEADER.pack(0x4D47, 1, 0, 1, 1, 1, 1, 1, 1, MAX_FRAGMENT + 1),
    ],
    ids=["magic", "version", "length"],
)
def test_headers_that_are_none(header: bytes) -> None:
    """Each field is looked at, also behind a good frame."""
    for before in (b"", _encoded(_sized(5))):
        with pytest.raises(FrameError):
            FrameDecoder().feed(before + header)


def test_pending_counts_what_is_unfinished() -> None:
    """Header and payload."""
    stream = _encoded(_sized(100))
    decoder = FrameDecoder()
    decoder.feed(stream[:20])
    assert decoder.pending == 20
    decoder.feed(stream[20:70])
    assert decoder.pending == 70


@given(st.integers(0, 5000), st.integers(1, 700))
def test_fragments_make_the_message(size: int, limit: int) -> None:
    """All but the last say that there is more; a small message is left alone."""
    frame = _sized(size)
    parts = list(fragments(frame, limit))
    assert b"".join(bytes(part.payload) for part in parts) == frame.payload
    assert [bool(part.flags & FLAG_MORE) for part in parts] == [True] * (len(parts) - 1) + [False]
    assert all(0 < len(part.payload) <= limit for part in parts) or size == 0
    if size <= limit:
        assert parts == [frame]


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(0, 2)), max_size=5), st.data())
def test_messages_are_put_together(plan: list[tuple[int, int]], data: st.DataObject) -> None:
    """However the fragments of several messages and sources are mixed."""
    queues = []
    for number, (size, src_id) in enumerate(plan):
        frame = _sized(size, message_id=number, src_id=src_id)
        queues.append(list(fragments(frame, 100)))
    reassembler = Reassembler(1000, 10_000)
    found: dict[int, bytes] = {}
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        whole: Any = reassembler.add(queue.pop(0))
        if whole is not None:
            found[whole.message_id] = bytes(whole.payload)
    assert found == {n: _sized(size).payload for n, (size, _src) in enumerate(plan)}


def test_a_whole_message_is_passed_on_as_it_is() -> None:
    """The usual case costs nothing."""
    frame = _sized(10)
    assert Reassembler(100, 100).add(frame) is frame


def test_too_large_is_said_once() -> None:
    """The rest is dropped; the next message of the same number is a new one."""
    reassembler = Reassembler(250, 10_000)
    verdicts = [reassembler.add(part) for part in fragments(_sized(450), 100)]
    assert [type(verdict) for verdict in verdicts] == [
        type(None), type(None), TooLarge, type(None), type(None),
    ]  # fmt: skip
    assert type(reassembler.add(_sized(251))) is TooLarge
    assert type(reassembler.add(_sized(250))) is Frame


def test_unfinished_messages_are_limited_together() -> None:
    """A source cannot fill the memory with beginnings."""
    reassembler = Reassembler(1000, 250)
    verdicts = [reassembler.add(_sized(100, FLAG_MORE, number)) for number in range(3)]
    assert [type(verdict) for verdict in verdicts] == [type(None), type(None), TooLarge]
    assert reassembler.add(_sized(100, FLAG_MORE, 1, src_id=8)) is None


def test_a_lost_source_is_forgotten() -> None:
    """What it had begun is not mixed with what a new one of the same number sends."""
    reassembler = Reassembler(1000, 1000)
    reassembler.add(_sized(100, FLAG_MORE))
    reassembler.forget_source(7)
    whole: Any = reassembler.add(_sized(10))
    assert len(whole.payload) == 10


def test_a_frame_describes_itself() -> None:
    """Without its payload, which may be a secret."""
    assert repr(_sized(5)).startswith("Frame(dst=1, src=7, handle=1000")
    assert repr(_sized(5)).endswith("5 bytes)")
