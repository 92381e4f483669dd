"""What discovery knows in each version: its modes, and whether the distribution has a say."""

from __future__ import annotations

import functools
import pkgutil

from ansible_mitogen.compat.core import VERSION

#: From 2.21 on an ``auto_legacy`` is the name of a program.
MODES = frozenset({"auto", "auto_silent"})
if tuple(map(int, VERSION.split(".")[:2])) < (2, 21):
    MODES |= {"auto_legacy", "auto_legacy_silent"}


@functools.cache
def platform_script() -> bytes | None:
    """What the core runs there to ask for the distribution; None where it does not ask."""
    try:
        return pkgutil.get_data("ansible.executor.discovery", "python_target.py")
    except FileNotFoundError:
        return None
