"""The folder a login starts in: every task is there, and no interpreter that idles."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_mitogen.target import operations
from ansible_mitogen.target.folder import StartFolder
from tests.target.conftest import Host
from tests.target.packed import own

_LOOK = (
    "from ansible.module_utils.basic import AnsibleModule\n"
    "import os, sys; print(os.getcwd()); sys.exit(0)\n"
)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that this process is in."""
    folder = tmp_path / "start"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def _pwd(host: Host, **fields: Any) -> str:
    job = {"job_id": "1", "argv": ["/bin/sh", "-c", "pwd -P"], **fields}
    return os.fsdecode(host.outcome(job).stdout).rstrip("\n")


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(found for child in children for found in _family(int(child)))]


def _modules(host: Host, library: Path) -> list[str]:
    """Where modules are: in processes of their own, and in one that stays for the next."""
    job = own(library, _LOOK).job({}, job_id="1")
    known = {**job, "supplied": {}, "may_reuse": True}
    return [os.fsdecode(host.outcome(one).stdout).rstrip("\n") for one in (job, known, known)]


def test_every_task_starts_there(
    start: Path, make_host: Callable[..., Host], library: Path, tmp_path: Path
) -> None:
    """Programs, modules of both kinds, file operations, and contexts behind it."""
    host = make_host()
    assert _pwd(host) == str(start)
    assert _pwd(host, cwd=str(tmp_path)) == str(tmp_path)
    assert _modules(host, library) == [str(start)] * 3
    host.context.call(operations.write_chunk, "made", 0, b"x")
    assert (start / "made").read_bytes() == b"x"
    assert host.context.call(operations.exists, "made")
    with pytest.raises(Exception, match="other"):
        host.context.call(operations.file_size, "other")
    behind = Host(host.context.router.local(via=host.context, python_path=host.python), host.python)
    assert _pwd(behind) == str(start)


def test_nothing_idles_there(start: Path, make_host: Callable[..., Host], library: Path) -> None:
    """Neither the context nor what it keeps for the next module; so it can be removed."""
    host = make_host()
    _modules(host, library)
    host.context.call(operations.exists, "x")
    pids = _family(host.context.call(os.getpid))
    assert len(pids) == 3
    assert {os.readlink(f"/proc/{pid}/cwd") for pid in pids} == {"/"}


def test_a_folder_that_goes(start: Path, make_host: Callable[..., Host], library: Path) -> None:
    """As for a new login, the root takes its place, and a folder made anew is the folder."""
    host = make_host()
    start.rmdir()
    assert _pwd(host) == "/"
    assert _modules(host, library) == ["/"] * 3
    behind = Host(host.context.router.local(via=host.context, python_path=host.python), host.python)
    assert _pwd(behind) == "/"
    start.mkdir()
    assert _pwd(host) == str(start)
    assert _modules(host, library) == [str(start)] * 3


@contextlib.contextmanager
def _mounted(folder: Path) -> Iterator[None]:
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("this account may mount nothing here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def test_a_mount(tmp_path: Path, make_host: Callable[..., Host], library: Path) -> None:
    """What is idle keeps none from being unmounted."""
    with _mounted(tmp_path):
        before = Path.cwd()
        os.chdir(tmp_path)
        try:
            host = make_host()
            host.context.call(os.getpid)
        finally:
            os.chdir(before)
        assert _modules(host, library) == [str(tmp_path)] * 3
        done = subprocess.run(["umount", str(tmp_path)], capture_output=True, text=True)
        assert done.stderr == ""
        # The folder below it is there still.
        assert _pwd(host) == str(tmp_path)


def _in_a_process(act: Callable[[], list[str]]) -> list[str]:
    """What *act* returns in a child process, which may change folder and account."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(write_end, "\n".join(act()).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end) as source:
        text = source.read()
    os.waitpid(pid, 0)
    return text.split("\n")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another account")
def test_a_folder_of_another_account(tmp_path: Path) -> None:
    """There would be no way back: it is stayed in, as without us."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)

    def act() -> list[str]:
        os.chdir(private)
        os.setuid(65534)
        folder = StartFolder()
        folder.leave()
        places = [os.getcwd(), str(folder.where())]
        for move in (folder.enter, folder.quit):
            move()
            places.append(os.getcwd())
        return places

    assert _in_a_process(act) == [str(private), "None", str(private), str(private)]


def test_a_folder_that_is_gone_already(tmp_path: Path) -> None:
    """The same."""
    gone = tmp_path / "gone"
    gone.mkdir()

    def act() -> list[str]:
        os.chdir(gone)
        gone.rmdir()
        folder = StartFolder()
        folder.leave()
        folder.enter()
        folder.quit()
        return [str(folder.where()), os.readlink("/proc/self/cwd")]

    assert _in_a_process(act) == ["None", f"{gone} (deleted)"]
