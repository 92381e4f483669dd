"""Who takes the messages of which handle, and who may send them."""

import itertools

from mitogen.errors import Error
from mitogen.wire.handles import FIRST_FREE


class Handler:
    """One entry: see `HandlerTable.add`."""

    __slots__ = ("fn", "persist", "policy", "respondent_id")

    def __init__(
        self, fn: "object", persist: "bool", policy: "object", respondent_id: "int | None"
    ) -> "None":
        self.fn = fn
        self.persist = persist
        self.policy = policy
        self.respondent_id = respondent_id


class HandlerTable:
    """Handles and their handlers. `add` and `remove` may be called on any thread.

    Each operation is one dictionary operation, which the interpreter makes atomic; a lock here
    would be taken twice for every call made.
    """

    def __init__(self) -> "None":
        self._handlers = {}
        self._next_handle = itertools.count(FIRST_FREE)

    def add(
        self,
        fn: "object",
        handle: "int | None" = None,
        persist: "bool" = True,
        policy: "object" = None,
        respondent_id: "int | None" = None,
        overwrite: "bool" = False,
    ) -> "int":
        """Register ``fn(msg)``; return its handle, a new one when none is given.

        :raises mitogen.core.Error: *handle* is taken and *overwrite* is False.
        """
        if handle is None:
            handle = next(self._next_handle)
        elif handle in self._handlers and not overwrite:
            raise Error("handle %d is taken" % (handle,))
        self._handlers[handle] = Handler(fn, persist, policy, respondent_id)
        return handle

    def remove(self, handle: "int") -> "Handler | None":
        """Forget *handle* and return what it had."""
        return self._handlers.pop(handle, None)

    def get(self, handle: "int") -> "Handler | None":
        """The handler of *handle*."""
        return self._handlers.get(handle)

    def take_by_respondent(self, respondent_id: "int") -> "list":
        """Remove and return the (handle, handler) pairs that wait for *respondent_id*."""
        found = [
            (handle, handler)
            for handle, handler in list(self._handlers.items())
            if handler.respondent_id == respondent_id
        ]
        return [pair for pair in found if self.remove(pair[0]) is not None]

    def take_all(self) -> "list":
        """Remove and return all (handle, handler) pairs: the broker has ended."""
        pairs = []
        while self._handlers:
            pairs.append(self._handlers.popitem())
        return pairs
