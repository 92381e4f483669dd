"""Standard streams of a runner: those of a new interpreter in the environment of its task."""

import io
import locale
import os
import sys

_LOCALE_VARIABLES = ("LC_ALL", "LC_CTYPE", "LANG")
_PLAIN = ("C", "POSIX")
#: What an interpreter makes of these.
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")


def effective_locale(environment: "dict") -> "str":
    """The name that the character encoding is taken from."""
    for name in _LOCALE_VARIABLES:
        if environment.get(name):
            return environment[name]
    return "C"


def has_same_locale(added: "dict") -> "bool":
    """Whether the environment with *added* on top means the encoding that this process has."""
    if not any(name in added for name in _LOCALE_VARIABLES):
        return True
    wanted = dict(os.environ, **added)
    # The C locale of LC_ALL is not made another one, see `coerce_locale`.
    is_kept = bool(wanted.get("LC_ALL")) == bool(os.environ.get("LC_ALL"))
    return is_kept and effective_locale(wanted) == effective_locale(os.environ)


def renew_stdin() -> "None":
    """Make stdin anew: what the old one has read ahead is another's."""
    sys.stdin = sys.__stdin__ = _stdin(sys.stdin.encoding, sys.stdin.errors)


def follow_locale() -> "None":
    """Make all three anew, with the encoding that the environment asks for; it is UTF-8."""
    is_plain = effective_locale(os.environ) in _PLAIN
    if is_plain and not getattr(sys.flags, "utf8_mode", 0):
        # A new interpreter would be in that mode; a running one has UTF-8 by the locale alone.
        _find_utf8_locale()
    else:
        _try_locale("")
    coerce_locale()
    encoding, colon, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    if not colon:
        # In these, what is no text passes through.
        is_lenient = locale.setlocale(locale.LC_CTYPE) in (*_PLAIN, *_COERCED) and not encoding
        errors = "surrogateescape" if is_lenient else "strict"
    encoding = encoding or "utf-8"
    sys.stdin = sys.__stdin__ = _stdin(encoding, errors)
    sys.stdout = sys.__stdout__ = _writer(1, encoding, errors)
    sys.stderr = sys.__stderr__ = _writer(2, encoding, "backslashreplace")


def coerce_locale() -> "None":
    """Have UTF-8 in the C locale as an interpreter does (PEP 538), for programs that it starts."""
    given = os.environ
    if given.get("LC_ALL") or effective_locale(given) not in _PLAIN:
        return
    if sys.version_info >= (3, 7) and given.get("PYTHONCOERCECLOCALE") != "0":
        name = _find_utf8_locale()
        if name is not None:
            given["LC_CTYPE"] = name


def _find_utf8_locale() -> "str | None":
    return next((name for name in _COERCED if _try_locale(name)), None)


def _try_locale(name: "str") -> "bool":
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    return True


def _stdin(encoding: "str", errors: "str") -> "io.TextIOWrapper":
    return _stream(0, "r", encoding, errors)


def _writer(fd: "int", encoding: "str", errors: "str") -> "io.TextIOWrapper":
    return _stream(fd, "w", encoding, errors)


def _stream(fd: "int", mode: "str", encoding: "str", errors: "str") -> "io.TextIOWrapper":
    """As the interpreter makes it: with names and modes of its own."""
    buffer = io.open(fd, mode + "b", closefd=False)
    buffer.raw.name = ("<stdin>", "<stdout>", "<stderr>")[fd]
    text = io.TextIOWrapper(buffer, encoding, errors, "\n", line_buffering=fd == 2)
    text.mode = mode
    return text
