"""The library's own log records.

`logging`, with all that it imports, is a third of the time in which a context starts, and most
contexts never have a record to make. So it is loaded by the first record that somebody would see.
"""

import sys

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40


class Journal:
    """As a logger of the `logging` module. Any thread.

    Records below WARNING get lost while `logging` is not loaded: who wants them has loaded it.
    """

    __slots__ = ("_name",)

    def __init__(self, name: "str") -> "None":
        self._name = name

    def debug(self, text: "str", *args: "object") -> "None":
        """What the library does."""
        self._log(DEBUG, text, args)

    def warning(self, text: "str", *args: "object") -> "None":
        """Something is odd."""
        self._log(WARNING, text, args)

    def error(self, text: "str", *args: "object") -> "None":
        """Something failed, and nobody waits for the answer."""
        self._log(ERROR, text, args)

    def exception(self, text: "str", *args: "object") -> "None":
        """As `error`, with the exception being handled."""
        self._log(ERROR, text, args, True)

    def _log(
        self, level: "int", text: "str", args: "tuple", has_exception: "bool" = False
    ) -> "None":
        if level < WARNING and "logging" not in sys.modules:
            return
        import logging

        logging.getLogger(self._name).log(level, text, *args, exc_info=has_exception)


LOG = Journal("mitogen")
#: About single messages: never forwarded, since each record would make another one.
IO_LOG = Journal("mitogen.io")
