"""Frames waiting for one link, taken out fairly; pure.

Destinations take turns, one fragment each, so that a bulk transfer to one context does not hold up
calls to another behind the same link. Within a destination the order is kept.
"""

from _collections import deque  # collections', without its import

from mitogen.wire.frame import HEADER_SIZE, encode_header, fragments
from mitogen.wire.pieces import buffers_of


class OutQueue:
    """The queue of one link. Owned by one thread."""

    __slots__ = ("_by_dst", "_taken", "_turns", "pending_bytes")

    def __init__(self) -> "None":
        self._by_dst = {}
        self._turns = deque()
        self._taken = deque()
        #: Bytes, headers included, that have not been `consumed`.
        self.pending_bytes = 0

    @property
    def is_empty(self) -> "bool":
        """True when nothing waits."""
        return not self.pending_bytes

    def push(self, frame: "object") -> "None":
        """Queue *frame*, cut into fragments."""
        queue = self._by_dst.get(frame.dst_id)
        if queue is None:
            queue = self._by_dst[frame.dst_id] = deque()
            self._turns.append(frame.dst_id)
        for fragment in fragments(frame):
            queue.append(fragment)
            self.pending_bytes += HEADER_SIZE + len(fragment.payload)

    def take(self, max_bytes: "int") -> "list":
        """Buffers to write next: at least one fragment, at most about *max_bytes*.

        What `consumed` has not confirmed is returned again by the next call, first.
        """
        size = sum(len(buffer) for buffer in self._taken)
        while self._turns and size < max_bytes:
            dst_id = self._turns.popleft()
            queue = self._by_dst[dst_id]
            fragment = queue.popleft()
            if queue:
                self._turns.append(dst_id)
            else:
                del self._by_dst[dst_id]
            self._taken.append(encode_header(fragment))
            self._taken.extend(buffers_of(fragment.payload))
            size += HEADER_SIZE + len(fragment.payload)
        return list(self._taken)

    def consumed(self, count: "int") -> "None":
        """The first *count* bytes of what `take` returned have been written."""
        self.pending_bytes -= count
        while count:
            buffer = self._taken.popleft()
            if len(buffer) > count:
                self._taken.appendleft(memoryview(buffer)[count:])
                return
            count -= len(buffer)
