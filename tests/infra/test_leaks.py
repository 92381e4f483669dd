"""The leak check sees what it promises to see."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

from tests.support import leaks, processes


def test_a_clean_test_leaves_nothing() -> None:
    """Nothing started, nothing reported."""
    assert leaks.Snapshot.take().leaks(grace=0) == []


def test_a_thread_is_seen() -> None:
    """A thread that still runs is named."""
    snapshot = leaks.Snapshot.take()
    go = threading.Event()
    thread = threading.Thread(target=go.wait, name="left-over")
    thread.start()
    left = snapshot.leaks(grace=0)
    go.set()
    thread.join()
    assert len(left) == 1
    assert "left-over" in left[0]


def test_a_descriptor_is_seen() -> None:
    """An open pipe shows both of its ends."""
    snapshot = leaks.Snapshot.take()
    ends = os.pipe()
    left = snapshot.leaks(grace=0)
    for end in ends:
        os.close(end)
    assert len(left) == 2
    assert all("pipe:" in line for line in left)


def test_a_child_process_is_seen_and_ended() -> None:
    """A running child is named with its command line, and does not live on."""
    snapshot = leaks.Snapshot.take()
    argv = ["sh", "-c", "echo up; read line", "waits-for-input"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        # Between fork and exec it would still carry our own command line.
        assert child.stdout is not None
        child.stdout.readline()
        left = [line for line in snapshot.leaks(grace=0) if line.startswith("process")]
        # It would wait for ever; its status may have gone to the check.
        child.wait(timeout=30)
    assert len(left) == 1
    assert "waits-for-input" in left[0]


def test_an_uncollected_child_of_our_own_is_seen() -> None:
    """A zombie that this process forked counts as left behind."""
    snapshot = leaks.Snapshot.take()
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    left = snapshot.leaks(grace=0)
    assert len(left) == 1
    assert "state Z" in left[0]


def test_an_orphan_is_seen() -> None:
    """A grandchild whose parent has ended is handed to the test process and found."""
    snapshot = leaks.Snapshot.take()
    script = (
        "import subprocess, sys; p = subprocess.Popen(['sleep', '601']);"
        "p.returncode = 0; sys.stdout.write(str(p.pid))"
    )
    out = _run_detached(script)
    left = snapshot.leaks(grace=0)
    assert len(left) == 1
    assert f"pid {out}" in left[0]
    assert "sleep 601" in left[0]


def _run_detached(script: str) -> str:
    """Run `script` without waiting for the end of what it leaves on its stdout."""
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", script + "; sys.stdout.flush(); import os; os._exit(0)"],
        stdout=writer,
    )
    os.close(writer)
    child.wait(timeout=30)
    out = os.read(reader, 100).decode()
    os.close(reader)
    return out


def test_an_ended_orphan_is_collected_in_silence() -> None:
    """A dead grandchild that nobody else can collect is no leak."""
    snapshot = leaks.Snapshot.take()
    # Such as those of a container that ended a moment ago.
    before = {entry.pid for entry in processes.descendants()}
    script = "import subprocess, sys; p = subprocess.Popen(['true']); p.returncode = 0"
    _run_detached(script)
    assert snapshot.leaks(grace=5) == []
    found = [entry for entry in processes.descendants() if entry.pid not in before]
    assert [entry for entry in found if entry.is_zombie] == []
