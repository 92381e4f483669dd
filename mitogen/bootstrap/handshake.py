"""From a started program to a context that is up: what the parent does meanwhile.

Pure: bytes and the time come in, events come out. ::

    WAIT_SHELL --SHELL--> WAIT_PYTHON --PYTHON--> WAIT_UP --READY--> UP
      |                     |    ^ |                 | ^ |
      |                     |    +-+ TOO_OLD         | +-+ PYTHON (restarted for its title, once)
      |                     |                        |
      +---------------------+--NO_PYTHON, ENDED, EXPIRED, REFUSED, BROKEN---> FAILED

In WAIT_SHELL the program that leads there (ssh, sudo) may ask and complain, on its diagnostics;
login scripts may print anything on the link. From the first marker on what runs there is ours and
no prompt is answered any more. A fork has no shell: the words of its Python come first.
"""

import collections
import re

from mitogen.bootstrap.markers import marker_prefix, up_marker
from mitogen.errors import (
    ConnectTimeoutError,
    DecodeError,
    EofError,
    PythonNotFoundError,
    StreamError,
)

__all__ = [
    "DIAGNOSTICS",
    "Answer",
    "DiagnosticLine",
    "Failed",
    "Handshake",
    "Interpreter",
    "InterpreterInfo",
    "Up",
    "up_marker",
]

WAIT_SHELL, WAIT_PYTHON, WAIT_UP = "WAIT_SHELL", "WAIT_PYTHON", "WAIT_UP"
UP, FAILED = "UP", "FAILED"
SHELL, PYTHON, TOO_OLD, NO_PYTHON, READY = "SHELL", "PYTHON", "TOO_OLD", "NO_PYTHON", "READY"
ENDED, EXPIRED, REFUSED, BROKEN = "ENDED", "EXPIRED", "REFUSED", "BROKEN"

_UNDER_WAY = (WAIT_SHELL, WAIT_PYTHON, WAIT_UP)
_WITHOUT_PYTHON = (WAIT_SHELL, WAIT_PYTHON)

_NEXT = {
    (WAIT_SHELL, SHELL): WAIT_PYTHON,
    (WAIT_SHELL, PYTHON): WAIT_UP,
    (WAIT_SHELL, TOO_OLD): WAIT_PYTHON,
    (WAIT_SHELL, NO_PYTHON): FAILED,
    (WAIT_SHELL, ENDED): FAILED,
    (WAIT_SHELL, EXPIRED): FAILED,
    (WAIT_SHELL, REFUSED): FAILED,
    (WAIT_SHELL, BROKEN): FAILED,
    (WAIT_PYTHON, PYTHON): WAIT_UP,
    (WAIT_PYTHON, TOO_OLD): WAIT_PYTHON,
    (WAIT_PYTHON, NO_PYTHON): FAILED,
    (WAIT_PYTHON, ENDED): FAILED,
    (WAIT_PYTHON, EXPIRED): FAILED,
    (WAIT_PYTHON, BROKEN): FAILED,
    (WAIT_UP, PYTHON): WAIT_UP,
    (WAIT_UP, READY): UP,
    (WAIT_UP, ENDED): FAILED,
    (WAIT_UP, EXPIRED): FAILED,
    (WAIT_UP, BROKEN): FAILED,
}

#: What is waited for, in words.
_AWAITED = {
    WAIT_SHELL: "a shell there",
    WAIT_PYTHON: "Python to start",
    WAIT_UP: "the context to come up",
}

#: Kept of what was said, for the error text.
KEPT = 4096
MAX_MARKER = 8192
#: How much of an unfinished line is looked at for a prompt.
MAX_PROMPT = 1024
MAX_ANSWERS = 20

#: The channel prompts are answered on: the terminal.
DIAGNOSTICS = "diagnostics"

_PYTHON = re.compile(
    rb"\((\d{1,9}), (\d{1,9}), (\d{1,9}), '([0-9a-f]{8})', ([0-2]), '((?:[0-9a-f]{2})*)'\)"
)
_OLD = re.compile(rb"\((\d{1,9}), (\d{1,9}), (\d{1,9})\)")
_NONE = re.compile(rb"(\(\)|none\b)")


class InterpreterInfo(
    collections.namedtuple("InterpreterInfo", "version magic optimize executable")
):
    """The interpreter at the other end.

    :ivar tuple version: such as ``(3, 11, 7)``.
    :ivar str magic: hexadecimal, what its byte code files begin with.
    :ivar int optimize: its ``-O`` level.
    :ivar str executable: its path there.
    """

    __slots__ = ()

    def to_value(self) -> "list":
        """As it travels."""
        return [list(self.version), self.magic, self.optimize, self.executable]

    @classmethod
    def from_value(cls, value: "object") -> "InterpreterInfo":
        """From what travelled.

        :raises mitogen.errors.DecodeError: it is something else.
        """
        if not (isinstance(value, list) and len(value) == 4):
            raise DecodeError("interpreter data with unknown fields")
        version, magic, optimize, executable = value
        if not (
            isinstance(version, list)
            and len(version) == 3
            and all(type(number) is int for number in version)
            and isinstance(magic, str)
            and type(optimize) is int
            and isinstance(executable, str)
        ):
            raise DecodeError("interpreter data with unknown fields")
        return cls(tuple(version), magic, optimize, executable)


class Answer(collections.namedtuple("Answer", "data channel")):
    """Write *data* to *channel*: a prompt was seen."""

    __slots__ = ()

    def __repr__(self) -> "str":
        return "Answer(..., %r)" % (self.channel,)


class Interpreter(collections.namedtuple("Interpreter", "info")):
    """A Python waits for its boot message. A restarted one does so again."""

    __slots__ = ()


class Up(collections.namedtuple("Up", "leftover")):
    """The context is up; *leftover* are the first bytes of its frames."""

    __slots__ = ()


class Failed(collections.namedtuple("Failed", "error")):
    """It will not come up, and *error*, a StreamError, says why."""

    __slots__ = ()


class DiagnosticLine(collections.namedtuple("DiagnosticLine", "text")):
    """A line the program said, without secrets."""

    __slots__ = ()


class Handshake:
    """One start of one child.

    :param str nonce: the one in the command line and the boot record.
    :param prompts: `mitogen.bootstrap.prompts.PromptTable` of the method.
    :param options: record whose attributes answer the prompts; ``options.secrets()`` lists what
        must not appear in any text.
    :param str where: names the child in errors.
    :param float deadline: when to give up, on the caller's clock.
    """

    def __init__(
        self, nonce: "str", prompts: "object", options: "object", where: "str", deadline: "float"
    ) -> "None":
        self._prefix = marker_prefix(nonce)
        self._table = prompts
        self._options = options
        self._secrets = [_to_bytes(secret) for secret in options.secrets() if secret]
        # Cut behind what is kept, so that no part of a secret survives the replacement.
        self._spare = max([len(secret) for secret in self._secrets], default=0)
        self._where = where
        self._deadline = deadline
        self._state = WAIT_SHELL
        self._events = collections.deque()
        self._link = bytearray()
        self._noise = bytearray()
        self._said = bytearray()
        self._line = bytearray()
        self._link_line = bytearray()
        self._link_prompts = [prompt for prompt in prompts.prompts if prompt.is_also_on_link]
        self._answers = collections.Counter()
        self._old_versions = []
        self._interpreter = None
        self._restarts = 0
        self._refusal = None

    # Input ------------------------------------------------------------------------------------

    def feed_link(self, data: "bytes") -> "None":
        """Bytes from the child's stdout."""
        self._link += data
        while self._state in _UNDER_WAY and self._take_marker():
            pass
        if self._link_prompts and self._state == WAIT_SHELL:
            rest = bytes(self._link_line + data).rpartition(b"\n")[2]
            self._link_line = bytearray(rest[-MAX_PROMPT - self._spare :])
            self._take_prompt(self._link_line, self._link_prompts)

    def feed_diagnostics(self, data: "bytes") -> "None":
        """Bytes from the terminal, or from stderr where there is none."""
        self._keep(self._said, data)
        *lines, rest = bytes(self._line + data).split(b"\n")
        self._line = bytearray(rest[-MAX_PROMPT - self._spare :])
        for line in lines:
            self._take_line(line.strip(b"\r"))
        if rest and self._state == WAIT_SHELL:
            self._take_prompt(self._line, self._table.prompts)

    def link_eof(self) -> "None":
        """The child's stdout was closed."""
        self.process_ended(None)

    def process_ended(self, status: "int | None") -> "None":
        """The program has ended, or closed the link; *status* is None when that is not known."""
        if self._state in _UNDER_WAY:
            self._enter(ENDED, self._end_error(status))

    def expire(self, now: "float") -> "None":
        """The time is *now*."""
        if now >= self._deadline and self._state in _UNDER_WAY:
            self._enter(EXPIRED, self._timeout_error())

    # Output -----------------------------------------------------------------------------------

    @property
    def next_deadline(self) -> "float | None":
        """When `expire` wants to be called; None when never."""
        return self._deadline if self._state in _UNDER_WAY else None

    def next_event(self) -> "object":
        """What is to be done next: an event, or None."""
        return self._events.popleft() if self._events else None

    def __repr__(self) -> "str":
        return "Handshake(%r, %s)" % (self._where, self._state)

    # The link ---------------------------------------------------------------------------------

    def _take_marker(self) -> "bool":
        begin = self._link.find(self._prefix)
        if begin < 0:
            # The beginning of a marker may be what has arrived last.
            known = max(0, len(self._link) - len(self._prefix) + 1)
            self._keep(self._noise, self._link[:known])
            del self._link[:known]
            return False
        end = self._link.find(b"\n", begin)
        if end < 0:
            if len(self._link) - begin > MAX_MARKER:
                self._break("an endless marker")
            return False
        self._keep(self._noise, self._link[:begin])
        text = bytes(self._link[begin + len(self._prefix) : end]).rstrip(b"\r")
        del self._link[: end + 1]
        self._read_marker(text)
        return True

    def _read_marker(self, text: "bytes") -> "None":
        if text == b"sh" and self._state == WAIT_SHELL:
            # What was taken for a refusal was none.
            self._refusal = None
            self._enter(SHELL)
            return
        python = _PYTHON.fullmatch(text)
        old = _OLD.fullmatch(text)
        if python:
            self._found_python(python.groups())
        elif old and self._state in _WITHOUT_PYTHON:
            if len(self._old_versions) < MAX_ANSWERS:
                self._old_versions.append(".".join([part.decode() for part in old.groups()]))
            self._enter(TOO_OLD)
        elif _NONE.match(text) and self._state in _WITHOUT_PYTHON:
            self._enter(NO_PYTHON, self._no_python_error())
        elif text == b"up" and self._state == WAIT_UP:
            leftover = bytes(self._link)
            self._link.clear()
            self._enter(READY)
            self._events.append(Up(leftover))
        else:
            self._break("an unexpected marker")

    def _found_python(self, fields: "tuple") -> "None":
        *version, magic, optimize, executable = fields
        self._restarts += self._state == WAIT_UP
        if self._restarts > 1:
            self._break("one restart too many")
            return
        self._interpreter = InterpreterInfo(
            tuple([int(number) for number in version]),
            magic.decode(),
            int(optimize),
            bytes.fromhex(executable.decode()).decode("utf-8", "surrogateescape"),
        )
        self._enter(PYTHON)
        self._events.append(Interpreter(self._interpreter))

    # Diagnostics ------------------------------------------------------------------------------

    def _take_line(self, line: "bytes") -> "None":
        if not line.strip():
            return
        self._events.append(DiagnosticLine(self._clean(line)[:KEPT]))
        if self._state == WAIT_SHELL and self._refusal is None:
            for refusal in self._table.refusals:
                if refusal.pattern.search(line):
                    self._refusal = (refusal, self._clean(line)[:KEPT])
                    break

    def _take_prompt(self, unfinished: "bytearray", prompts: "list") -> "None":
        # ssh goes to the beginning of the line before it asks.
        line = unfinished.rpartition(b"\r")[2]
        for prompt in prompts:
            if prompt.pattern.search(line):
                self._events.append(DiagnosticLine(self._clean(unfinished)))
                unfinished.clear()
                self._answer(prompt)
                return

    def _answer(self, prompt: "object") -> "None":
        self._answers[prompt.kind] += 1
        count = self._answers[prompt.kind]
        if prompt.answer_option is None:
            if count > MAX_ANSWERS:
                self._break("the same question again and again")
                return
            self._events.append(Answer(prompt.answer + b"\n", DIAGNOSTICS))
            return
        value = getattr(self._options, prompt.answer_option)
        if value is None:
            self._refuse(prompt.missing_error, prompt.missing)
        elif count > 1:
            self._refuse(prompt.repeated_error, prompt.repeated)
        else:
            self._events.append(Answer(_to_bytes(value) + b"\n", DIAGNOSTICS))

    # The end ----------------------------------------------------------------------------------

    def _enter(self, what: "str", error: "Exception | None" = None) -> "None":
        was_reached = self._state != WAIT_SHELL
        self._state = _NEXT[self._state, what]
        if error is not None:
            error.was_reached = was_reached
            self._events.append(Failed(error))

    def _refuse(self, error: "type", text: "str") -> "None":
        self._enter(REFUSED, error("%s: %s" % (self._where, text)))

    def _break(self, what: "str") -> "None":
        self._enter(
            BROKEN, StreamError("%s: not a start as it should be: %s" % (self._where, what))
        )

    def _no_python_error(self) -> "Exception":
        text = "%s: no Python 3.6 or newer was found there" % (self._where,)
        if self._old_versions:
            text += " (only %s)" % (", ".join(self._old_versions),)
        return PythonNotFoundError(text + "; python_path names one")

    def _refusal_error(self) -> "Exception":
        refusal, line = self._refusal
        text = "%s: %s" % (self._where, line)
        if refusal.advice:
            text += " (%s)" % (refusal.advice,)
        return refusal.error(text)

    def _end_error(self, status: "int | None") -> "Exception":
        if self._refusal is not None:
            return self._refusal_error()
        what = "the connection ended" if self._state == WAIT_SHELL else "Python ended"
        text = "%s: %s before the context was up" % (self._where, what)
        if status is not None:
            how = "exit status %d" % (status,) if status >= 0 else "signal %d" % (-status,)
            text += " (%s)" % (how,)
        error = EofError(text + self._last_words())
        if status is not None:
            error.exit_status = status
        return error

    def _timeout_error(self) -> "Exception":
        if self._refusal is not None:
            return self._refusal_error()
        text = "%s: timed out waiting for %s" % (self._where, _AWAITED[self._state])
        return ConnectTimeoutError(text + self._last_words())

    def _last_words(self) -> "str":
        said = (
            self._clean(self._noise + self._link)[-KEPT:] + "\n" + self._clean(self._said)[-KEPT:]
        )
        lines = [line.rstrip() for line in said.splitlines() if line.strip()]
        if not lines:
            return "; it said nothing"
        return "; it said last:\n  " + "\n  ".join(lines)

    def _keep(self, kept: "bytearray", data: "bytes") -> "None":
        kept += data
        del kept[: -KEPT - self._spare]

    def _clean(self, data: "bytes") -> "str":
        """As text, without secrets and without control characters."""
        data = bytes(data)
        for secret in self._secrets:
            data = data.replace(secret, b"********")
        text = data.decode("utf-8", "replace")
        return "".join([c if c.isprintable() or c in "\n\t" else " " for c in text])


def _to_bytes(text: "str") -> "bytes":
    return str.__str__(text).encode("utf-8", "surrogateescape")
