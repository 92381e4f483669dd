"""A test sshd that outlives the command that starts it, for tools that want three steps.

    python -m tests.support.serve start FOLDER     comes back when the server is up
    python -m tests.support.serve stop FOLDER      comes back when server and users are gone

FOLDER/ready.json tells how to log in.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.sshd import missing_for_sshd, running_sshd

_SECONDS = 60.0


def _serve(folder: Path) -> None:
    """Serve until a TERM comes; never longer than an hour."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with running_sshd(folder) as sshd:
        account = sshd.accounts["bash"]
        told = {
            "address": sshd.host,
            "port": sshd.port,
            "user": account.username,
            "identity_file": str(sshd.key),
            "known_hosts": str(sshd.known_hosts),
            "pid": os.getpid(),
        }
        draft = folder / "ready.draft"
        draft.write_text(json.dumps(told))
        draft.rename(folder / "ready.json")
        time.sleep(3600)


def _start(folder: Path) -> None:
    missing = missing_for_sshd()
    if missing is not None:
        sys.exit(f"no sshd: {missing}")
    if (folder / "ready.json").exists():
        return
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.serve", "serve", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    end = time.monotonic() + _SECONDS
    while not (folder / "ready.json").exists():
        if process.poll() is not None or time.monotonic() > end:
            sys.exit((folder / "serve.log").read_text())
        time.sleep(0.05)
    # It lives on; Python would call that a leak of this process.
    process.returncode = 0


def _stop(folder: Path) -> None:
    ready = folder / "ready.json"
    if ready.exists():
        pid = int(json.loads(ready.read_text())["pid"])
        if _is_server(pid):
            # Once only: a second one would cut the removal of the users short.
            os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + _SECONDS
        while _is_server(pid) and time.monotonic() < end:
            time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _is_server(pid: int) -> bool:
    try:
        return b"tests.support.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


if __name__ == "__main__":
    {"start": _start, "stop": _stop, "serve": _serve}[sys.argv[1]](Path(sys.argv[2]))
