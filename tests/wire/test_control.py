"""`mitogen.wire.control`: control messages are what they should be, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mitogen.errors import DecodeError
from mitogen.wire.control import (
    AddRoute,
    AllocateId,
    DelRoute,
    ForwardLog,
    GetModule,
    IdRange,
    LoadModule,
    Record,
)
from mitogen.wire.values import decode, encode

RELATED = LoadModule("b", False, None, b"y", None, None, None, [])
RECORDS = [
    AddRoute(5, "name"),
    AddRoute(5, None),
    DelRoute(5),
    ForwardLog("logger", 20, "text"),
    AllocateId(3),
    IdRange(10, 3),
    GetModule("a.b"),
    LoadModule("a", True, "/path", b"x", None, None, None, [RELATED]),
    LoadModule("a", False, None, None, b"code", b"magic", "error", []),
]


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_records_travel(record: Record) -> None:
    """Equal in type and fields."""
    assert type(record).from_value(decode(encode(record.to_value()))) == record
    assert record != object()


@pytest.mark.parametrize("record", RECORDS, ids=repr)
def test_each_field_is_checked(record: Record) -> None:
    """A field of another type, one too many, one too few."""
    value = record.to_value()
    kind = type(record)
    for wrong in (value[:-1], [*value, 1], tuple(value), None, {}, "x"):
        with pytest.raises(DecodeError):
            kind.from_value(wrong)
    for index in range(len(value)):
        for wrong in (object(), 1.5, {"a": 1}):
            with pytest.raises(DecodeError):
                kind.from_value([*value[:index], wrong, *value[index + 1 :]])


def test_numbers_are_no_truth_values() -> None:
    """`True` is an int to Python, and none to a record."""
    with pytest.raises(DecodeError):
        DelRoute.from_value([True])


def test_related_modules_have_none_of_their_own() -> None:
    """One level."""
    value = LoadModule("a", True, None, b"", None, None, None, [RELATED]).to_value()
    value[-1][0][-1] = [RELATED.to_value()]
    with pytest.raises(DecodeError, match="related"):
        LoadModule.from_value(value)


json_like = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=12,
)


@given(json_like)
def test_rubbish_is_refused(value: Any) -> None:
    """With DecodeError and nothing else."""
    for kind in {type(record) for record in RECORDS}:
        try:
            kind.from_value(value)
        except DecodeError:
            continue


def test_a_record_is_made_of_its_fields() -> None:
    """By place or by name; anything else is a mistake here."""
    assert AddRoute(context_id=5, name="x") == AddRoute(5, "x")
    assert repr(AddRoute(5, "x")) == "AddRoute(context_id=5, name='x')"
    for arguments, named in (((1,), {}), ((1, "x", 2), {}), ((1, "x"), {"other": 1})):
        with pytest.raises(TypeError, match="AddRoute takes context_id, name"):
            AddRoute(*arguments, **named)
