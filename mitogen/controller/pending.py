"""Messages to a context that is still being connected wait here, in order."""

import threading


class PendingStream:
    """Stands in for the stream to *remote_id* until it is up. `send` may be called on any thread.

    :param int limit: payload bytes that may wait; more are refused, since nobody reads them yet.
    """

    is_pending = True

    def __init__(self, remote_id: "int", limit: "int") -> "None":
        self.remote_id = remote_id
        self.talked_to = set()
        self.outbox = self
        self._limit = limit
        self._lock = threading.Lock()
        self._frames = []
        self._bytes = 0
        self._deliver = None
        self._is_closed = False

    def send(self, frame: "object") -> "bool":
        """Keep or pass on *frame*; False when the connection failed or too much waits."""
        with self._lock:
            if self._deliver is None:
                if self._is_closed or self._bytes + len(frame.payload) > self._limit:
                    return False
                self._frames.append(frame)
                self._bytes += len(frame.payload)
                return True
        return self._deliver(frame)

    def is_full(self) -> "bool":
        """Waiting for room would be waiting for the connect: never full, `send` refuses."""
        return False

    def wait_for_room(self, _deadline: "object") -> "None":
        """See `is_full`."""

    def promote(self, deliver: "object") -> "None":
        """The connection is up: pass everything to ``deliver(frame)``, now and later."""
        with self._lock:
            for frame in self._frames:
                deliver(frame)
            self._frames = []
            self._deliver = deliver

    def fail(self) -> "list":
        """The connection failed: refuse what comes, return the frames that waited."""
        with self._lock:
            self._is_closed = True
            frames, self._frames = self._frames, []
            return frames

    def close(self, reason: "str") -> "None":
        """Nothing to close: whoever connects ends the attempt."""
