"""Operations, compared with the shell commands they stand for."""

from __future__ import annotations

import hashlib
import os
import pwd
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from ansible_mitogen.target import operations


def _shell(text: str, folder: Path) -> str:
    done = subprocess.run(["/bin/sh", "-c", text], cwd=folder, capture_output=True, text=True)
    return done.stdout


@pytest.mark.parametrize("path", ["~", "~root", "~/a/b", "~root/x", "~nobody_of_that_name", "/a"])
def test_expand_user(path: str, tmp_path: Path) -> None:
    """As `echo` does."""
    assert operations.expand_user(path) == _shell(f"echo {path}", tmp_path).strip()


def test_expand_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables too."""
    monkeypatch.setenv("X_Y", "value")
    monkeypatch.setenv("HOME", "/home/me")
    assert operations.expand_path("~/$X_Y/${X_Y}") == "/home/me/value/value"


def test_exists(tmp_path: Path) -> None:
    """A dangling link does not count."""
    (tmp_path / "link").symlink_to("nowhere")
    assert operations.exists(str(tmp_path))
    assert not operations.exists(str(tmp_path / "link"))
    assert not operations.exists(str(tmp_path / "a" / "b"))


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_make_temporary_directory(mask: int, tmp_path: Path) -> None:
    """For this account only, with all that is missing above it, whatever the umask."""
    before = os.umask(mask)
    try:
        path = operations.make_temporary_directory(str(tmp_path / "a" / "b"), "name")
    finally:
        os.umask(before)
    assert path == str(tmp_path / "a" / "b" / "name")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    if not mask & 0o700:
        assert stat.S_IMODE(os.stat(tmp_path / "a").st_mode) == 0o700


def test_make_temporary_directory_elsewhere(tmp_path: Path) -> None:
    """Where the place is none, the next one is taken; where all are none, the first one's error."""
    (tmp_path / "file").write_text("")
    bad, good = str(tmp_path / "file" / "x"), str(tmp_path / "good")
    assert operations.make_temporary_directory(bad, "n", 0o755, [bad, good]) == good + "/n"
    assert stat.S_IMODE(os.stat(good + "/n").st_mode) == 0o755
    with pytest.raises(FileExistsError, match="file"):
        operations.make_temporary_directory(bad, "n", 0o700, [bad + "2"])
    with pytest.raises(FileExistsError):
        operations.make_temporary_directory(good, "n", 0o700, [str(tmp_path / "other")])


def test_remove(tmp_path: Path) -> None:
    """As `rm -f`, and `rm -rf`; a link goes, not what it leads to."""
    (tmp_path / "folder" / "in").mkdir(parents=True)
    (tmp_path / "link").symlink_to("folder")
    operations.remove(str(tmp_path / "link"), True)
    operations.remove(str(tmp_path / "none"))
    with pytest.raises(OSError, match="folder"):
        operations.remove(str(tmp_path / "folder"))
    operations.remove(str(tmp_path / "folder"), True)
    operations.remove(str(tmp_path / "folder"), True)
    assert list(tmp_path.iterdir()) == []


MODES = [
    "0644", "755", "4755", "u+x", "u+rwx", "a+r", "+x", "-w", "=", "=r", "u=rw,g=r,o=", "go-rwx",
    "u=rwx,go=rx", "a+X", "u+s", "g+s", "+t", "u-s", "g=u", "o=g", "u+x-w", "ug+rw,o-r", "a=,u+r",
    "u=s", "o+s", "a-x+X",
]  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("before", [0o000, 0o644, 0o755, 0o7711])
@pytest.mark.parametrize("is_folder", [False, True])
def test_chmod(is_folder: bool, mode: str, before: int, tmp_path: Path) -> None:
    """As chmod(1), for files and folders."""
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        if is_folder:
            path.mkdir()
        else:
            path.write_text("")
        path.chmod(before)
    subprocess.run(["chmod", mode, str(paths[0])], check=False, capture_output=True)
    operations.chmod([str(paths[1])], mode)
    assert oct(paths[1].stat().st_mode) == oct(paths[0].stat().st_mode)


@pytest.mark.parametrize("mode", ["x", "u", "u+q", "A+user:x:r:allow", "9", ""])
def test_chmod_of_no_mode(mode: str, tmp_path: Path) -> None:
    """Is refused, as by chmod(1)."""
    with pytest.raises(ValueError):
        operations.chmod([str(tmp_path)], mode)


def test_chown(tmp_path: Path) -> None:
    """To a name or number; a wrong one is an error."""
    path = tmp_path / "a"
    path.write_text("")
    me = os.getuid()
    operations.chown([str(path)], pwd.getpwuid(me).pw_name)
    operations.chown([str(path)], f"{me}:{os.getgid()}")
    assert path.stat().st_uid == me
    with pytest.raises(LookupError, match="nobody_of_that_name"):
        operations.chown([str(path)], "nobody_of_that_name")


def test_chunks(tmp_path: Path) -> None:
    """A file goes there and back in pieces; the first one makes it new."""
    path = str(tmp_path / "a")
    operations.write_chunk(path, 0, b"long before")
    operations.write_chunk(path, 0, b"abc")
    operations.write_chunk(path, 3, b"\xff\0")
    assert operations.file_size(path) == 5
    assert operations.read_chunk(path, 1, 3) == b"bc\xff"
    assert operations.read_chunk(path, 5, 3) == b""
    assert operations.checksum(path) == hashlib.sha1(b"abc\xff\0").hexdigest()
    with pytest.raises(FileNotFoundError):
        operations.file_size(path + "2")
    with pytest.raises(IsADirectoryError):
        operations.read_chunk(str(tmp_path), 0, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_await_departure() -> None:
    """Over as soon as no process of that user has the same command line as this one."""
    uid = pwd.getpwnam("nobody").pw_uid
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if not pid:
        ours.close()
        os.setuid(uid)
        theirs.send(b"x")
        theirs.recv(1)
        os._exit(0)
    theirs.close()
    with ours:
        assert ours.recv(1) == b"x"
        assert not operations.await_departure("nobody", 0)
    assert operations.await_departure("nobody", 60)
    os.waitpid(pid, 0)
    assert operations.await_departure("no such user", 0)
