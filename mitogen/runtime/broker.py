"""The I/O thread: waits for descriptors, runs deferred calls and timers, and nothing else."""

import os
import threading
import time
from _collections import deque  # collections', without its import
from _socket import socketpair  # socket's: 8 ms
from _weakref import ref

from mitogen.errors import Error
from mitogen.runtime.journal import LOG
from mitogen.runtime.latch import Latch
from mitogen.runtime.poller import READ, WRITE, Poller
from mitogen.runtime.signals import Emitter
from mitogen.runtime.timers import TimerQueue

_NONE = {}


class _ForkHook:
    def __init__(self, broker: "Broker") -> "None":
        self._broker = ref(broker)

    def __call__(self) -> "None":
        broker = self._broker()
        if broker is not None:
            broker.on_fork()


class Broker(Emitter):
    """Owns one thread that does all input and output of the routers attached to it.

    Signals: ``shutdown`` when the end begins, ``exit`` when it is complete; both fire on the
    broker thread. Work that must finish before the end is announced with `hold`.

    A process forked from this one has no broker thread, and must not touch what the thread of its
    parent works with: there the broker counts as ended, and the signal ``fork`` has everybody give
    up descriptors, without a word to the other end.
    """

    SIGNALS = ("shutdown", "exit", "fork")

    #: Seconds that children and other holders get to end on their own.
    shutdown_timeout = 3.0

    def __init__(self, name: "str" = "mitogen.broker") -> "None":
        super().__init__()
        self.timers = TimerQueue(time.monotonic)
        self._poller = Poller()
        self._callbacks = {}
        self._ident = None
        self._deferred = deque()
        # Sockets rather than a pipe: a thread that is late with a wake-up finds a closed object,
        # never the number of a descriptor that belongs to somebody else by now.
        self._wake_read, self._wake_write = socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._is_stopping = False
        #: The loop has ended: holders are waited for no longer, listeners of ``exit`` run.
        self.is_exiting = False
        self._is_over = False
        self._holds = set()
        self.add_reader(self._wake_read.fileno(), self._on_wake)
        self._watch_forks()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _watch_forks(self) -> "None":
        if hasattr(os, "register_at_fork"):  # not on 3.6
            # There is no way to unregister: weakly, so that an ended broker is not kept.
            os.register_at_fork(after_in_child=_ForkHook(self))

    def on_fork(self) -> "None":
        """Count as ended: this is a forked process."""
        if not self._is_over:
            self._is_over = True
            self._close()
            self.fire("fork")

    # Any thread ---------------------------------------------------------------------------

    def is_current(self) -> "bool":
        """True when called on the broker thread."""
        return threading.get_ident() == self._ident

    def defer(self, fn: "object", *args: "object") -> "None":
        """Run ``fn(*args)`` on the broker thread, in the order of the calls.

        :raises mitogen.core.Error: the broker has ended.
        """
        if self._is_over:
            raise Error("the broker has ended")
        work = (fn, args)
        self._deferred.append(work)
        if threading.get_ident() != self._ident:
            self._wake()
        if self._is_over:
            self._take_back(work)

    def _take_back(self, work: "tuple") -> "None":
        """The broker ended while *work* was handed over: it ran already, or never will."""
        for index, candidate in enumerate(self._deferred):
            if candidate is work:
                del self._deferred[index]
                raise Error("the broker has ended")

    def _wake(self) -> "None":
        # Each time: a flag that says "woken already" cannot be kept in step with the byte when a
        # signal handler may raise between the two, and a lost wake-up is a hang.
        try:
            self._wake_write.send(b"\0")
        except OSError:
            pass  # full: it will wake up anyway; closed: `defer` looks after it

    def defer_sync(self, fn: "object") -> "object":
        """Run ``fn()`` on the broker thread and return its result or raise its exception."""
        if self.is_current():
            return fn()
        latch = Latch()

        def run() -> "None":
            try:
                latch.put((fn(), None))
            except Exception as exc:
                latch.put((None, exc))

        self.defer(run)
        result, error = latch.get()
        if error is not None:
            raise error
        return result

    def shutdown(self) -> "None":
        """Begin the end: children are told, given `shutdown_timeout`, then killed. No wait."""
        try:
            self.defer(self._begin_shutdown)
        except Error:
            return  # ended already, which is what the caller wants

    def join(self, timeout: "float | None" = None) -> "None":
        """Wait until the broker thread has ended; at most *timeout* seconds."""
        self.thread.join(timeout)

    # Broker thread ------------------------------------------------------------------------

    def add_reader(self, fd: "int", fn: "object") -> "None":
        """Call ``fn()`` whenever *fd* is readable or at its end."""
        self._set_callback(fd, READ, fn)

    def remove_reader(self, fd: "int") -> "None":
        """Undo `add_reader`; harmless when not added."""
        self._set_callback(fd, READ, None)

    def add_writer(self, fd: "int", fn: "object") -> "None":
        """Call ``fn()`` whenever *fd* is writable or broken."""
        self._set_callback(fd, WRITE, fn)

    def remove_writer(self, fd: "int") -> "None":
        """Undo `add_writer`; harmless when not added."""
        self._set_callback(fd, WRITE, None)

    def _set_callback(self, fd: "int", event: "int", fn: "object") -> "None":
        callbacks = self._callbacks.get(fd)
        if callbacks is None:
            if fn is None:
                return
            callbacks = self._callbacks[fd] = {event: fn}
            self._poller.register(fd, event)
            return
        before = sum(callbacks)
        if fn is None:
            callbacks.pop(event, None)
        else:
            callbacks[event] = fn
        after = sum(callbacks)
        if not after:
            del self._callbacks[fd]
            self._poller.unregister(fd)
        elif after != before:
            self._poller.modify(fd, after)

    def start_receive(self, stream: "object") -> "None":
        """Read from *stream* (anything with ``read_fd`` and ``on_readable()``)."""
        self.add_reader(stream.read_fd, stream.on_readable)

    def stop_receive(self, stream: "object") -> "None":
        """Undo `start_receive`."""
        self.remove_reader(stream.read_fd)

    def hold(self, holder: "object") -> "None":
        """Keep the broker running after the ``shutdown`` signal until `release` or time-out."""
        self._holds.add(holder)

    def release(self, holder: "object") -> "None":
        """Undo `hold`; harmless when not held."""
        self._holds.discard(holder)

    def _on_wake(self) -> "None":
        self._wake_read.recv(4096)

    def _run_deferred(self) -> "None":
        deferred = self._deferred
        for _ in range(len(deferred)):
            fn, args = deferred.popleft()
            self._protect(fn, *args)

    def _protect(self, fn: "object", *args: "object") -> "None":
        try:
            fn(*args)
        except Exception:
            LOG.exception("broker: %r failed", fn)

    def _begin_shutdown(self) -> "None":
        if self._is_stopping:
            return
        self._is_stopping = True
        self.timers.after(self.shutdown_timeout, self._holds.clear)
        self.fire("shutdown")

    def _run(self) -> "None":
        self._ident = threading.get_ident()
        try:
            while not (self._is_stopping and not self._holds):
                self._run_once()
            self.is_exiting = True
            self.fire("exit")
        finally:
            self._end()

    def _run_once(self) -> "None":
        timeout = 0 if self._deferred else self.timers.next_timeout()
        for fd, events in self._poller.wait(timeout):
            callbacks = self._callbacks.get(fd, _NONE)
            for event in (READ, WRITE):
                # An earlier callback of this round may have removed this one.
                is_live = event in callbacks and self._callbacks.get(fd) is callbacks
                if events & event and is_live:
                    self._protect(callbacks[event])
        if self._deferred:
            self._run_deferred()
        for fn in self.timers.take_due():
            self._protect(fn)

    def _end(self) -> "None":
        self._is_over = True
        self._run_deferred()
        self._close()

    def _close(self) -> "None":
        self._poller.close()
        self._wake_read.close()
        self._wake_write.close()
