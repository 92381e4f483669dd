"""What a context is told when it shall start a child for somebody above it."""

import collections

from mitogen import errors
from mitogen.bootstrap.handshake import InterpreterInfo

#: Failures of a connect that keep their type when another context reports them.
_CONNECT_ERRORS = {
    kind.__name__: kind
    for kind in (
        errors.CancelledError,
        errors.ConnectTimeoutError,
        errors.EofError,
        errors.ForkError,
        errors.HostKeyError,
        errors.NamespaceError,
        errors.PasswordError,
        errors.PythonNotFoundError,
    )
}


class StartChild(collections.namedtuple("StartChild", "context_id method options")):
    """Start the child *context_id* by connection method *method* with *options* (a dict)."""

    __slots__ = ()

    def to_value(self) -> "list":
        """As it travels."""
        return list(self)

    @classmethod
    def from_value(cls, value: "object") -> "StartChild":
        """From what travelled.

        :raises mitogen.errors.DecodeError: it is something else.
        """
        kinds = (int, str, dict)
        if not (isinstance(value, list) and len(value) == len(kinds)):
            raise errors.DecodeError("a start request with unknown fields")
        if not all(isinstance(field, kind) for field, kind in zip(value, kinds)):
            raise errors.DecodeError("a start request with unknown fields")
        return cls(*value)


class ChildStarted:
    """The answer: `error` (a StreamError of some type, or None) and `interpreter`."""

    __slots__ = ("error", "interpreter")

    def __init__(self, error: "Exception | None", interpreter: "object") -> "None":
        self.error = error
        self.interpreter = interpreter

    def to_value(self) -> "list":
        """As it travels: name of the error's type, its text, the interpreter."""
        if self.error is not None:
            return [type(self.error).__name__, str(self.error), None]
        return [None, None, self.interpreter.to_value()]

    @classmethod
    def from_value(cls, value: "object") -> "ChildStarted":
        """From what travelled. An error of a type we do not know arrives as a StreamError.

        :raises mitogen.errors.DecodeError: it is something else.
        """
        if not (isinstance(value, list) and len(value) == 3):
            raise errors.DecodeError("an answer to a start request with unknown fields")
        name, text, interpreter = value
        if name is not None:
            if not (isinstance(name, str) and isinstance(text, str)):
                raise errors.DecodeError("an answer to a start request with unknown fields")
            return cls(_CONNECT_ERRORS.get(name, errors.StreamError)(text), None)
        return cls(None, InterpreterInfo.from_value(interpreter))
