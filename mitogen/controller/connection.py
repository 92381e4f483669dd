"""How one context is being, or was, connected."""

from mitogen.errors import LatchError
from mitogen.runtime.latch import Latch


class Connection:
    """The outcome of connecting one context, now or later.

    `error` is None or the typed reason of the failure, `interpreter` what was found at the other
    end (`mitogen.bootstrap.handshake.InterpreterInfo`), `is_up` whether the context answers.
    """

    def __init__(self, context: "object", broker: "object") -> "None":
        self.context = context
        self.error = None
        self.interpreter = None
        self.is_up = False
        self._broker = broker
        self._done = Latch()
        self._callbacks = []

    @property
    def is_settled(self) -> "bool":
        """True once it is up or has failed."""
        return self.is_up or self.error is not None

    def notify(self, fn: "object") -> "None":
        """Call ``fn(connection)`` on the broker thread once it is up or failed. Any thread."""
        self._broker.defer(self._add_callback, fn)

    def _add_callback(self, fn: "object") -> "None":
        if self.is_settled:
            fn(self)
        else:
            self._callbacks.append(fn)

    def succeed(self, interpreter: "object") -> "None":
        """The context answers. Broker thread."""
        self.interpreter = interpreter
        self.is_up = True
        self._settle()

    def fail(self, error: "Exception") -> "None":
        """It did not work out. Broker thread."""
        self.error = error
        self._settle()

    def _settle(self) -> "None":
        callbacks, self._callbacks = self._callbacks, []
        for fn in callbacks:
            fn(self)
        self._done.close()

    def wait(self) -> "None":
        """Block until settled: the launch has a deadline of its own. Not on the broker thread.

        :raises mitogen.core.StreamError: the failure, of the type that says why.
        """
        try:
            self._done.get()
        except LatchError:
            pass  # settled: closing it wakes everybody who waits
        if self.error is not None:
            raise self.error
