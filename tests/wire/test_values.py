"""`mitogen.wire.values`: what travels, what does not, and what rubbish does (nothing)."""

from __future__ import annotations

import collections
import enum
import math
import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mitogen.errors import CallError, DecodeError, EncodeError
from mitogen.wire import values
from mitogen.wire.pieces import Pieces
from mitogen.wire.values import (
    DEAD,
    LONG_TEXT,
    MAX_DEPTH,
    MAX_STRUCTURE,
    TAG,
    Blob,
    Kwargs,
    Reference,
    Secret,
    decode,
    encode,
    encode_head,
    encode_pieces,
)

texts = st.text(st.characters(), max_size=20) | st.just("\udcff") | st.just("x" * (LONG_TEXT + 1))
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
    | st.binary(max_size=40) | st.binary(max_size=10).map(bytearray)
    | st.binary(max_size=10).map(Blob) | texts.map(Secret)
)  # fmt: skip
hashables = st.recursive(
    st.none() | st.booleans() | st.integers() | texts | st.binary(max_size=10),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
everything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.dictionaries(st.sampled_from([TAG, "a"]), inner, max_size=2)
        | st.dictionaries(texts, inner, max_size=2).map(Kwargs)
        | st.sets(hashables, max_size=4)
        | st.frozensets(hashables, max_size=4)
    ),
    max_leaves=20,
)


def _shape(value: Any) -> Any:
    """The value with all its types, comparable."""
    kind = type(value)
    if kind in (list, tuple):
        return (kind, [_shape(item) for item in value])
    if kind in (dict, Kwargs):
        return (kind, [(_shape(key), _shape(item)) for key, item in value.items()])
    if kind in (set, frozenset):
        return (kind, sorted((repr(_shape(item)) for item in value)))
    return (kind, repr(value) if kind is float else value)


@given(everything)
@example([2**63, -(2**63) - 1, 2**63 - 1, -(2**63), 10**5000])
@example({"a": {TAG: ["s", 3]}})
@example([{"a": b"1", 2: b"2", TAG: b"3"}, {"b": b"4"}])
@example([0.0, -0.0, 5e-324, 1.7976931348623157e308])
def test_values_come_back_as_they_were(value: Any) -> None:
    """Types and the order of dicts included, in one buffer or in pieces."""
    data = encode(value)
    assert _shape(decode(data)) == _shape(value)
    assert bytes(encode_pieces(value)) == data
    middle = len(data) // 2
    for cut in (
        memoryview(data),
        Pieces([part for part in (data[:middle], data[middle:]) if part]),
    ):
        assert _shape(decode(cut)) == _shape(value)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_numbers_that_json_lacks(number: float) -> None:
    """Infinity and NaN travel."""
    assert repr(decode(encode(number))) == repr(number)


def test_the_dead_value() -> None:
    """There is one."""
    assert decode(encode([DEAD])) == [DEAD]
    assert repr(DEAD) == "<dead>"


def test_errors_travel() -> None:
    """With type, message and traceback."""
    error = CallError("a.B", "it broke \udc80", "the lines")
    found = decode(encode(error))
    assert isinstance(found, CallError)
    assert found.args == error.args


class _Name(Reference):
    wire_kind = "name"

    def __init__(self, text: str) -> None:
        self.text = text

    def wire_fields(self) -> list[Any]:
        """What it is made from."""
        return [self.text, 1]


def test_references_are_made_anew_by_the_receiver() -> None:
    """By whoever knows the kind; nothing else makes objects of what arrives."""
    found = decode(encode([_Name("x")]), lambda kind, fields: (kind, fields))
    assert found == [("name", ["x", 1])]
    with pytest.raises(DecodeError, match="reference"):
        decode(encode(_Name("x")))

    def refuse(_kind: str, _fields: list[Any]) -> Any:
        raise DecodeError("unknown")

    with pytest.raises(DecodeError, match="unknown"):
        decode(encode(_Name("x")), refuse)


class _Text(str):
    __slots__ = ()


class _Colour(enum.IntEnum):
    RED = 1


_Pair = collections.namedtuple("_Pair", "left right")  # noqa: PYI024 - what users have


@pytest.mark.parametrize(
    "value",
    [object(), _Text("x"), _Colour.RED, _Pair(1, 2), collections.OrderedDict(), 1j, range(3),
     print, ValueError("x"), memoryview(b"x"), type, iter([])],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_anything_else_is_refused(value: Any) -> None:
    """Wherever it is; subclasses of what travels, too. The type is named."""
    name = type(value).__qualname__
    for wrapped in (value, [value], (1, value), {"k": value}, {"k": [{"l": (value,)}]}):
        with pytest.raises(EncodeError, match=name):
            encode(wrapped)
    if value.__hash__ is not None and not isinstance(value, collections.OrderedDict):
        with pytest.raises(EncodeError, match=name):
            encode({value: 1})


def test_secrets_and_blobs_do_not_show() -> None:
    """In any representation of what holds them."""
    held = [Secret("hunter2"), Blob(b"x" * 100), Kwargs({"password": Secret("hunter2")})]
    assert "hunter2" not in repr(held)
    assert "Blob(100 bytes)" in repr(held)


def _nested(depth: int, value: Any = 0) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_limited_on_both_sides() -> None:
    """A value just below the limit travels."""
    assert decode(encode(_nested(MAX_DEPTH))) == _nested(MAX_DEPTH)
    with pytest.raises(EncodeError, match="deeper"):
        encode(_nested(MAX_DEPTH + 1))
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(EncodeError, match="deeper"):
        encode(itself)
    for depth in (MAX_DEPTH + 2, 500, 100_000):
        with pytest.raises(DecodeError):
            decode(_raw(b"[" * depth + b"]" * depth))


def _raw(structure: bytes, bulk: bytes = b"") -> bytes:
    return struct.pack(">I", len(structure)) + structure + bulk


MALFORMED = [
    b"", b"[", b"]", b"[1,]", b"[1] ", b" [1]", b"[1]x", b"NaN", b"Infinity", b"-Infinity", b"tru",
    b"{", b'{"a"}', b'{"a":1,}', b"'a'", b'"\xff"', b'"a', b'"\\u12"', b"01", b"1.", b"+1",
    b'{"$":1}', b'{"$":[]}', b'{"$":["?"]}', b'{"$":["s"]}', b'{"$":["s",1]}', b'{"$":["s",-1]}',
    b'{"$":["s",true]}', b'{"$":["b",1.0]}', b'{"$":["b",99999999999]}', b'{"$":["i","xyz"]}',
    b'{"$":["i",5]}', b'{"$":["f","1.5"]}', b'{"$":["f",["nan"]]}', b'{"$":["t",5]}',
    b'{"$":["t"]}', b'{"$":["S",[[1]]]}', b'{"$":["S",[{}]]}', b'{"$":["d",[[1]]]}',
    b'{"$":["d",[[[],1]]]}', b'{"$":["d",5]}', b'{"$":["x",5,6]}', b'{"$":["e",["a","b"]]}',
    b'{"$":["e",["a","b",5]]}', b'{"$":["r","context",[1]]}', b'{"$":["z",1]}', b'{"$":["z"],"b":1}',
    b'{"$":[["s"],1]}', b'{"$":[{},1]}', b'{"$":[null]}',
]  # fmt: skip


@pytest.mark.parametrize("structure", MALFORMED, ids=repr)
def test_malformed_values_are_refused(structure: bytes) -> None:
    """With DecodeError and nothing else."""
    for data in (_raw(structure), Pieces([_raw(structure)])):
        with pytest.raises(DecodeError):
            decode(data)


@given(st.binary(max_size=60))
def test_rubbish_is_refused_or_a_value(data: bytes) -> None:
    """Nothing but DecodeError comes out."""
    for candidate in (data, _raw(data)):
        try:
            decode(candidate)
        except DecodeError:
            continue


tagged = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([TAG, "a"]), inner, max_size=2)
        | st.tuples(st.sampled_from(sorted(values._READERS)), inner).map(
            lambda pair: {TAG: list(pair)}
        )
    ),
    max_leaves=8,
)


@given(tagged, st.binary(max_size=10))
def test_well_formed_nonsense_is_refused_or_a_value(structure: Any, bulk: bytes) -> None:
    """Tags with any fields, in any place."""
    text = values._dumps(_plain(structure)).encode("utf-8", "surrogatepass")
    try:
        decode(_raw(text, bulk), lambda _kind, _fields: None)
    except DecodeError:
        return


def _plain(value: Any) -> Any:
    """Without floats that the encoder refuses."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


@given(everything)
def test_a_cut_value_is_refused(value: Any) -> None:
    """At every place."""
    data = encode(value)
    for end in range(0, len(data), max(1, len(data) // 50)):
        with pytest.raises(DecodeError):
            decode(data[:end])
    with pytest.raises(DecodeError):
        decode(data + b"x")


def test_structures_of_any_size_are_not_accepted() -> None:
    """Each byte may become forty of objects."""
    with pytest.raises(DecodeError, match="structure of"):
        decode(struct.pack(">I", MAX_STRUCTURE + 1) + bytes(MAX_STRUCTURE + 1))


@pytest.mark.parametrize("digits", [19, 25, 300, 400, 401, 5000, 200_000])
def test_long_numbers(digits: int) -> None:
    """We never send them so; those that would take long are refused."""
    data = _raw(b"[" + b"9" * digits + b"]")
    if digits <= 400:
        assert decode(data) == [10**digits - 1]
    else:
        with pytest.raises(DecodeError, match="digits"):
            decode(data)
    with pytest.raises(DecodeError):
        decode(_raw(b'{"$":["i","' + b"f" * 70_000 + b'"]}'))


#: Bytes of objects for each byte of a message, at most.
MEMORY_FACTOR = 50

HEAVY = {
    "lists": b"[" + b"[]," * 60_000 + b"[]]",
    "dicts": b"[" + b"{}," * 60_000 + b"{}]",
    "tuples": b"[" + b'{"$":["t",[]]},' * 15_000 + b"0]",
    "sets": b"[" + b'{"$":["S",[]]},' * 15_000 + b"0]",
    "deep sets": b'{"$":["S",[' + b",".join(b'{"$":["t",[%d]]}' % n for n in range(9000)) + b"]]}",
    "numbers": b"[" + b"1000000," * 20_000 + b"0]",
    "keys": b"{" + b",".join(b'"%d":0' % n for n in range(20_000)) + b"}",
    "empty bulk": b"[" + b'{"$":["b",0]},' * 12_000 + b"0]",
    "arrays": b"[" + b'{"$":["a",0]},' * 12_000 + b"0]",
    "kwargs": b"[" + b'{"$":["k",[]]},' * 12_000 + b"0]",
    "errors": b"[" + b'{"$":["e",["","",""]]},' * 8_000 + b"0]",
}  # fmt: skip


@pytest.mark.parametrize("structure", HEAVY.values(), ids=HEAVY)
def test_memory_is_a_small_multiple(structure: bytes) -> None:
    """Whatever a message says it holds."""
    data = _raw(structure)
    decode(_raw(b"[]"))
    tracemalloc.start()
    try:
        value = decode(data)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert value is not None
    assert peak < MEMORY_FACTOR * len(data) + 100_000


def test_large_data_is_not_copied_by_the_sender() -> None:
    """And once by the receiver."""
    data = bytes(20_000_000)
    tracemalloc.start()
    try:
        pieces = encode_pieces({"file": data})
        _now, peak = tracemalloc.get_traced_memory()
        assert peak < 1_000_000
        tracemalloc.reset_peak()
        assert decode(pieces)["file"] == data
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 21_000_000


def test_a_head_saves_encoding_the_same_again() -> None:
    """It is the beginning of a list."""
    head = encode_head(["module", None, "function"])
    assert decode(encode([1, {"k": b"x"}], head)) == ["module", None, "function", 1, {"k": b"x"}]
