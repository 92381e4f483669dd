"""Interpreter discovery, answered from what is known.

The core asks the host for interpreters with one shell command, as the login user. By then one of
the very same list runs there, so nothing has to be asked; and with escalation the command would
reach the wrong user, for an accelerated connection is the escalated account.
"""

from __future__ import annotations

import re

from ansible_mitogen.shell import CommandResult

#: What the core sends from 2.19 on; what older ones send asks for the platform too, and is run.
_COMMAND = re.compile(r"echo FOUND; (?:command -v '[^']*'; )+echo ENDFOUND")


def is_discovery(text: str) -> bool:
    """Whether *text* is the core's question."""
    return _COMMAND.fullmatch(text) is not None


def found(executable: str) -> CommandResult:
    """The answer that names *executable*."""
    return CommandResult(0, f"FOUND\n{executable}\nENDFOUND\n".encode("utf-8", "surrogateescape"))
