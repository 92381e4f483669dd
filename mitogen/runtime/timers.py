"""Timers of the broker thread: a heap of callbacks ordered by due time."""

import heapq
import itertools


class Timer:
    """One scheduled callback; `cancel` may be called at any time on the broker thread."""

    __slots__ = ("_order", "fn", "is_cancelled", "when")

    def __init__(self, when: "float", order: "int", fn: "object") -> "None":
        self.when = when
        self._order = order
        self.fn = fn
        self.is_cancelled = False

    def cancel(self) -> "None":
        """Never run the callback. Harmless when it ran already."""
        self.is_cancelled = True
        self.fn = None

    def __lt__(self, other: "Timer") -> "bool":
        return (self.when, self._order) < (other.when, other._order)


class TimerQueue:
    """The timers of one broker. Owned by the broker thread; no locking.

    :param clock: callable returning monotonic seconds.
    """

    def __init__(self, clock: "object") -> "None":
        self.clock = clock
        self._heap = []
        self._order = itertools.count()

    def schedule(self, when: "float", fn: "object") -> "Timer":
        """Run ``fn()`` once *when* (in the clock's seconds) has come."""
        timer = Timer(when, next(self._order), fn)
        heapq.heappush(self._heap, timer)
        return timer

    def after(self, seconds: "float", fn: "object") -> "Timer":
        """Run ``fn()`` *seconds* from now."""
        return self.schedule(self.clock() + seconds, fn)

    def next_timeout(self) -> "float | None":
        """Seconds until the next live timer is due, None when there is none."""
        while self._heap and self._heap[0].is_cancelled:
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        return max(0.0, self._heap[0].when - self.clock())

    def take_due(self) -> "list":
        """Remove and return the callbacks that are due, earliest first."""
        due = []
        if not self._heap:
            return due
        now = self.clock()
        while self._heap and self._heap[0].when <= now:
            timer = heapq.heappop(self._heap)
            if not timer.is_cancelled:
                due.append(timer.fn)
                timer.cancel()
        return due
