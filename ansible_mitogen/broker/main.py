"""The main of the broker process: sets everything up, ends with Ansible, leaves nothing behind."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import resource
import secrets
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mitogen.master
from ansible_mitogen.broker import bounds
from ansible_mitogen.broker.contents import ContentCache
from ansible_mitogen.broker.request import Environment
from ansible_mitogen.broker.server import Server
from ansible_mitogen.broker.tree import ContextTree
from ansible_mitogen.cache_folder import CacheFolder

LOG = logging.getLogger("ansible_mitogen.broker")

EARLY_HOOK = "ansible_mitogen.target.hook:start"
BUNDLE_EXTRA = ("ansible_mitogen.target",)

#: Seconds between looks at a process that cannot be watched through a descriptor.
POLL_SECONDS = 1.0

#: Seconds between looks for contexts that nobody uses any more.
IDLE_CHECK_SECONDS = 30.0

#: Variables that a request may set for the processes started here.
SETTABLE = frozenset({"SSH_AUTH_SOCK", "DISPLAY"})


def main(argv: Sequence[str]) -> None:
    """Run until Ansible ends."""
    arguments = _parse(argv)
    _set_up_logging()
    broker = mitogen.master.Broker(install_watcher=False)
    router: Any = mitogen.master.Router(
        broker,
        early_hook=EARLY_HOOK,
        bundle_extra=BUNDLE_EXTRA,
        bundle_cache=CacheFolder(Path(arguments.cache)),
    )
    router.unidirectional = True
    tree = ContextTree(router, secrets.token_bytes(32), _limits())
    environment = Environment(tree, ContentCache(), set_variables, broker.timers.after)
    listener = socket.socket(fileno=arguments.listen_fd)
    server = Server(broker, listener, environment)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: broker.shutdown())
    broker.listen("shutdown", server.close)
    broker.defer(server.start)
    broker.defer(_watch_life, broker, arguments, broker.shutdown)
    broker.defer(end_unused, broker.timers, tree)
    try:
        broker.join()
    finally:
        remove(Path(arguments.directory))


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ansible_mitogen.broker")
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--cache", required=True)
    life = parser.add_mutually_exclusive_group(required=True)
    life.add_argument("--life-fd", type=int, help="end when this descriptor does")
    life.add_argument("--run-pid", type=int, help="end when this process does")
    return parser.parse_args(argv)


def _limits() -> bounds.Bounds:
    try:
        interpreters = bounds.interpreters_from(os.environ)
    except bounds.BadBoundError:
        interpreters = bounds.DEFAULT_INTERPRETERS  # the parent process has said so
    descriptors, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return bounds.Bounds(interpreters)
    return bounds.Bounds(interpreters, bounds.logins_for(descriptors))


def _set_up_logging() -> None:
    level = os.environ.get("MITOGEN_LOG_LEVEL", "warning").upper()
    logging.basicConfig(
        level=getattr(logging, level, logging.INFO),
        format="%(asctime)s mitogen broker[%(process)d] %(levelname).1s %(name)s: %(message)s",
    )


def set_variables(variables: dict[str, str]) -> None:
    """Take the variables that concern ssh from a worker's environment into ours."""
    for name, value in variables.items():
        if name in SETTABLE:
            os.environ[name] = value


def end_unused(timers: Any, tree: ContextTree) -> None:
    """End what nobody uses any more, now and from time to time."""
    tree.end_unused()
    timers.after(IDLE_CHECK_SECONDS, lambda: end_unused(timers, tree))


def _watch_life(broker: Any, arguments: argparse.Namespace, end: Callable[[], None]) -> None:
    """Call *end* when Ansible's parent process ends, however it does."""
    if arguments.life_fd is not None:
        fd = arguments.life_fd
    else:
        opened = _open_process(arguments.run_pid)
        if opened is None:
            _poll_process(broker, arguments.run_pid, end)
            return
        fd = opened

    def on_end() -> None:
        broker.remove_reader(fd)
        end()

    broker.add_reader(fd, on_end)


def _open_process(pid: int) -> int | None:
    """A descriptor that becomes readable when *pid* ends; None where there is no such thing."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        read_fd, write_fd = os.pipe()
        os.close(write_fd)
        return read_fd
    except OSError:
        return None


def _poll_process(broker: Any, pid: int, end: Callable[[], None]) -> None:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        end()
        return
    except PermissionError:
        pass
    broker.timers.after(POLL_SECONDS, lambda: _poll_process(broker, pid, end))


def remove(directory: Path) -> None:
    """Remove the broker's directory. A new broker may have come: its files keep theirs."""
    for name in ("s", "lock"):
        with contextlib.suppress(OSError):
            (directory / name).unlink()
    with contextlib.suppress(OSError):
        directory.rmdir()
