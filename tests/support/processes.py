"""The process table below this process, read from /proc.

Everything here answers for the *test process and its descendants* only, so a busy machine with
other people's Pythons on it changes no verdict. Where /proc is missing the table is empty.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class ProcessEntry:
    """One line of the process table; `start` tells a reused pid from the one before."""

    pid: int
    parent: int
    start: int
    state: str
    args: str

    @property
    def is_zombie(self) -> bool:
        """Whether it has ended and waits for its parent to ask."""
        return self.state in ("Z", "X")

    @property
    def key(self) -> tuple[int, int]:
        """What identifies the process as long as the machine is up."""
        return (self.pid, self.start)

    def __str__(self) -> str:
        return f"pid {self.pid} (parent {self.parent}, state {self.state}): {self.args}"


def become_subreaper() -> bool:
    """Have orphaned descendants handed to this process instead of init; False if impossible.

    Without it a grandchild whose parent has ended is invisible to a leak check.
    """
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def _entry(pid: int) -> ProcessEntry | None:
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
        args = (_PROC / str(pid) / "cmdline").read_bytes()
    except (OSError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets, and may hold any byte, brackets too.
    head, _, tail = stat.rpartition(b")")
    fields = tail.split()
    name = head.partition(b"(")[2]
    return ProcessEntry(
        pid=pid,
        parent=int(fields[1]),
        start=int(fields[19]),
        state=fields[0].decode(),
        args=(args.replace(b"\0", b" ").strip() or b"[" + name + b"]").decode(errors="replace"),
    )


def table() -> dict[int, ProcessEntry]:
    """Every process of the machine by pid; empty where there is no /proc."""
    try:
        pids = [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    except OSError:
        return {}
    entries = (_entry(pid) for pid in pids)
    return {entry.pid: entry for entry in entries if entry is not None}


def descendants(root: int | None = None) -> list[ProcessEntry]:
    """All processes below `root` (this process by default), parents before children."""
    by_parent: dict[int, list[ProcessEntry]] = {}
    for entry in table().values():
        by_parent.setdefault(entry.parent, []).append(entry)
    found: list[ProcessEntry] = []
    queue = [os.getpid() if root is None else root]
    while queue:
        children = by_parent.get(queue.pop(0), [])
        found.extend(children)
        queue.extend(child.pid for child in children)
    return found


def kill_and_reap(entries: list[ProcessEntry]) -> None:
    """End exactly these processes (a reused pid is left alone) and collect them."""
    for entry in entries:
        now = _entry(entry.pid)
        if now is None or now.key != entry.key:
            continue
        if not now.is_zombie:
            try:
                os.kill(entry.pid, signal.SIGKILL)
            except OSError:
                continue
    for entry in entries:
        reap(entry.pid)


def wait_gone(pids: list[int], timeout: float = 15.0) -> None:
    """Return when none of these processes exists any more.

    :raises AssertionError: one still does.
    """
    end = time.monotonic() + timeout
    while True:
        for pid in pids:
            reap(pid)
        left = [str(entry) for pid in pids if (entry := _entry(pid)) is not None]
        if not left:
            return
        assert time.monotonic() < end, left
        time.sleep(0.01)


def reap(pid: int) -> None:
    """Collect an ended child; nothing happens when it is running or not ours."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except OSError:
        pass
