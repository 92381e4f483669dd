"""Everything that can go wrong, by whose fault it is.

::

    Error
    |-- LatchError             local misuse: the queue was closed here
    |-- SelectError            local misuse: a select that waits for itself, or for nothing
    |-- EncodeError            local misuse: a value that does not travel (also a TypeError)
    |-- TimeoutError           no answer in the time the caller allowed (also the built-in one)
    |-- DecodeError            remote misbehaviour: a message that is not what it should be
    |-- FrameError             remote misbehaviour: bytes that are no frames
    |-- SecurityError          refused: the other side may not do that
    |-- ChannelError           no answer will come, and why
    |-- CallError              the function called raised
    `-- StreamError            the link failed, or could not be made
        |-- EofError           the child ended before it was up
        |-- CancelledError     the broker shut down meanwhile
        |-- ConnectTimeoutError  it took too long (also a TimeoutError)
        |-- PasswordError      the password is wrong or missing
        |-- HostKeyError       the host is not who it should be
        |-- ForkError          this process cannot be forked safely
        |-- NamespaceError     the container does not run, or cannot be entered
        `-- PythonNotFoundError  nothing there can run us
"""

import builtins


class Error(Exception):
    """Base of all errors of this library."""


class LatchError(Error):
    """The queue was closed by its owner."""


class SelectError(Error):
    """A select cannot wait for that."""


class EncodeError(Error, TypeError):
    """A value holds something that does not travel."""


class TimeoutError(Error, builtins.TimeoutError):  # noqa: A001 - the documented name
    """Nothing came in the time allowed."""


class DecodeError(Error):
    """The other side sent a message that is not what it should be."""


class FrameError(Error):
    """The other side sent bytes that are no frames."""


class SecurityError(Error):
    """The other side asked for what it may not have."""


class ChannelError(Error):
    """No answer will come; the message says why."""


class StreamError(Error):
    """A link failed, or could not be made.

    `was_reached` is True where a shell of ours ran at the other end: what failed is the Python.
    """

    was_reached = False


class EofError(StreamError):
    """The child ended before it was up.

    Has an `exit_status` where that of the program which led to it is known, negative for a signal.
    """


class CancelledError(StreamError):
    """The broker was shut down while the child was being connected."""


class ConnectTimeoutError(StreamError, TimeoutError):
    """The child was not up in time."""


class PasswordError(StreamError):
    """A password was asked for and is wrong or missing."""


class HostKeyError(StreamError):
    """The host's key is unknown or not the one expected."""


class ForkError(StreamError):
    """This process cannot be forked safely."""


class NamespaceError(StreamError):
    """A container does not run, or its namespaces cannot be entered."""


class PythonNotFoundError(StreamError):
    """No usable Python was found at the other end."""


class CallError(Error):
    """A function called in another context raised.

    `type_name` is the qualified name of what it raised, `message` its text, `traceback_text` the
    remote traceback.
    """

    def __init__(self, type_name: "str", message: "str", traceback_text: "str" = "") -> "None":
        super().__init__(type_name, message, traceback_text)
        self.type_name = type_name
        self.message = message
        self.traceback_text = traceback_text

    @classmethod
    def from_exception(cls, exc: "BaseException") -> "CallError":
        """What another context is told about *exc*; a CallError is passed on with both stacks."""
        import traceback  # 7 ms that a context without errors does not need

        kind = type(exc)
        text = "".join(traceback.format_exception(kind, exc, exc.__traceback__))
        name = kind.__qualname__
        if kind.__module__ not in (None, "builtins"):
            name = "%s.%s" % (kind.__module__, name)
        try:
            message = str(exc)
        except Exception:
            message = "(its text cannot be made)"
        return cls(name, message, text)

    def __str__(self) -> "str":
        return "%s: %s\n%s" % (self.type_name, self.message, self.traceback_text)
