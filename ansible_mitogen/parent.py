"""The parent process of a playbook run, which is where the broker is started."""

from __future__ import annotations

import functools
import multiprocessing

from ansible import context
from ansible.utils.display import Display

from ansible_mitogen import launcher

display = Display()


@functools.cache
def start_with_parent() -> launcher.RunningBroker | None:
    """Start the broker when this is the parent process of a playbook run, before it forks.

    Anywhere else (workers, ``ansible-doc``, ``--syntax-check``) it does nothing.
    """
    if multiprocessing.parent_process() is not None or not _is_playbook_run():
        return None
    try:
        return launcher.start_for_parent()
    except OSError as exc:
        display.warning(f"Mitogen cannot start its broker: {exc}")
        return None


def _is_playbook_run() -> bool:
    arguments = context.CLIARGS or {}
    listings = ("listhosts", "listtasks", "listtags", "syntax")
    return "listtasks" in arguments and not any(arguments.get(name) for name in listings)
