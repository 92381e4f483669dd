"""`mitogen.calls`: calls as they travel, and the fate that calls of a chain share."""

from __future__ import annotations

from typing import Any

import pytest

from mitogen.calls import MAX_FAILED_CHAINS, Call, ChainFailures, encode_call, encode_target
from mitogen.errors import DecodeError, EncodeError
from mitogen.wire.values import Kwargs, decode

TARGET = encode_target("a.module", "Class", "method")


def test_a_call_travels() -> None:
    """Names, chain, arguments."""
    call = Call.from_value(decode(encode_call(TARGET, "chain", (1, b"x"), {"key": (2,)})))
    assert (call.module, call.class_name, call.function) == ("a.module", "Class", "method")
    assert (call.chain_id, call.args, call.kwargs) == ("chain", [1, b"x"], {"key": (2,)})
    alone = Call.from_value(decode(encode_call(encode_target("m", None, "f"), None, (), {})))
    assert (alone.class_name, alone.chain_id) == (None, None)


def test_arguments_of_other_types_are_refused() -> None:
    """Before anything is sent."""
    with pytest.raises(EncodeError):
        encode_call(TARGET, None, (object(),), {})


GOOD: list[Any] = ["m", "C", "f", "chain", [], {}]


@pytest.mark.parametrize(
    "value",
    [None, 5, "mCfc[]", {}, GOOD[:5], [*GOOD, 1],
     *[GOOD[:i] + [object()] + GOOD[i + 1 :] for i in range(6)],
     [None, *GOOD[1:]], ["m", "C", None, None, [], {}]],
    ids=repr,
)  # fmt: skip
def test_what_is_no_call(value: Any) -> None:
    """Raises DecodeError."""
    with pytest.raises(DecodeError):
        Call.from_value(value)


def test_keywords_may_be_marked() -> None:
    """`Kwargs` is what callers of old use."""
    assert Call.from_value([*GOOD[:5], Kwargs(a=1)]).kwargs == {"a": 1}


def test_the_first_failure_counts() -> None:
    """Until the chain is reset; calls without a chain have none."""
    failures = ChainFailures()
    failures.record("a", "first")
    failures.record("a", "second")
    failures.record(None, "alone")
    assert failures.failure_of("a") == "first"
    assert failures.failure_of("b") is None
    assert failures.failure_of(None) is None
    failures.reset("a")
    failures.reset("a")
    assert failures.failure_of("a") is None


def test_failed_chains_are_not_kept_for_ever() -> None:
    """The oldest is forgotten first."""
    failures = ChainFailures()
    for number in range(MAX_FAILED_CHAINS + 1):
        failures.record(str(number), number)
    assert failures.failure_of("0") is None
    assert failures.failure_of("1") == 1
