"""`mitogen.wire.pieces`: large byte strings that are never put together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mitogen.wire.pieces import PieceReader, Pieces, buffers_of, cut

pieces = st.lists(st.binary(min_size=1, max_size=20), max_size=8).map(Pieces)


@given(pieces)
def test_they_stand_for_their_bytes(value: Pieces) -> None:
    """Length and content."""
    assert len(value) == len(bytes(value)) == sum(map(len, value.buffers))
    assert repr(value) == f"Pieces({len(value)} bytes)"


@given(pieces, st.integers(1, 30))
def test_cut(value: Pieces, size: int) -> None:
    """Parts of one size, the last one shorter, over the borders of buffers."""
    parts = list(cut(value, size))
    assert b"".join(map(bytes, parts)) == bytes(value)
    assert all(len(part) == size for part in parts[:-1])


@given(pieces, st.data())
def test_reading(value: Pieces, data: st.DataObject) -> None:
    """Any sequence of sizes, nothing included."""
    reader = PieceReader(value)
    found = b""
    while reader.left:
        found += b"".join(reader.take(0))
        found += b"".join(reader.take(data.draw(st.integers(1, reader.left))))
    assert found == bytes(value)
    assert reader.take(0) == []


def test_any_bytes_have_buffers() -> None:
    """One, or none when there is nothing in them."""
    assert buffers_of(b"ab") == [b"ab"]
    assert buffers_of(memoryview(b"")) == []
    assert buffers_of(Pieces([b"a", b"b"])) == [b"a", b"b"]
