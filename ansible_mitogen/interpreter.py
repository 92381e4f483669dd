"""Modules that say in their first line which Python they want: which of them go as messages. Pure.

The core makes of that line the command that it has a shell run, from 2.19 on as one word, blanks
and all. `ansible_python_interpreter` is for ``#!/usr/bin/python`` alone (in any folder);
``#!/usr/bin/python3`` means what it says, whatever Python the connection has. On the target the two
are mostly the same, and the module runs as all do; else it runs in a new interpreter there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

# No word that means more to a shell, a Python 3 that is new enough as far as its name tells, and
# options without a value.
_PYTHON = r"(?:[\w.+/-]*/)?python3(?:\.(?:[6-9]|[1-9]\d))?"
_COMMAND = re.compile(
    rf"(?:(?:[\w.+/-]*/)?env {_PYTHON}|{_PYTHON}(?: -[bBEIOPqsSu]+)*)", re.ASCII
)


def is_left_to_connection(path: str | None, arguments: Sequence[str]) -> bool:
    """Whether a first line with this interpreter and these arguments asks for any Python."""
    return not arguments and os.path.basename(path or "python").strip() == "python"


def command_words(command: str) -> list[str] | None:
    """The words of a shell's *command* that starts a Python 3; None where it may be another."""
    return command.split(" ") if _COMMAND.fullmatch(command) else None


def is_plain(named: str | None, executable: str) -> bool:
    """Whether the Python *executable* was started by that path, not by a script or with options.

    :param named: ``ansible_python_interpreter``; None where one was discovered.
    """
    if named is None:
        return True
    return named == (executable if "/" in named else os.path.basename(executable))
