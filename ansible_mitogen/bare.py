"""The actions `raw` and `script`: commands that run bare, without a Python, as sshd would run them.

They are known by all the names that Ansible has for its own. An action of another collection is
neither, whatever its last name: what it does, and what it needs for that, is not known.
"""

from __future__ import annotations

from typing import Any

#: Starts the account's own shell, as sshd does for a command that nothing is put around.
_LOGIN_SHELL = ("/bin/sh", "-c", 'exec "${SHELL:-/bin/sh}" -c "$0"')

_RAW = frozenset({"raw", "ansible.builtin.raw", "ansible.legacy.raw"})
_SCRIPT = frozenset({"script", "ansible.builtin.script", "ansible.legacy.script"})


def is_raw(action: str) -> bool:
    """Whether *action* runs a command just as it is written."""
    return action in _RAW


def is_bare(action: str) -> bool:
    """Whether *action* runs a command without a Python, and may install one.

    Of all the commands that stock gives a terminal to, only these have one: a module's output is
    not for people.
    """
    return action in _RAW or action in _SCRIPT


def by_login_shell(job: dict[str, Any], text: str) -> None:
    """Have *job* run the command *text* in the account's own shell."""
    job["argv"] = [*_LOGIN_SHELL, text]
