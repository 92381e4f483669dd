"""Context ids, unique in the whole tree: the master counts, everybody else asks for a range."""

import itertools
import threading

from mitogen.runtime.message import Message
from mitogen.wire.control import AllocateId, IdRange
from mitogen.wire.handles import ALLOCATE_ID

#: Ids asked for at a time: one round trip for as many children as a context usually has.
RANGE_SIZE = 100
#: Most a single request may ask for: a hostile child must not use the number space up.
MAX_RANGE_SIZE = 10000
REQUEST_TIMEOUT = 60.0


class IdSource:
    """Hands out ids in the master. `allocate` may be called on any thread."""

    def __init__(self, router: "object") -> "None":
        self._lock = threading.Lock()
        self._next = 1
        router.add_handler(self._on_request, ALLOCATE_ID)

    def allocate(self, count: "int" = 1) -> "int":
        """The first of *count* ids nobody has."""
        with self._lock:
            first = self._next
            self._next += count
            return first

    def _on_request(self, msg: "Message") -> "None":
        if msg.is_dead:
            return
        count = max(1, min(AllocateId.from_value(msg.unpickle()).count, MAX_RANGE_SIZE))
        msg.reply(IdRange(self.allocate(count), count).to_value())


class IdClient:
    """Hands out ids in any other context, from ranges the master gave."""

    def __init__(self, master: "object") -> "None":
        self._master = master
        self._lock = threading.Lock()
        self._ids = iter(())

    def allocate(self) -> "int":
        """An id nobody has. Any thread but the broker's: it may have to ask the master."""
        with self._lock:
            for context_id in self._ids:
                return context_id
            request = Message.pickled(AllocateId(RANGE_SIZE).to_value(), handle=ALLOCATE_ID)
            answer = IdRange.from_value(self._master.send_await(request, REQUEST_TIMEOUT))
            self._ids = itertools.islice(itertools.count(answer.first), answer.count)
            return next(self._ids)
