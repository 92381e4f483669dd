"""Interpreter discovery, answered from what is known.

The core asks the host for interpreters with one shell command, as the login user. By then one of
the very same list runs there, so nothing has to be asked; and with escalation the command would
reach the wrong user, for an accelerated connection is the escalated account.

Old versions go on to ask for the distribution, and take the interpreter that is known to come with
it even when another one is first on the list. There the core's questions are run, as the login
user, and the likely answer is what we start to begin with. Where a host's facts, which may be kept
from run to run, name another interpreter than the one that runs, that one is started.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_mitogen.compat.platform_discovery import MODES, platform_script
from ansible_mitogen.plain import plain
from ansible_mitogen.shell import CommandResult

_COMMAND = re.compile(r"echo FOUND; (?:command -v '[^']*'; )+echo ENDFOUND")
#: The same in versions that ask for the platform.
_PLATFORM = re.compile(r"echo PLATFORM; uname; echo FOUND; (?:command -v '[^']*'; )+echo ENDFOUND")

#: What nearly all distributions come with.
_LIKELY = "/usr/bin/python3"
_FACT = "discovered_interpreter_python"


def named(interpreter: Any) -> str | None:
    """The interpreter of ``ansible_python_interpreter``; None where it says to look for one."""
    text = plain(interpreter)
    return None if not text or text in MODES else str(text)


def is_discovery(text: str) -> bool:
    """Whether *text* is the core's question, to be answered by `found`."""
    return _COMMAND.fullmatch(text) is not None


def is_about_platform(text: str, in_data: bytes | None) -> bool:
    """Whether this command is a question of the core that has to be run, as the login user."""
    if in_data:
        return in_data == platform_script()
    return _PLATFORM.fullmatch(text) is not None


def found(executable: str) -> CommandResult:
    """The answer that names *executable*."""
    return CommandResult(0, f"FOUND\n{executable}\nENDFOUND\n".encode("utf-8", "surrogateescape"))


def no_platform() -> CommandResult:
    """The answer that says nothing about the platform: discovery takes what it found first."""
    return CommandResult(0, b"{}", b"")


def likely_first(candidates: Sequence[str]) -> list[str]:
    """Ansible's list for discovery, in the order in which we try it."""
    if platform_script() is None or _LIKELY not in candidates:
        return list(candidates)
    return [_LIKELY, *(candidate for candidate in candidates if candidate != _LIKELY)]


def chosen(variables: Mapping[str, Any], delegate_to: str | None) -> str | None:
    """What discovery chose for the task's host, now or in the past; None when it has not yet."""
    if delegate_to:
        variables = variables.get("ansible_delegated_vars", {}).get(delegate_to, {})
    path = variables.get("ansible_facts", {}).get(_FACT)
    return str(plain(path)) if path else None
