"""Finds what a test leaves behind: threads, descriptors, child processes.

A `Snapshot` is taken before a test and compared after it. What disappears within the grace time is
no leak (a context needs a moment to die after its link was closed). Processes are looked for among
all descendants; the test process is a subreaper, so an orphan of a child shows up too.

An ended but uncollected process is a leak when this very process forked it ("processes are
reaped"), and is collected in silence when it is an orphan that was handed to us: its parent is gone
and nobody else could.
"""

from __future__ import annotations

import functools
import gc
import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support import processes
from tests.support.processes import ProcessEntry

GRACE_SECONDS = 5.0
_POLL_SECONDS = 0.01


class ForkRecorder:
    """Remembers the pids this process forked, to tell own children from adopted orphans."""

    def __init__(self) -> None:
        self.pids: set[int] = set()

    def install(self) -> None:
        """Wrap the three ways Python starts a process."""
        for owner, name in ((os, "fork"), (os, "posix_spawn"), (subprocess, "_fork_exec")):
            original = getattr(owner, name, None)
            if original is not None:
                setattr(owner, name, self._recording(original))

    def _recording(self, original: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(original)
        def fork(*args: Any, **kwargs: Any) -> int:
            pid = original(*args, **kwargs)
            if pid:
                self.pids.add(pid)
            return pid

        return fork


FORKS = ForkRecorder()


def open_descriptors() -> dict[int, str]:
    """This process's open descriptors with what each refers to."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    found = {}
    for name in os.listdir(folder):
        try:
            found[int(name)] = os.readlink(f"{folder}/{name}")
        except OSError:
            # The descriptor of the listing itself, or no link names on this system.
            try:
                os.fstat(int(name))
            except OSError:
                continue
            found[int(name)] = "?"
    return found


@dataclass
class Snapshot:
    """What there was at one moment; `leaks` says what has been added since."""

    threads: set[int]
    descriptors: dict[int, str]
    processes: set[tuple[int, int]]
    allowed: set[tuple[int, int]] = field(default_factory=set)

    @classmethod
    def take(cls) -> Snapshot:
        """Look at this process now."""
        FORKS.pids.clear()
        return cls(
            threads={id(thread) for thread in threading.enumerate()},
            descriptors=open_descriptors(),
            processes={entry.key for entry in processes.descendants()},
        )

    def allow_process(self, pid: int) -> None:
        """A process (and what it starts) that outlives the test on purpose."""
        for entry in processes.table().values():
            if entry.pid == pid:
                self.allowed.add(entry.key)

    def _new_threads(self) -> list[threading.Thread]:
        return [t for t in threading.enumerate() if id(t) not in self.threads and t.is_alive()]

    def _new_descriptors(self) -> list[str]:
        now = open_descriptors()
        return [
            f"{number} -> {target}"
            for number, target in sorted(now.items())
            if self.descriptors.get(number) != target
        ]

    def _new_processes(self) -> list[ProcessEntry]:
        found = []
        allowed = {pid for pid, _start in self.allowed}
        own = os.getpid()
        for entry in processes.descendants():
            if entry.parent in allowed or entry.key in self.allowed:
                allowed.add(entry.pid)
            elif entry.key in self.processes:
                continue
            elif entry.is_zombie and entry.parent == own and entry.pid not in FORKS.pids:
                processes.reap(entry.pid)
            else:
                found.append(entry)
        return found

    def _left(self) -> tuple[list[str], list[ProcessEntry]]:
        lines = [f"thread {thread!r}" for thread in self._new_threads()]
        lines += [f"descriptor {text}" for text in self._new_descriptors()]
        left = self._new_processes()
        return lines + [f"process {entry}" for entry in left], left

    def leaks(self, grace: float = GRACE_SECONDS) -> list[str]:
        """One line per thing left behind after `grace` seconds; ends left-over processes."""
        end = time.monotonic() + grace
        lines, left = self._left()
        if lines:
            gc.collect()
        while lines and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
            lines, left = self._left()
        if left:
            processes.kill_and_reap(left)
        return lines
