"""Frames: the unit that travels on a link, 32 bytes of header and a payload.

::

    magic u16 | version u8 | flags u8 | dst u32 | src u32 | auth u32 | handle u32 | reply_to u32
    | message_id u32 | length u32 | payload

A message larger than `MAX_FRAGMENT` travels as several frames of one (src, message_id), all but the
last with `FLAG_MORE`; routers pass them on one by one, only the destination puts them together.
"""

import struct

from mitogen.errors import FrameError
from mitogen.wire.pieces import Pieces, buffers_of, cut

MAGIC = 0x4D47
VERSION = 1
FLAG_MORE = 1
HEADER = struct.Struct(">HBBIIIIIII")
HEADER_SIZE = HEADER.size
#: Large enough that a fragment's header and bookkeeping cost little, small enough that a call
#: behind a fragment of some bulk transfer waits for less than a millisecond on a fast link.
MAX_FRAGMENT = 262144
#: Payloads up to this size are copied out of what arrived, so that it is not kept for their sake.
COPY_LIMIT = 65536

_pack = HEADER.pack
_unpack_from = HEADER.unpack_from


class Frame:
    """One frame, or a whole message before it is cut and after it is put together."""

    __slots__ = (
        "auth_id", "dst_id", "flags", "handle", "message_id", "payload", "reply_to", "src_id",
    )  # fmt: skip

    def __init__(
        self,
        dst_id: "int",
        src_id: "int",
        auth_id: "int",
        handle: "int",
        reply_to: "int",
        message_id: "int",
        flags: "int",
        payload: "bytes | memoryview | Pieces",
    ) -> "None":
        self.dst_id = dst_id
        self.src_id = src_id
        self.auth_id = auth_id
        self.handle = handle
        self.reply_to = reply_to
        self.message_id = message_id
        self.flags = flags
        self.payload = payload

    def with_payload(self, payload: "bytes | memoryview | Pieces", flags: "int") -> "Frame":
        """The same header around another payload."""
        return Frame(
            self.dst_id,
            self.src_id,
            self.auth_id,
            self.handle,
            self.reply_to,
            self.message_id,
            flags,
            payload,
        )

    def __repr__(self) -> "str":
        return "Frame(dst=%d, src=%d, handle=%d, %d bytes)" % (
            self.dst_id,
            self.src_id,
            self.handle,
            len(self.payload),
        )


def encode_header(frame: "Frame") -> "bytes":
    """The 32 bytes that precede the payload."""
    return _pack(
        MAGIC,
        VERSION,
        frame.flags,
        frame.dst_id,
        frame.src_id,
        frame.auth_id,
        frame.handle,
        frame.reply_to,
        frame.message_id,
        len(frame.payload),
    )


def fragments(frame: "Frame", size: "int" = MAX_FRAGMENT) -> "object":
    """*frame* in pieces of at most *size* payload bytes; itself when it is small."""
    left = len(frame.payload)
    if left <= size:
        yield frame
        return
    for part in cut(frame.payload, size):
        left -= len(part)
        yield frame.with_payload(part, frame.flags | FLAG_MORE if left else frame.flags)


class FrameDecoder:
    """Turns bytes, however they are cut, into frames.

    Bytes that are no frame raise FrameError, after which the decoder is of no more use.
    Payloads above `COPY_LIMIT` are views of what was fed, in `Pieces` where it was cut.
    """

    __slots__ = ("_frame", "_head", "_missing", "_parts")

    def __init__(self) -> "None":
        # The beginning of a header; then the frame whose payload arrives, and how much of it.
        self._head = b""
        self._frame = None
        self._parts = []
        self._missing = 0

    @property
    def pending(self) -> "int":
        """Bytes of an unfinished frame."""
        if self._frame is None:
            return len(self._head)
        return HEADER_SIZE + sum([len(part) for part in self._parts])

    def feed(self, data: "bytes") -> "list":
        """Take *data*; return the frames that are complete now.

        :raises mitogen.errors.FrameError: these are no frames.
        """
        frames = []
        position = 0
        if self._frame is not None:
            size = len(data)
            if size < self._missing:
                self._parts.append(data)
                self._missing -= size
                return frames
            position = self._missing
            self._parts.append(data if size == position else memoryview(data)[:position])
            frames.append(self._finish())
        elif self._head:
            data = self._head + data
            self._head = b""
        self._decode(data, position, frames)
        return frames

    def _finish(self) -> "Frame":
        frame, self._frame = self._frame, None
        parts, self._parts = self._parts, []
        payload = Pieces(parts)
        frame.payload = bytes(payload) if payload.size <= COPY_LIMIT else payload
        return frame

    def _decode(self, data: "bytes", position: "int", frames: "list") -> "None":
        end = len(data)
        while end - position >= HEADER_SIZE:
            fields = _unpack_from(data, position)
            magic, version, flags, dst, src, auth, handle, reply_to, message_id, length = fields
            if magic != MAGIC or version != VERSION or length > MAX_FRAGMENT:
                raise FrameError(
                    "bad frame header %r" % (bytes(data[position : position + HEADER_SIZE]),)
                )
            position += HEADER_SIZE
            stop = position + length
            if stop <= end and length <= COPY_LIMIT:
                payload = data[position:stop]
            else:
                payload = memoryview(data)[position:stop]
            frame = Frame(dst, src, auth, handle, reply_to, message_id, flags, payload)
            if stop > end:
                self._frame = frame
                self._parts = [payload] if position < end else []
                self._missing = stop - end
                return
            frames.append(frame)
            position = stop
        if position < end:
            self._head = data[position:]


class TooLarge:
    """Verdict: a message has grown past the limit; *frame* is the fragment that did it."""

    __slots__ = ("frame",)

    def __init__(self, frame: "Frame") -> "None":
        self.frame = frame


class _Partial:
    __slots__ = ("parts", "size")

    def __init__(self) -> "None":
        self.parts = []
        self.size = 0


class Reassembler:
    """Puts messages together at their destination.

    :param int max_message_size: payload bytes of one message.
    :param int max_partial_bytes: payload bytes of all unfinished messages of one source.
    """

    def __init__(self, max_message_size: "int", max_partial_bytes: "int") -> "None":
        self._max_message_size = max_message_size
        self._max_partial_bytes = max_partial_bytes
        self._partials = {}

    def add(self, frame: "Frame") -> "Frame | TooLarge | None":
        """The whole message when *frame* completes one; None when more is to come.

        `TooLarge` is returned once for a message over the limit; its rest is dropped.
        """
        by_id = self._partials.get(frame.src_id)
        partial = by_id.get(frame.message_id) if by_id else None
        has_more = frame.flags & FLAG_MORE
        if partial is None:
            if not has_more:
                if len(frame.payload) > self._max_message_size:
                    return TooLarge(frame)
                return frame
            if by_id is None:
                by_id = self._partials[frame.src_id] = {}
            partial = by_id[frame.message_id] = _Partial()
        verdict = self._grow(by_id, partial, frame)
        if has_more:
            return verdict
        del by_id[frame.message_id]
        if not by_id:
            del self._partials[frame.src_id]
        if verdict is not None or partial.parts is None:
            return verdict
        return frame.with_payload(Pieces(partial.parts), frame.flags)

    def _grow(self, by_id: "dict", partial: "_Partial", frame: "Frame") -> "TooLarge | None":
        if partial.parts is None:
            return None
        partial.parts += buffers_of(frame.payload)
        partial.size += len(frame.payload)
        total = sum(other.size for other in by_id.values()) if len(by_id) > 1 else partial.size
        if partial.size > self._max_message_size or total > self._max_partial_bytes:
            partial.parts = None
            partial.size = 0
            return TooLarge(frame)
        return None

    def forget_source(self, src_id: "int") -> "None":
        """Nothing more will come from *src_id*."""
        self._partials.pop(src_id, None)
