"""A job whose context is old runs in a new one, through the real broker process."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_mitogen import launcher
from ansible_mitogen.client import Client, FailedError
from ansible_mitogen.stack import Account, local_hop
from tests.plugins.test_broker_process import PARENT, START, finish, start_parent


class World:
    """Clients of one broker, and a Python that can be replaced."""

    def __init__(self, python: Path, run_pid: int) -> None:
        self.python = python
        self._run_pid = run_pid

    def client(self) -> Client:
        """Another worker."""
        return Client(launcher.connect(self._run_pid))

    def open(self, client: Client) -> Any:
        """The context of that Python."""
        return client.open([local_hop(Account([str(self.python)])).to_value()], {}, 60)

    def replace(self) -> None:
        """Have the same Python there, by another name."""
        other = self.python.with_name("other")
        other.symlink_to(os.path.realpath(sys.executable))
        copy = self.python.with_name("copy")
        copy.write_bytes(other.read_bytes())
        copy.chmod(0o755)
        self.python.unlink()
        self.python.symlink_to(copy)


@pytest.fixture
def world(public_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A run with a broker of its own."""
    folder = public_folder / "run"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    python = tmp_path / "python"
    python.symlink_to(os.path.realpath(sys.executable))
    parent = start_parent(PARENT.format(start=START))
    try:
        yield World(python, parent.pid)
    finally:
        finish(parent)


def _job(text: str) -> dict[str, Any]:
    return {"job_id": text, "argv": ["/bin/sh", "-c", text]}


def test_another_context_takes_over(world: World, tmp_path: Path) -> None:
    """The job that found out runs there, at one more message; what ran goes on to its end."""
    for name in ("up", "go"):
        os.mkfifo(tmp_path / name)
    slow, quick = world.client(), world.client()
    key = world.open(slow).key
    finished = []
    text = f"echo $PPID > {tmp_path}/up; read x < {tmp_path}/go; echo $x $PPID"
    thread = threading.Thread(target=lambda: finished.append(slow.run(key, _job(text))))
    thread.start()
    try:
        old_zygote = (tmp_path / "up").read_text().strip()
        world.replace()
        renewed = quick.run(world.open(quick).key, _job("echo $PPID"))
        again = quick.run(key, _job("echo $PPID"))
        assert quick.call(key, "exists", "/")
    finally:
        (tmp_path / "go").write_text("went\n")
        thread.join()
    assert finished[0].result["stdout"].decode().split() == ["went", old_zygote]
    assert renewed.result["renewed"] == f"{world.python} has been replaced"
    assert (renewed.sent, again.sent, again.result["renewed"]) == (2, 1, "")
    assert renewed.result["stdout"] == again.result["stdout"] != old_zygote.encode() + b"\n"
    slow.close()
    quick.close()


def test_no_other_context(world: World) -> None:
    """Where none can be made, the failure is that of making it, and nothing ran."""
    client = world.client()
    key = world.open(client).key
    world.python.unlink()
    made = world.python.with_name("made")
    for failure in ("no-python", "closed"):
        with pytest.raises(FailedError) as caught:
            client.run(key, _job(f"touch {made}"))
        assert caught.value.failure.value == failure
    assert not made.exists()
    client.close()
