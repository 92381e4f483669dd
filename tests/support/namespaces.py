"""A process in namespaces of its own, as the leader of a container is."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support import processes

_SCRIPT = "echo ready && exec sleep 1000"


def missing_for_namespaces() -> str | None:
    """Why there can be none here, or None when there can."""
    if os.geteuid() != 0:
        return "namespaces need root"
    return None if shutil.which("unshare") else "there is no unshare"


@contextlib.contextmanager
def running_leader(has_processes: bool = True, has_users: bool = False) -> Iterator[int]:
    """Its pid, for the length of the block.

    It has files of its own; with processes of its own, it is the first one; with users of its own,
    its root is nobody out here.
    """
    argv = ["unshare", "--mount", "--uts", "--ipc"]
    argv += ["--mount-proc", "--pid", "--fork", "--kill-child"] if has_processes else []
    argv += ["--user"] if has_users else []
    outer = subprocess.Popen(
        [*argv, "sh", "-c", _SCRIPT], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    pids = [outer.pid]
    try:
        assert outer.stdout is not None
        assert outer.stdout.readline() == b"ready\n"
        pids += [entry.pid for entry in processes.descendants(outer.pid)]
        for name in ("uid_map", "gid_map") if has_users else ():
            Path(f"/proc/{pids[-1]}/{name}").write_text("0 100000 65536")
        yield pids[-1]
    finally:
        outer.kill()
        outer.communicate(timeout=10)
        processes.wait_gone(pids)
