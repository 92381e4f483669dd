"""What a context and its zygote say to each other over their socket pair.

Each message is a four-byte length and a value: the place of its class in `_KINDS`, and its fields.
Descriptors come along with their messages (SCM_RIGHTS), in the order of these: with a `Start`
stdout, stderr, and stdin where `has_stdin` says so; with a `Spawn` a socket, over which the runner
that it asks for takes jobs itself, one at a time: `Start`, then `Began` and `Ended`, or `Missing`,
or `Refused`, which is about this job alone.
The parent of all is trusted, and so is each of them.
"""

import os
import struct

from mitogen.wire import values

_LENGTH = struct.Struct(">I")


class Message:
    """Base: `FIELDS` are the names of the fields, in the order in which they travel."""

    __slots__ = ()
    FIELDS = ()

    def __init__(self, *fields: "object") -> "None":
        for name, value in zip(self.FIELDS, fields):
            setattr(self, name, value)

    def fields(self) -> "list":
        """The values of the fields."""
        return [getattr(self, name) for name in self.FIELDS]

    def __eq__(self, other: "object") -> "bool":
        return type(other) is type(self) and other.fields() == self.fields()

    __hash__ = None


class Start(Message):
    """Context to zygote: run the job (a record's value), to be known as *number*.

    *closure* is a number for its `files`, which are left out once the zygote has seen them with it.
    """

    FIELDS = ("number", "job", "closure", "has_stdin")
    __slots__ = FIELDS


class Spawn(Message):
    """Context to zygote: fork a reusable runner, to be known as *number*."""

    FIELDS = ("number",)
    __slots__ = FIELDS


class Cancel(Message):
    """Context to zygote: end the job or runner, its result is not wanted or overdue."""

    FIELDS = ("number",)
    __slots__ = FIELDS


class Clear(Message):
    """Context to zygote: a runner has died of the job; remove what it left, and say `Ended`."""

    FIELDS = ("number", "job", "status")
    __slots__ = FIELDS


class Began(Message):
    """Runner to context: the job runs; one that ends without saying so has not touched it."""

    FIELDS = ("number",)
    __slots__ = FIELDS


class Ended(Message):
    """To the context: the job has ended with this wait status, or the runner's process has."""

    FIELDS = ("number", "status")
    __slots__ = FIELDS


class Noted(Message):
    """Zygote to context: fields of the job's result, before the message that it has ended."""

    FIELDS = ("number", "fields_of_result")
    __slots__ = FIELDS


class Missing(Message):
    """To the context: the job was not started, for want of files of these digests.

    From the zygote: numbers of closures have no meaning any more. From a runner: it knows too
    little to run this, or what it knows is not true any more.
    """

    FIELDS = ("number", "digests")
    __slots__ = FIELDS


class Refused(Message):
    """To the context: the job could not be started, or not there."""

    FIELDS = ("number", "reason")
    __slots__ = FIELDS


_KINDS = (Start, Spawn, Cancel, Clear, Began, Noted, Ended, Missing, Refused)


def encode(message: "Message") -> "bytes":
    """The bytes of one message."""
    body = values.encode([_KINDS.index(type(message)), *message.fields()])
    return _LENGTH.pack(len(body)) + body


def close_all(descriptors: "object") -> "None":
    """Close these descriptors."""
    for fd in descriptors:
        os.close(fd)


class Decoder:
    """Takes bytes as they arrive, gives messages."""

    def __init__(self) -> "None":
        self._buffer = bytearray()

    def feed(self, data: "bytes") -> "list":
        """The messages that *data* completes."""
        buffer = self._buffer
        buffer += data
        messages = []
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            end = start + _LENGTH.size + length
            if len(buffer) < end:
                break
            kind, *fields = values.decode(bytes(buffer[start + _LENGTH.size : end]))
            messages.append(_KINDS[kind](*fields))
            start = end
        del buffer[:start]
        return messages
