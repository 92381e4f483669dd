"""The one way to wait: a point in time, asked how much of it is left.

Every blocking call of the library turns its *timeout* argument into a `Deadline` first, so that
a wait in several steps never adds up to more than its caller allowed.
"""

import time


class Deadline:
    """A point in time that can be asked how far away it is.

    :param float timeout: seconds from now; ``None`` means never.
    :param clock: callable returning seconds that only grow; a fake in tests.
    """

    __slots__ = ("_clock", "when")

    def __init__(self, timeout: "float | None", clock: "object" = time.monotonic) -> "None":
        self._clock = clock
        self.when = None if timeout is None else clock() + timeout

    def remaining(self) -> "float | None":
        """Seconds left, never negative; None when there is no limit."""
        if self.when is None:
            return None
        return max(0.0, self.when - self._clock())

    def is_over(self) -> "bool":
        """True once the point in time has passed."""
        return self.when is not None and self._clock() >= self.when
