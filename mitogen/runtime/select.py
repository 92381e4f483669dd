"""Waiting for several queues at once."""

import collections

from mitogen.errors import LatchError, SelectError, TimeoutError
from mitogen.runtime.deadline import Deadline
from mitogen.runtime.latch import Latch


class Event(collections.namedtuple("Event", "source data")):
    """Something arrived: *source* is the Receiver or Latch, *data* its message or object."""

    __slots__ = ()


class Select:
    """The next thing that arrives at any of several receivers, latches and other selects.

    :param receivers: what to begin with; see `add`.
    :param bool oneshot: forget a source once something was taken from it.

    True as long as there are sources. Iterating yields data until there are none.
    `notify`, when set, is called as ``notify(select)`` when something arrived.
    """

    def __init__(self, receivers: "object" = (), oneshot: "bool" = True) -> "None":
        self.notify = None
        self._is_oneshot = oneshot
        self._sources = []
        # One entry for each thing that arrived. There may be more entries than things (a source
        # was emptied by somebody else), never fewer.
        self._ready = Latch()
        for source in receivers:
            self.add(source)

    @classmethod
    def all(cls, receivers: "object") -> "object":
        """Iterate over one datum of each of *receivers*, in the order in which they arrive."""
        with cls(receivers) as select:
            for data in select:
                yield data

    def add(self, source: "object") -> "None":
        """Wait for *source* (Receiver, Latch or Select), too. What waits there counts.

        :raises mitogen.select.Error: a select owns it already, or would wait for itself.
        """
        if isinstance(source, Select):
            source.check_contains_not(self)
        if source.notify is not None:
            raise SelectError("%r belongs to a select already" % (source,))
        self._sources.append(source)
        source.notify = self._on_ready
        # After that: what arrives in between is counted twice, which does no harm.
        for _ in range(source.size()):
            self._on_ready(source)

    def check_contains_not(self, other: "Select") -> "None":
        """Make sure that waiting for this one from *other* is no wait for itself.

        :raises mitogen.select.Error: it is.
        """
        if other is self:
            raise SelectError("a select cannot wait for itself")
        for source in self._sources:
            if isinstance(source, Select):
                source.check_contains_not(other)

    def remove(self, source: "object") -> "None":
        """Wait no longer for *source*; what it holds stays there.

        :raises mitogen.select.Error: it was not added.
        """
        for index, candidate in enumerate(self._sources):
            if candidate is source:
                del self._sources[index]
                source.notify = None
                return
        raise SelectError("%r does not belong to this select" % (source,))

    def _on_ready(self, source: "object") -> "None":
        try:
            self._ready.put(source)
        except LatchError:
            return  # closed: the source keeps what arrived
        notify = self.notify
        if notify is not None:
            notify(self)

    def get_event(self, timeout: "float | None" = None, block: "bool" = True) -> "Event":
        """The next thing that arrives. Any thread.

        :raises mitogen.core.TimeoutError: nothing came within *timeout* seconds.
        :raises mitogen.core.LatchError: this select was closed.
        :raises mitogen.core.ChannelError: it is a dead message.
        :raises mitogen.select.Error: there is nothing to wait for.
        """
        deadline = Deadline(timeout)
        while True:
            if not self._sources and not self._ready.size():
                raise SelectError("there is nothing to wait for")
            source = self._ready.get(deadline.remaining(), block)
            if any(candidate is source for candidate in self._sources):
                try:
                    return self._take(source)
                except TimeoutError:
                    pass  # somebody else was faster

    def _take(self, source: "object") -> "Event":
        try:
            if isinstance(source, Select):
                event = source.get_event(block=False)
            else:
                event = Event(source, source.get(block=False))
        except TimeoutError:
            raise
        except Exception:
            # A dead message, say: it was taken nevertheless.
            self._forget_oneshot(source)
            raise
        self._forget_oneshot(source)
        return event

    def _forget_oneshot(self, source: "object") -> "None":
        # A select is done when it has no sources left.
        if self._is_oneshot and not (isinstance(source, Select) and source):
            self.remove(source)

    def get(self, timeout: "float | None" = None, block: "bool" = True) -> "object":
        """As `get_event`, the data only."""
        return self.get_event(timeout, block).data

    def iter_events(self) -> "object":
        """Iterate over events until there are no sources."""
        while self._sources:
            yield self.get_event()

    def iter_data(self) -> "object":
        """Iterate over data until there are no sources."""
        for event in self.iter_events():
            yield event.data

    __iter__ = iter_data

    def size(self) -> "int":
        """Things that wait in all sources now."""
        return sum(source.size() for source in list(self._sources))

    def empty(self) -> "bool":
        """True when nothing waits now."""
        return not self.size()

    def close(self) -> "None":
        """Release all sources; wake whoever waits with LatchError."""
        for source in list(self._sources):
            self.remove(source)
        self._ready.close()

    def __bool__(self) -> "bool":
        return bool(self._sources)

    def __enter__(self) -> "Select":
        return self

    def __exit__(self, *_exc: "object") -> "None":
        self.close()
