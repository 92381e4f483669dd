"""A thread that works off a queue."""

import logging
import queue
import threading

LOG = logging.getLogger("mitogen")


class Worker(threading.Thread):
    """Runs what it is given, one after the other, until `end`. Any thread may give.

    To a `Corker` it is a pool of one thread.
    """

    size = 1

    def __init__(self, name: "str") -> "None":
        super().__init__(name=name, daemon=True)
        self._queue = queue.Queue()
        self.start()

    def defer(self, fn: "object", *args: "object") -> "None":
        """Run ``fn(*args)`` when it is its turn."""
        self._queue.put((fn, args))

    def end(self) -> "None":
        """Let the thread end behind what it has been given."""
        self._queue.put(None)

    def run(self) -> "None":
        """The thread."""
        for fn, args in iter(self._queue.get, None):
            try:
                fn(*args)
            except Exception:
                LOG.exception("%s: %r failed", self.name, fn)
