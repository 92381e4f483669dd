"""A doas.conf for tests, where the machine has none of its own.

One session at a time: the next one waits. A file left over from a killed one is recognised by its
first line.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.support.accounts import PREFIX

_STATE = Path("/run/mitogentest")
_CONFIGURATION = Path("/etc/doas.conf")
_HEADER = "# made by the tests of mitogen, and removed by them\n"
_RULES = f"permit nopass root\npermit {PREFIX}password as root\n"


def missing_for_doas() -> str | None:
    """Why doas cannot be tested here, or None when it can."""
    if os.geteuid() != 0:
        return "doas.conf needs root"
    if shutil.which("doas") is None:
        return "there is no doas"
    if _CONFIGURATION.exists() and not _is_ours():
        return f"{_CONFIGURATION} is the machine's own"
    return None


def _is_ours() -> bool:
    return _CONFIGURATION.read_text(errors="replace").startswith(_HEADER)


@contextlib.contextmanager
def doas_configured() -> Iterator[None]:
    """Root may become anyone; the test user ``password`` may become root, with its password.

    Call it only when nothing is missing.
    """
    _STATE.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(_STATE / "doas.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _CONFIGURATION.unlink(missing_ok=True)
        with open(_CONFIGURATION, "x", opener=lambda path, flags: os.open(path, flags, 0o400)) as f:
            f.write(_HEADER + _RULES)
        try:
            yield
        finally:
            _CONFIGURATION.unlink(missing_ok=True)
    finally:
        os.close(lock)
