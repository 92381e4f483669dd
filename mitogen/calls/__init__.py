"""Calls as they travel, and the fate that calls of a chain share; pure."""

import collections

from mitogen.wire.control import Record

#: Failed chains remembered by a context; the oldest is forgotten first.
MAX_FAILED_CHAINS = 1000


class Call(Record):
    """A function to be called: *module*, *class_name* or None, *function*, *args*, *kwargs*.

    *chain_id* is None for a call that stands alone.
    """

    __slots__ = ("args", "chain_id", "class_name", "function", "kwargs", "module")
    FIELDS = (
        ("chain_id", (str, type(None))),
        ("module", (str,)),
        ("class_name", (str, type(None))),
        ("function", (str,)),
        ("args", (list, tuple)),
        ("kwargs", (dict,)),
    )

    def to_value(self) -> "list":
        """The call as it travels; a list is cheaper than a tuple there."""
        return [
            self.chain_id,
            self.module,
            self.class_name,
            self.function,
            list(self.args),
            self.kwargs,
        ]


class ChainFailures:
    """The first failure of each pipelined chain, kept where the calls run."""

    def __init__(self) -> "None":
        self._errors = collections.OrderedDict()

    def failure_of(self, chain_id: "str | None") -> "object":
        """The error every further call of the chain fails with, or None."""
        return self._errors.get(chain_id)

    def record(self, chain_id: "str | None", error: "object") -> "None":
        """A call of the chain failed. The first failure counts; None is no chain."""
        if chain_id is not None:
            self._errors.setdefault(chain_id, error)
            if len(self._errors) > MAX_FAILED_CHAINS:
                self._errors.popitem(last=False)

    def reset(self, chain_id: "str | None") -> "None":
        """Let the chain go on."""
        self._errors.pop(chain_id, None)
