"""Everything bound for one stream goes through its outbox, in order: whoever sends, writes.

The usual case is a small message while nothing else is on its way. The sending thread then writes
it itself, which saves the hand-over to the broker thread and back. Anything else (large messages,
a full pipe) goes through the inbox to the broker thread, which alone touches the queue of
fragments.

Signals. A Python signal handler that raises (Ctrl-C) can strike the main thread between any two
byte codes, so ``n = os.write(...)`` followed by ``done += n`` can lose the accounting and corrupt
the stream. Hence the order of events on the direct path:

1. the chunk is stored in the outbox, which commits it: from now on it will be sent;
2. ``chunk.written.extend(link.attempt(...))`` writes and records the length in one C call;
3. whatever happens then, `Chunk.rest` knows exactly what is left, and the broker sends it.
"""

import threading
from _collections import deque  # collections', without its import

#: The direct path copies header and payload together; above this the copy costs more than it saves.
DIRECT_LIMIT = 65536
WRITE_SIZE = 1048576
#: A thread that sends waits while more than this is queued; what is forwarded pauses its source.
HIGH_WATER = 16777216
LOW_WATER = 4194304


class Chunk:
    """Bytes on their way, with a ledger of what the system has taken."""

    __slots__ = ("data", "written")

    def __init__(self, data: "bytes") -> "None":
        self.data = data
        self.written = []

    def rest(self) -> "memoryview":
        """What has not been written yet."""
        return memoryview(self.data)[sum(self.written) :]


class Outbox:
    """The sending half of a stream.

    :param link: see link.py.
    :param queue: a `mitogen.wire.outqueue.OutQueue`, used on the broker thread only.
    :param wants_broker: callable, any thread: have the broker call `drain` soon.
    """

    def __init__(self, link: "object", queue: "object", wants_broker: "object") -> "None":
        self._lock = threading.Lock()
        self._link = link
        self._queue = queue
        self._wants_broker = wants_broker
        self._inbox = deque()
        # An estimate: a signal may strike between the append and the count.
        self._inbox_bytes = 0
        self._chunk = None
        self._is_idle = True
        self._is_closed = False
        self._gates = deque()

    def send(self, frame: "object", head: "bytes") -> "bool":
        """Send or queue *frame*, whose encoded header is *head*. Any thread; never blocks.

        :returns: False when the stream is closed and the frame was dropped.
        """
        with self._lock:
            if self._is_closed:
                return False
            try:
                if self._is_idle and self._link.is_direct and len(frame.payload) <= DIRECT_LIMIT:
                    self._send_now(head + frame.payload if frame.payload else head)
                else:
                    self._is_idle = False
                    self._inbox.append(frame)
                    self._inbox_bytes += len(frame.payload)
            finally:
                if not self._is_idle:
                    self._wants_broker()
            return True

    def _send_now(self, data: "bytes") -> "None":
        self._is_idle = False
        self._chunk = chunk = Chunk(data)
        try:
            chunk.written.extend(self._link.attempt(data))
        except OSError:
            return  # full, or broken: the broker finds out which and knows what to do
        if chunk.written[0] == len(data):
            self._chunk = None
            self._is_idle = True

    def drain(self) -> "bool":
        """Write until all is written or nothing fits. Broker thread only.

        :returns: True when everything is written.
        :raises OSError: the link is broken.
        """
        with self._lock:
            if self._is_closed:
                return True
            try:
                done = self._drain_locked()
            except BlockingIOError:
                done = False
            self._is_idle = done
            if self._gates and self._pending() < LOW_WATER:
                self._open_gates()
            return done

    def _drain_locked(self) -> "bool":
        while self._chunk is not None:
            rest = self._chunk.rest()
            if not rest:
                self._chunk = None
                break
            self._chunk.written.append(self._link.write([rest]))
        while True:
            while self._inbox:
                self._queue.push(self._inbox.popleft())
            self._inbox_bytes = 0
            if self._queue.is_empty:
                return True
            self._queue.consumed(self._link.write(self._queue.take(WRITE_SIZE)))

    def _pending(self) -> "int":
        return self._queue.pending_bytes + self._inbox_bytes

    def is_full(self) -> "bool":
        """More is queued than a sender should add to. Any thread; a snapshot."""
        return not self._is_idle and self._pending() > HIGH_WATER

    def wait_for_room(self, deadline: "object") -> "None":
        """Block the calling thread (never the broker's) until less is queued, or *deadline*."""
        while True:
            with self._lock:
                if self._is_closed or self._pending() <= HIGH_WATER:
                    return
                gate = threading.Lock()
                gate.acquire()
                self._gates.append(gate)
            remaining = deadline.remaining()
            if not gate.acquire(True, -1 if remaining is None else remaining):
                return

    def _open_gates(self) -> "None":
        while self._gates:
            self._gates.popleft().release()

    def abandon(self) -> "None":
        """Send nothing more from this process, a forked one: others own the lock's state."""
        self._lock = threading.Lock()
        self._is_closed = True

    def close(self) -> "None":
        """Refuse further frames and forget queued ones; free whoever waits for room."""
        with self._lock:
            self._is_closed = True
            self._inbox.clear()
            self._inbox_bytes = 0
            self._chunk = None
            self._open_gates()
