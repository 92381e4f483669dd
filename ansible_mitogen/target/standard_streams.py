"""Standard streams of a runner: those of a new interpreter in the environment of its task."""

import io
import locale
import os
import sys

_LOCALE_VARIABLES = ("LC_ALL", "LC_CTYPE", "LANG")


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
    return effective_locale(dict(os.environ, **added)) == effective_locale(os.environ)


def renew_stdin() -> "None":
    """Make stdin anew: what the old one has read ahead is another's."""
    sys.stdin = sys.__stdin__ = _stdin(sys.stdin.encoding, sys.stdin.errors)


def follow_locale() -> "None":
    """Make all three anew, with the encoding that the environment asks for; it is UTF-8."""
    plain = effective_locale(os.environ) in ("C", "POSIX")
    if not plain:
        _try_locale("")
    elif not os.environ.get("LC_ALL"):
        # As an interpreter does (PEP 538), for the programs that it starts.
        for name in ("C.UTF-8", "C.utf8", "UTF-8"):
            if _try_locale(name):
                os.environ["LC_CTYPE"] = name
                break
    encoding, colon, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    if not colon:
        errors = "surrogateescape" if plain and not encoding else "strict"
    encoding = encoding or "utf-8"
    sys.stdin = sys.__stdin__ = _stdin(encoding, errors)
    sys.stdout = sys.__stdout__ = _writer(1, encoding, errors)
    sys.stderr = sys.__stderr__ = _writer(2, encoding, "backslashreplace")


def _try_locale(name: "str") -> "bool":
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    return True


def _stdin(encoding: "str", errors: "str") -> "io.TextIOWrapper":
    return io.TextIOWrapper(io.open(0, "rb", closefd=False), encoding, errors)


def _writer(fd: "int", encoding: "str", errors: "str") -> "io.TextIOWrapper":
    target = io.open(fd, "wb", closefd=False)
    return io.TextIOWrapper(target, encoding, errors, line_buffering=fd == 2)
