"""Standard descriptors of a child: the link moves away, what is printed becomes log records.

stdin reads as empty; each line written to stdout or stderr, by Python code or by any program
started from here, is logged at INFO by the logger ``stdout`` or ``stderr``.
"""

import fcntl
import os
import sys

from mitogen.runtime.journal import INFO

#: A line longer than this is logged in pieces: no program may make us buffer without bound.
MAX_LINE = 65536


def _move(fd: "int") -> "int":
    """Duplicate *fd* above the standard ones, close-on-exec; the original is to be overwritten."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)


class StandardDescriptors:
    """The link's descriptors, freed from 0 and 1, and the read ends of the new stdout, stderr.

    Made before any thread or fork, since it replaces descriptors 0, 1 and 2 of the process.
    """

    def __init__(self) -> "None":
        self.link_read = _move(0)
        self.link_write = _move(1)
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        os.dup2(null, 0)
        os.close(null)
        self.output_fds = {}
        for fd, name in ((1, "stdout"), (2, "stderr")):
            read_end, write_end = os.pipe()
            os.dup2(write_end, fd)
            os.close(write_end)
            self.output_fds[name] = read_end


def print_line_by_line() -> "None":
    """Let what Python code prints out as soon as a line is complete.

    Otherwise it would wait in a buffer, and come behind what programs started later have said. Done
    after the early hook: what that forks off is no part of this context.
    """
    sys.stdout = sys.__stdout__ = open(
        1, "w", 1, sys.stdout.encoding, sys.stdout.errors, closefd=False
    )


class LineLogger:
    """Turns what arrives on *fd* into log records, a record a line. Broker thread.

    :param int level: records below it are not wanted.
    """

    def __init__(self, broker: "object", fd: "int", name: "str", level: "int") -> "None":
        self._broker = broker
        self._fd = fd
        self._name = name
        self._is_wanted = level <= INFO
        self._rest = b""
        os.set_blocking(fd, False)
        broker.add_reader(fd, self._on_readable)
        broker.listen("exit", self._close)
        # Who holds the other end of its own output would never notice that nobody reads it.
        broker.listen("fork", lambda: os.close(fd))

    def _on_readable(self) -> "bool":
        try:
            data = os.read(self._fd, MAX_LINE)
        except BlockingIOError:
            return False
        if not data:
            self._broker.remove_reader(self._fd)
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) >= MAX_LINE:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._emit(line)
        return True

    def _emit(self, line: "bytes") -> "None":
        if self._is_wanted:
            import logging  # see runtime/journal.py

            text = line.decode("utf-8", "replace").rstrip("\r")
            logging.getLogger(self._name).info("%s", text)

    def flush(self) -> "None":
        """Log what is there now, also a last line without its end."""
        while self._on_readable():
            pass
        if self._rest:
            self._emit(self._rest)
            self._rest = b""

    def _close(self) -> "None":
        self._broker.remove_reader(self._fd)
        os.close(self._fd)
