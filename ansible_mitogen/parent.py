"""The parent process of a playbook run, which is where the broker is started."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import resource

from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible
from ansible import context
from ansible.utils.display import Display

from ansible_mitogen import launcher
from ansible_mitogen.broker import bounds
from ansible_mitogen.client import BrokerLostError, Client

display = Display()


@functools.cache
def start_with_parent() -> launcher.RunningBroker | None:
    """Start the broker when this is the parent process of a playbook run, before it forks.

    Anywhere else (workers, ``ansible-doc``, ``--syntax-check``) it does nothing.
    """
    if multiprocessing.parent_process() is not None or not _is_playbook_run():
        return None
    _warn_of_bounds()
    try:
        return launcher.start_for_parent()
    except OSError as exc:
        display.warning(f"Mitogen cannot start its broker: {exc}")
        return None


def end_batch() -> None:
    """Tell the broker that a batch of hosts (``serial``) is done, and others come."""
    broker = start_with_parent()
    try:
        connection = None if broker is None else broker.connect()
        if connection is not None:
            with contextlib.closing(Client(connection)) as client:
                client.end_batch()
    except (BrokerLostError, OSError) as exc:
        display.vv(f"Mitogen's broker cannot be told that a batch is done: {exc}")


def _warn_of_bounds() -> None:
    try:
        bounds.interpreters_from(os.environ)
    except bounds.BadBoundError as exc:
        display.warning(str(exc))
    forks = int((context.CLIARGS or {}).get("forks") or C.DEFAULT_FORKS)
    descriptors, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors != resource.RLIM_INFINITY:
        warning = bounds.too_many_forks(forks, descriptors)
        if warning:
            display.warning(warning)


def _is_playbook_run() -> bool:
    arguments = context.CLIARGS or {}
    listings = ("listhosts", "listtasks", "listtags", "syntax")
    return "listtasks" in arguments and not any(arguments.get(name) for name in listings)
