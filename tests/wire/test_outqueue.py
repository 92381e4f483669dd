"""`mitogen.wire.outqueue`: fair, in order, and exact about what has been written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mitogen.wire.frame import HEADER_SIZE, MAX_FRAGMENT, Frame, FrameDecoder, Reassembler
from mitogen.wire.outqueue import OutQueue
from mitogen.wire.pieces import Pieces


def _frame(dst_id: int, number: int, payload: bytes | Pieces) -> Frame:
    return Frame(dst_id, 0, 0, 1000, 0, number, 0, payload)


def _drain(queue: OutQueue, sizes: list[int]) -> bytes:
    """Everything, as a link takes it that accepts so many bytes at a time."""
    written = b""
    while not queue.is_empty:
        buffers = b"".join(map(bytes, queue.take(5000)))
        count = min(sizes[len(written) % len(sizes)], len(buffers))
        written += buffers[:count]
        queue.consumed(count)
    return written


@given(
    st.lists(st.tuples(st.integers(0, 2), st.binary(max_size=2000)), max_size=8),
    st.lists(st.integers(1, 3000), min_size=1, max_size=4),
)
def test_everything_arrives_in_order(plan: list[tuple[int, bytes]], sizes: list[int]) -> None:
    """For each destination, however little the link takes at a time."""
    queue = OutQueue()
    for number, (dst_id, payload) in enumerate(plan):
        queue.push(_frame(dst_id, number, payload))
    assert queue.pending_bytes == sum(HEADER_SIZE + len(payload) for _dst, payload in plan)
    found = FrameDecoder().feed(_drain(queue, sizes))
    for dst_id in range(3):
        wanted = [(n, payload) for n, (dst, payload) in enumerate(plan) if dst == dst_id]
        got = [(f.message_id, bytes(f.payload)) for f in found if f.dst_id == dst_id]
        assert got == wanted
    assert queue.pending_bytes == 0


def test_destinations_take_turns() -> None:
    """A small message is not held up by a large one to somebody else."""
    queue = OutQueue()
    queue.push(_frame(1, 1, bytes(5 * MAX_FRAGMENT)))
    queue.push(_frame(2, 2, b"small"))
    queue.push(_frame(1, 3, b"behind the large one"))
    frames = FrameDecoder().feed(_drain(queue, [10_000_000]))
    assert [frame.message_id for frame in frames] == [1, 2, 1, 1, 1, 1, 3]


def test_pieces_are_written_as_they_are() -> None:
    """Nothing is copied, fragments are cut over the borders of buffers."""
    buffers = [bytes([index]) * (MAX_FRAGMENT - 1) for index in range(3)]
    queue = OutQueue()
    queue.push(_frame(1, 1, Pieces(list(buffers))))
    reassembler = Reassembler(10 * MAX_FRAGMENT, 10 * MAX_FRAGMENT)
    whole = None
    for frame in FrameDecoder().feed(_drain(queue, [10_000_000])):
        whole = reassembler.add(frame)
    assert isinstance(whole, Frame)
    assert bytes(whole.payload) == b"".join(buffers)


def test_what_was_taken_and_not_written_comes_first_again() -> None:
    """Also when more has been pushed meanwhile."""
    queue = OutQueue()
    queue.push(_frame(1, 1, b"first"))
    before = b"".join(map(bytes, queue.take(10)))
    queue.push(_frame(2, 2, b"second"))
    assert b"".join(map(bytes, queue.take(1000))).startswith(before)
