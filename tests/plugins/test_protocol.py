"""Records, their encoding, and what a hostile peer may try."""

from __future__ import annotations

import struct

import pytest

from ansible_mitogen import protocol
from mitogen.errors import DecodeError
from mitogen.wire import values

RECORDS = [
    protocol.Open(
        1, [["ssh", {"hostname": "h", "password": values.Secret("x")}]], {"A": "b"}, False
    ),
    protocol.Run(2, "key", {"job_id": "j", "stdin": b"\x00\xff", "files": {"a": "b"}}),
    protocol.Files(3, {"digest": b"x" * 5000}),
    protocol.Call(4, "key", "write_chunk", ["/tmp/x", 0, b"data", None, True]),
    protocol.Reset(5, [["local", {}]]),
    protocol.Opened(6, "key", "/usr/bin/python3", [3, 11, 2], 1, 1),
    protocol.NeedFiles(7, ["a", "b"]),
    protocol.Finished(8, {"rc": 0, "stdout": b"", "stderr": b"", "missing": []}, 1, 1),
    protocol.Returned(9, {"nested": [1, 2.5, None]}),
    protocol.EndBatch(11),
    protocol.Failed(10, protocol.FailureKind.NO_PYTHON, "ssh", "none", True),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_round_trip(record):
    """Every record arrives as it left."""
    assert protocol.Decoder().feed(protocol.encode(record)) == [record]


def test_byte_by_byte():
    """Arrival in any pieces gives the same records."""
    decoder = protocol.Decoder()
    stream = b"".join(map(protocol.encode, RECORDS))
    got = []
    for index in range(len(stream)):
        got += decoder.feed(stream[index : index + 1])
    assert got == RECORDS


def test_all_at_once():
    """Several records in one piece, the last one cut."""
    decoder = protocol.Decoder()
    stream = b"".join(map(protocol.encode, RECORDS))
    assert decoder.feed(stream[:-1]) == RECORDS[:-1]
    assert decoder.feed(stream[-1:]) == RECORDS[-1:]


@pytest.mark.parametrize("length", [0, protocol.MAX_MESSAGE + 1, 0xFFFFFFFF])
def test_length_is_limited(length):
    """A peer cannot make us wait for, or keep, more than the limit."""
    with pytest.raises(DecodeError, match="limit"):
        protocol.Decoder().feed(struct.pack("!I", length))


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        ["unknown", 1],
        ["open"],
        ["open", 1, [], {}, "more"],
        ["open", "1", [], {}],
        ["call", 1, "key", "name", "arguments"],
        ["failed", 1, "no such kind", "", ""],
        [1, 2],
    ],
)
def test_rubbish_is_refused(value):
    """Only records are accepted, with fields of their types."""
    with pytest.raises(DecodeError):
        protocol.from_value(value)


def test_secrets_stay_secrets():
    """A password that travelled is still of the type that does not print."""
    (record,) = protocol.Decoder().feed(protocol.encode(RECORDS[0]))
    assert type(record.stack[0][1]["password"]) is values.Secret
