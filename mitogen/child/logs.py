"""Log records travel to the master, which logs them under the name of their context.

Loaded once this process has loaded `logging` (see runtime/journal.py).
"""

import logging

from mitogen.runtime.message import Message
from mitogen.wire.control import ForwardLog
from mitogen.wire.handles import FORWARD_LOG

#: Loggers about each byte moved: forwarding their records would make new ones for ever.
NOT_FORWARDED = "mitogen.io"


class LogForwarder(logging.Handler):
    """Sends each record to *master* (a Context). Any thread."""

    def __init__(self, master: "object") -> "None":
        super().__init__()
        self._master = master
        self._formatter = logging.Formatter("%(message)s")

    def emit(self, record: "logging.LogRecord") -> "None":
        """Send *record*, formatted here, since its arguments may be of any type."""
        if record.name == NOT_FORWARDED:
            return
        try:
            news = ForwardLog(record.name, record.levelno, self._formatter.format(record))
            self._master.send(Message.pickled(news.to_value(), handle=FORWARD_LOG))
        except Exception:
            self.handleError(record)


def start_forwarding(master: "object", level: "int") -> "None":
    """Make the root logger of this process forward everything from *level* on."""
    root = logging.getLogger()
    root.setLevel(level)
    root.handlers[:] = [LogForwarder(master)]
    logging.raiseExceptions = False
