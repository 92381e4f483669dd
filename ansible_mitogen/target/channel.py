"""What a context and its zygote say to each other over their socket pair.

Each message is a four-byte length and a value: the place of its class in `_KINDS`, and its fields.
The descriptors of a `Start` come along with it (SCM_RIGHTS), in the order of the messages: stdout,
stderr, and stdin where `has_stdin` says so. The parent of both is trusted, and so is either half.
"""

import collections
import struct

from mitogen.wire import values

_LENGTH = struct.Struct(">I")

#: Context to zygote: run the job (a record's value), to be known as *number*. *closure* is a name
#: for its `files`, which are left out once the zygote has seen them under that name.
Start = collections.namedtuple("Start", ("number", "job", "closure", "has_stdin"))
#: Context to zygote: end the job, its result is not wanted or overdue.
Cancel = collections.namedtuple("Cancel", ("number",))
#: Zygote to context: the job's process has ended with this wait status.
Ended = collections.namedtuple("Ended", ("number", "status"))
#: Zygote to context: the job was not started, for want of files of these digests. Names of closures
#: given before have no meaning any more.
Missing = collections.namedtuple("Missing", ("number", "digests"))
#: Zygote to context: the job could not be started.
Refused = collections.namedtuple("Refused", ("number", "reason"))

_KINDS = (Start, Cancel, Ended, Missing, Refused)


def encode(message: "tuple") -> "bytes":
    """The bytes of one message."""
    body = values.encode([_KINDS.index(type(message)), *message])
    return _LENGTH.pack(len(body)) + body


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
