"""Calls as they travel, and the fate that calls of a chain share; pure."""

from mitogen.errors import DecodeError
from mitogen.wire.pieces import Pieces
from mitogen.wire.values import Kwargs, encode_head, encode_pieces

#: Failed chains remembered by a context; the oldest is forgotten first.
MAX_FAILED_CHAINS = 1000


def encode_target(module: "str", class_name: "str | None", function: "str") -> "str":
    """The part of a call that is the same each time; see `encode_call`."""
    return encode_head([module, class_name, function])


def encode_call(
    target: "str", chain_id: "str | None", args: "tuple", kwargs: "dict"
) -> "bytes | Pieces":
    """A call as it travels: what `Call.from_value` is given the decoded form of.

    :param str target: from `encode_target`.
    :raises mitogen.errors.EncodeError: an argument does not travel.
    """
    return encode_pieces([chain_id, list(args), kwargs], target)


class Call:
    """A function to be called: *module*, *class_name* or None, *function*, *args*, *kwargs*.

    *chain_id* is None for a call that stands alone.
    """

    __slots__ = ("args", "chain_id", "class_name", "function", "kwargs", "module")

    @classmethod
    def from_value(cls, value: "object") -> "Call":
        """The call that travelled.

        :raises mitogen.errors.DecodeError: *value* is none.
        """
        call = cls()
        try:
            module, class_name, function, chain_id, args, kwargs = value
        except (TypeError, ValueError):
            raise DecodeError("this is no call")
        if not (
            type(module) is str
            and (class_name is None or type(class_name) is str)
            and type(function) is str
            and (chain_id is None or type(chain_id) is str)
            and type(args) is list
            and type(kwargs) in _KEYWORDS
        ):
            raise DecodeError("a call has a strange part")
        call.module = module
        call.class_name = class_name
        call.function = function
        call.chain_id = chain_id
        call.args = args
        call.kwargs = kwargs
        return call


_KEYWORDS = (dict, Kwargs)


class ChainFailures:
    """The first failure of each pipelined chain, kept where the calls run."""

    def __init__(self) -> "None":
        self._errors = {}

    def failure_of(self, chain_id: "str | None") -> "object":
        """The error every further call of the chain fails with, or None."""
        return self._errors.get(chain_id)

    def record(self, chain_id: "str | None", error: "object") -> "None":
        """A call of the chain failed. The first failure counts; None is no chain."""
        if chain_id is not None:
            self._errors.setdefault(chain_id, error)
            if len(self._errors) > MAX_FAILED_CHAINS:
                del self._errors[next(iter(self._errors))]

    def reset(self, chain_id: "str | None") -> "None":
        """Let the chain go on."""
        self._errors.pop(chain_id, None)
