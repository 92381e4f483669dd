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
    return effective_locale(dict(os.environ, **added)) == effective_locale(os.environ)


def renew(is_encoding_known: "bool") -> "None":
    """Make stdin anew, whose buffer is another's; the others too if they are to change encoding."""
    encoding, errors = sys.stdin.encoding, sys.stdin.errors
    if not is_encoding_known:
        locale.setlocale(locale.LC_CTYPE, "")
        encoding = "utf-8"
        plain = effective_locale(os.environ) in ("C", "POSIX")
        errors = "surrogateescape" if plain else "strict"
        sys.stdout = sys.__stdout__ = _writer(1, encoding, errors)
        sys.stderr = sys.__stderr__ = _writer(2, encoding, "backslashreplace")
    source = io.open(0, "rb", closefd=False)  # noqa: UP020 -- the same, without a name of site's
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(source, encoding, errors)


def _writer(fd: "int", encoding: "str", errors: "str") -> "io.TextIOWrapper":
    return io.TextIOWrapper(
        io.open(fd, "wb", closefd=False),  # noqa: UP020 -- as above
        encoding,
        errors,
        line_buffering=fd == 2,
    )
