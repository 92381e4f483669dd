"""A first-in first-out queue to wait on, fair to waiters and safe under Ctrl-C.

Alternatives that lost: `queue.Queue` (its condition variable wakes waiters in no order and its
timed get polled on old Pythons), and a pipe per waiting thread (two system calls and two
descriptors for each wait). A waiter here sleeps on a lock of its own that is held from the start
and released by whoever hands it an item, so no item is ever looked for by two threads.
"""

import threading
from _collections import deque  # collections', without its import

from mitogen.errors import LatchError, TimeoutError

#: What an empty latch has for a queue: most latches serve one item to one waiter, and a deque is
#: 600 bytes.
_NOTHING = ()


class _Waiter:
    __slots__ = ("gate", "has_item", "is_closed", "item")

    def __init__(self) -> "None":
        self.gate = threading.Lock()
        self.gate.acquire()
        self.item = None
        self.has_item = False
        self.is_closed = False

    def take(self, item: "object") -> "None":
        """Wake up with *item*."""
        self.item = item
        self.has_item = True
        self.gate.release()

    def shut(self) -> "None":
        """Wake up with nothing: the latch is closed."""
        self.is_closed = True
        self.gate.release()


class Latch:
    """A thread-safe queue whose waiters are served in the order they came.

    `notify`, when set, is called as ``notify(latch)`` on the putting thread after each put.
    """

    __slots__ = ("_is_closed", "_items", "_lock", "_waiters", "notify")

    def __init__(self) -> "None":
        self._lock = threading.Lock()
        self._items = _NOTHING
        self._waiters = _NOTHING
        self._is_closed = False
        self.notify = None

    def put(self, obj: "object" = None) -> "None":
        """Add *obj*; wake the thread that has waited longest. Any thread.

        :raises mitogen.core.LatchError: the latch is closed.
        """
        with self._lock:
            if self._is_closed:
                raise LatchError("latch is closed")
            self._hand_over(obj, at_front=False)
        notify = self.notify
        if notify is not None:
            notify(self)

    def _hand_over(self, obj: "object", at_front: "bool") -> "None":
        if self._waiters:
            self._waiters.popleft().take(obj)
            return
        if self._items is _NOTHING:
            self._items = deque()
        if at_front:
            self._items.appendleft(obj)
        else:
            self._items.append(obj)

    def get(self, timeout: "float | None" = None, block: "bool" = True) -> "object":
        """Remove and return the oldest item. Any thread.

        :param float timeout: seconds to wait at most, None for no limit.
        :param bool block: False to return at once.
        :raises mitogen.core.TimeoutError: nothing came in time, or *block* is False.
        :raises mitogen.core.LatchError: the latch is closed and empty.
        """
        if self._items or not block:
            with self._lock:
                if self._items:
                    return self._items.popleft()
                if self._is_closed:
                    raise LatchError("latch is closed")
            if not block:
                raise TimeoutError("nothing is waiting")
        waiter = _Waiter()
        try:
            self._enter(waiter)
            waiter.gate.acquire(True, -1 if timeout is None else max(0.0, timeout))
        except BaseException:
            self._give_back(waiter)
            raise
        return self._outcome(waiter, timeout)

    def _enter(self, waiter: "_Waiter") -> "None":
        """Queue up, inside of what `get` guards: a signal may raise right after it."""
        with self._lock:
            if self._items:
                waiter.take(self._items.popleft())
            elif self._is_closed:
                waiter.shut()
            else:
                if self._waiters is _NOTHING:
                    self._waiters = deque()
                self._waiters.append(waiter)

    def _outcome(self, waiter: "_Waiter", timeout: "float | None") -> "object":
        with self._lock:
            if waiter.has_item:
                return waiter.item
            if waiter.is_closed:
                raise LatchError("latch is closed")
            self._waiters.remove(waiter)
        raise TimeoutError("nothing arrived within %s seconds" % (timeout,))

    def _give_back(self, waiter: "_Waiter") -> "None":
        """An interrupted waiter passes on what it was handed meanwhile: nothing gets lost."""
        with self._lock:
            if waiter.has_item:
                self._hand_over(waiter.item, at_front=True)
            elif waiter in self._waiters:
                self._waiters.remove(waiter)

    def close(self) -> "None":
        """Wake all waiters with LatchError; items already queued can still be taken."""
        with self._lock:
            self._is_closed = True
            waiters, self._waiters = self._waiters, _NOTHING
            for waiter in waiters:
                waiter.shut()

    def size(self) -> "int":
        """Items queued now; another thread may take them before the caller does."""
        return len(self._items)

    def empty(self) -> "bool":
        """True when nothing is queued now; the same caution as for `size`."""
        return not self._items

    def __repr__(self) -> "str":
        return "Latch(size=%d, waiting=%d)" % (len(self._items), len(self._waiters))
