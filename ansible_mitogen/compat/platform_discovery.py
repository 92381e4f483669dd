"""Whether a host's distribution has a say in which interpreter is discovered: in old versions."""

from __future__ import annotations

import functools
import pkgutil


@functools.cache
def platform_script() -> bytes | None:
    """What the core runs there to ask for the distribution; None where it does not ask."""
    try:
        return pkgutil.get_data("ansible.executor.discovery", "python_target.py")
    except FileNotFoundError:
        return None
