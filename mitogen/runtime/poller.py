"""Waits for descriptors. `selectors` would do the same, for 4 ms of a context's start."""

import select

READ = 1
WRITE = 2


class Poller:
    """Which descriptors are ready, by epoll where there is one, else by poll. One thread."""

    def __init__(self) -> "None":
        # The constants of both have the same names and, on Linux, the same values.
        prefix, make = "EPOLL", getattr(select, "epoll", None)
        self._unit = 1
        if make is None:
            prefix, make = "POLL", select.poll
            self._unit = 1000
        reading = getattr(select, prefix + "IN")
        writing = getattr(select, prefix + "OUT")
        self._flags = (0, reading, writing, reading | writing)
        # Errors and hang-ups come unasked, and count as both: whoever looks finds out.
        self._is_readable = ~writing
        self._is_writable = ~reading
        self._poll = make()

    def register(self, fd: "int", events: "int") -> "None":
        """Begin to watch *fd* for *events*, `READ`, `WRITE` or both."""
        self._poll.register(fd, self._flags[events])

    def modify(self, fd: "int", events: "int") -> "None":
        """Watch *fd* for other *events*."""
        self._poll.modify(fd, self._flags[events])

    def unregister(self, fd: "int") -> "None":
        """Watch *fd* no more; harmless when it has been closed."""
        try:
            self._poll.unregister(fd)
        except (OSError, KeyError):
            pass  # a closed descriptor has left epoll by itself

    def wait(self, timeout: "float | None") -> "list":
        """Pairs of descriptor and events, at most *timeout* seconds later; None for no limit."""
        if timeout is None:
            timeout = -1
        elif timeout > 0:
            # Rounded up to a millisecond, or a timer would be looked for too early, many times.
            timeout = (int(timeout * 1000) + 1) * self._unit / 1000
        pairs = []
        for fd, flags in self._poll.poll(timeout):
            events = READ if flags & self._is_readable else 0
            pairs.append((fd, events | WRITE if flags & self._is_writable else events))
        return pairs

    def close(self) -> "None":
        """Give up what the system gave."""
        close = getattr(self._poll, "close", None)
        if close is not None:
            close()
