"""Listening to events of streams, contexts and brokers.

An `Emitter` keeps its own listeners, so nothing outlives the object they were attached to.
"""

from mitogen.runtime.journal import LOG


class Emitter:
    """An object with named signals; the subclass lists them in `SIGNALS`."""

    SIGNALS = ()

    def __init__(self) -> "None":
        self._listeners = {}

    def listen(self, signal: "str", fn: "object") -> "None":
        """Call ``fn(*args)`` each time *signal* fires, on the thread that fires it."""
        self._check(signal)
        self._listeners.setdefault(signal, []).append(fn)

    def unlisten(self, signal: "str", fn: "object") -> "None":
        """Undo `listen`; ValueError when *fn* does not listen."""
        self._check(signal)
        self._listeners.get(signal, []).remove(fn)

    def fire(self, signal: "str", *args: "object") -> "None":
        """Call all listeners in the order they came; one that raises is logged, others run."""
        self._check(signal)
        for fn in list(self._listeners.get(signal, ())):
            try:
                fn(*args)
            except Exception:
                LOG.exception("%r: listener %r of signal %r failed", self, fn, signal)

    def _check(self, signal: "str") -> "None":
        if signal not in self.SIGNALS:
            raise ValueError(
                "%s has no signal %r; it has %s"
                % (type(self).__name__, signal, ", ".join(self.SIGNALS))
            )


def listen(obj: "Emitter", signal: "str", fn: "object") -> "None":
    """Arrange ``fn(*args)`` for each time *obj* fires *signal*."""
    obj.listen(signal, fn)


def unlisten(obj: "Emitter", signal: "str", fn: "object") -> "None":
    """Undo `listen`."""
    obj.unlisten(signal, fn)


def fire(obj: "Emitter", signal: "str", *args: "object") -> "None":
    """Tell all listeners of *signal* on *obj*."""
    obj.fire(signal, *args)
