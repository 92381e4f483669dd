"""What a worker's client and the broker process say to each other over a UNIX socket.

Pure: bytes in, records out. Each message is a four-byte length and one value of the wire codec:
``[kind, field, ...]``. A client numbers its requests; several may be under way at once, and each
gets exactly one final answer (everything but `NeedFiles`, which asks for a `Files` first).

    client                            broker
      Open(stack) ------------------->  finds or makes the context
        <----------------------------- Opened(key, interpreter) | Failed
      Run(key, job) ----------------->  sends the job to the context
        <----------------------------- NeedFiles(digests)          (nobody sent them yet)
      Files(contents) --------------->
        <----------------------------- Finished(result) | Failed
      Call(key, operation, args) ---->  one operation on the context's main thread
        <----------------------------- Returned(value) | Failed
      Reset(stack) ------------------>  ends the login and all on it
      EndBatch() -------------------->  ends what the batch did not use
        <----------------------------- Returned(None)

A client that closes the socket cancels what it had under way.
"""

from __future__ import annotations

import dataclasses
import enum
import struct
from typing import Any, ClassVar

from mitogen.errors import DecodeError
from mitogen.wire import values

#: Larger messages are refused by both sides. A job carries its module's closure, a call a chunk.
MAX_MESSAGE = 256 * 1024 * 1024

_LENGTH = struct.Struct("!I")


class FailureKind(str, enum.Enum):
    """What went wrong, as far as the worker has to tell apart."""

    #: The login hop did not come up: unreachable.
    CONNECT = "connect"
    #: The login hop refused the credentials: unreachable, and not to be tried again.
    AUTHENTICATION = "authentication"
    #: The key of the login hop's host is unknown, or another one: the same.
    HOST_KEY = "host-key"
    #: Escalation asked for a password and none was given.
    PASSWORD_MISSING = "password-missing"  # noqa: S105 -- no password
    #: Escalation refused the password.
    PASSWORD_WRONG = "password-wrong"  # noqa: S105 -- no password
    #: Escalation failed otherwise.
    BECOME = "become"
    #: The host has no Python we can use: the stock path is tried.
    NO_PYTHON = "no-python"
    #: A method does not take what the user set: the stock path is tried.
    UNSUPPORTED = "unsupported"
    #: The context was gone before the request reached it: nothing ran, open it again.
    CLOSED = "closed"
    #: The context was lost while the request was under way.
    LOST = "lost"
    #: An operation raised there.
    REMOTE = "remote"
    #: A defect of ours; the text says where.
    INTERNAL = "internal"


@dataclasses.dataclass(frozen=True)
class Record:
    """Base of all messages; `request` is the number the client gave."""

    kind: ClassVar[str] = ""
    request: int

    def to_value(self) -> list[Any]:
        """The plain value that travels."""
        fields = [getattr(self, field.name) for field in dataclasses.fields(self)]
        return [self.kind, *(_plain(value) for value in fields)]


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


@dataclasses.dataclass(frozen=True)
class Open(Record):
    """Find or make the context at the end of *stack* (hop values, outermost first)."""

    kind: ClassVar[str] = "open"
    stack: list[Any]
    #: SSH_AUTH_SOCK and the like, as the worker has them.
    environment: dict[str, str]
    #: False for a task that runs without, and may bring one about.
    needs_python: bool


@dataclasses.dataclass(frozen=True)
class Run(Record):
    """Run a job (see `ansible_mitogen.target.records`) in the context *key*."""

    kind: ClassVar[str] = "run"
    key: str
    job: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Files(Record):
    """The answer to `NeedFiles`: compressed contents by digest."""

    kind: ClassVar[str] = "files"
    contents: dict[str, bytes]


@dataclasses.dataclass(frozen=True)
class Call(Record):
    """Call a function of `ansible_mitogen.target.operations` in the context *key*."""

    kind: ClassVar[str] = "call"
    key: str
    operation: str
    arguments: list[Any]


@dataclasses.dataclass(frozen=True)
class Reset(Record):
    """End every context that lives on the last login of *stack*."""

    kind: ClassVar[str] = "reset"
    stack: list[Any]


@dataclasses.dataclass(frozen=True)
class EndBatch(Record):
    """A batch of hosts (``serial``) is done: end what nobody has used since the one before it."""

    kind: ClassVar[str] = "end_batch"


@dataclasses.dataclass(frozen=True)
class Opened(Record):
    """The context is up."""

    kind: ClassVar[str] = "opened"
    key: str
    #: The interpreter that runs there.
    executable: str
    version: list[int]
    #: Messages that went to the host for this, and came from it; 0 when it was up already.
    sent: int
    received: int


@dataclasses.dataclass(frozen=True)
class NeedFiles(Record):
    """Files of a job that neither the broker nor the context has seen."""

    kind: ClassVar[str] = "need-files"
    digests: list[str]


@dataclasses.dataclass(frozen=True)
class Finished(Record):
    """A job has ended."""

    kind: ClassVar[str] = "finished"
    result: dict[str, Any]
    sent: int
    received: int


@dataclasses.dataclass(frozen=True)
class Returned(Record):
    """An operation has returned."""

    kind: ClassVar[str] = "returned"
    value: Any


@dataclasses.dataclass(frozen=True)
class Failed(Record):
    """A request has failed; `hop` names the method that did, '' when none is to blame."""

    kind: ClassVar[str] = "failed"
    failure: FailureKind
    hop: str
    message: str
    #: Whether it was found out, and told, before.
    is_known: bool


_RECORDS: dict[str, type[Record]] = {
    record.kind: record
    for record in (
        Open, Run, Files, Call, Reset, EndBatch, Opened, NeedFiles, Finished, Returned, Failed
    )
}

_CHECKS: dict[str, type] = {
    "bool": bool,
    "int": int,
    "str": str,
    "list[Any]": list,
    "list[int]": list,
    "list[str]": list,
    "dict[str, str]": dict,
    "dict[str, Any]": dict,
    "dict[str, bytes]": dict,
    "Any": object,
}


def from_value(value: Any) -> Record:
    """The record that *value* stands for.

    :raises mitogen.errors.DecodeError: it stands for none.
    """
    if not (isinstance(value, list) and value and isinstance(value[0], str)):
        raise DecodeError("a message must be a list that starts with its kind")
    record = _RECORDS.get(value[0])
    if record is None:
        raise DecodeError(f"unknown kind of message: {value[0]!r}")
    fields = dataclasses.fields(record)
    if len(fields) != len(value) - 1:
        raise DecodeError(f"a message of kind {value[0]!r} with {len(value) - 1} fields")
    return record(*(_checked(record, *pair) for pair in zip(fields, value[1:], strict=True)))


def _checked(record: type[Record], field: dataclasses.Field[Any], value: Any) -> Any:
    if field.type == "FailureKind":
        try:
            return FailureKind(value)
        except ValueError as exc:
            raise DecodeError(str(exc)) from exc
    wanted = _CHECKS[str(field.type)]
    if not isinstance(value, wanted):
        raise DecodeError(f"{record.__name__}.{field.name} must be {wanted.__name__}")
    return value


def encode(record: Record) -> bytes:
    """The bytes of one message."""
    body = values.encode(record.to_value())
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Takes bytes as they arrive, gives records. Owned by one thread."""

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._wanted = _LENGTH.size

    def feed(self, data: bytes) -> list[Record]:
        """The records that *data* completes.

        :raises mitogen.errors.DecodeError: the peer does not speak this protocol; the decoder is
            not to be used any more.
        """
        buffer = self._buffer
        buffer += data
        records = []
        start = 0
        while len(buffer) - start >= self._wanted:
            if self._wanted == _LENGTH.size:
                (length,) = _LENGTH.unpack_from(buffer, start)
                if not 0 < length <= self._limit:
                    raise DecodeError(f"message of {length} bytes, the limit is {self._limit}")
                self._wanted = _LENGTH.size + length
                continue
            body = bytes(memoryview(buffer)[start + _LENGTH.size : start + self._wanted])
            records.append(from_value(values.decode(body)))
            start += self._wanted
            self._wanted = _LENGTH.size
        del buffer[:start]
        return records
