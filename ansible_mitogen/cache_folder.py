"""The folders that is kept in what takes long to make: closures of modules, boot code."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


class CacheFolder:
    """Named files below one folder. Safe with many processes: files appear whole.

    Nothing here fails: a full or read-only disk, or a folder that others can write to, costs time.

    :param path: made with mode 0700; not used when it belongs to somebody else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @functools.cached_property
    def is_usable(self) -> bool:
        """Whether it is there, and only we can write to it."""
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self._path.stat()
        except OSError:
            return False
        return status.st_uid == os.geteuid() and not status.st_mode & 0o022

    def read(self, name: str) -> bytes | None:
        """The file *name*, if it is here."""
        if not self.is_usable:
            return None
        try:
            with open(f"{self._path}/{name}", "rb") as stream:
                return stream.read()
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> bool:
        """Put *data* there, over what was; whether that was possible."""
        if not self.is_usable:
            return False
        try:
            handle, temporary = tempfile.mkstemp(dir=self._path, prefix=".new-")
        except OSError:
            return False
        try:
            with os.fdopen(handle, "wb") as sink:
                sink.write(data)
            os.replace(temporary, self._path / name)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            return False
        return True

    def remove_older(self, time: float) -> None:
        """Remove what was written before *time*."""
        if not self.is_usable:
            return
        with contextlib.suppress(OSError), os.scandir(self._path) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < time:
                        os.unlink(entry.path)

    @contextlib.contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """One process at a time per *name*, so that a fork per host does not do the same work.

        The kernel ends the lock with the process. Where locks are not to be had, there is none.
        """
        with contextlib.ExitStack() as stack:
            if self.is_usable:
                with contextlib.suppress(OSError):
                    sink = stack.enter_context(open(self._path / ".lock", "ab"))
                    # A byte for each name, in a file that stays empty.
                    offset = int.from_bytes(name.encode()[-7:], "big") >> 1
                    fcntl.lockf(sink, fcntl.LOCK_EX, 1, offset)
            yield
