"""Which accounts a job is about: with stock Ansible nothing of theirs would be running then.

``userdel`` refuses to remove a user who has processes, ``pkill -u`` finds them, ``ps`` shows them;
``umount`` refuses while one of them is in a folder of the file system, as is a sudo that waits for
what it started, and an interpreter that could not go back (see target/folder.py). The context of an
account that a task became is such a process, so it is ended before a job that may look for it.
Pure; guessing wrong costs a new context at worst.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_MODULES = frozenset({"user"})
_PROGRAMS = (
    "userdel", "usermod", "deluser", "kill", "killall", "killall5", "pkill", "pgrep", "skill",
    "slay", "loginctl", "ps", "lsof", "fuser", "top",
)  # fmt: skip
_PROGRAM = re.compile(rb"(?<![\w.-])(?:%s)(?![\w.-])" % "|".join(_PROGRAMS).encode())
_UNMOUNTING_MODULES = frozenset({"mount", "zfs", "zpool"})
_UNMOUNTING_PROGRAMS = (
    "umount", "fusermount", "fusermount3", "udisksctl", "zfs", "zpool", "cryptsetup", "fuser",
    "lsof",
)  # fmt: skip
#: Those programs, and what a service manager calls a file system.
_UNMOUNT = re.compile(
    rb"(?<![\w.-])(?:%s)(?![\w.-])|\w\.(?:auto)?mount(?![\w.-])"
    % "|".join(_UNMOUNTING_PROGRAMS).encode()
)


def is_about(job: Mapping[str, Any], username: str) -> bool:
    """Whether *job*, as it travels, may ask for or do away with what *username* runs."""
    if username == "root":  # who always has processes
        return False
    text = _text(job)
    if re.search(rb"(?<![\w.-])%s(?![\w.-])" % re.escape(username.encode()), text) is None:
        return False
    return _module(job) in _MODULES or _PROGRAM.search(text) is not None


def unmounts(job: Mapping[str, Any]) -> bool:
    """Whether *job* may unmount something, whoever is there."""
    return _module(job) in _UNMOUNTING_MODULES or _UNMOUNT.search(_text(job)) is not None


def _module(job: Mapping[str, Any]) -> str:
    return str(job.get("name", "")).rpartition(".")[2]


def _text(job: Mapping[str, Any]) -> bytes:
    """All that a job says about what it does."""
    words = [str(word).encode(errors="replace") for word in job.get("argv", ())]
    return b"\n".join([*words, job.get("stdin") or b"", job.get("arguments") or b""])
