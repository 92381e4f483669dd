"""Starting the broker process, and finding the one that runs.

There is one broker for each run of Ansible. Its socket lies in a directory of mode 0700 whose
path follows from the process id of the run, so that every worker finds it. The parent starts the
broker when it imports a connection plugin, before it forks the first worker; where the parent
never imports one (``ansible`` ad-hoc, plugins in collections) the first worker does, under a lock.

The socket is bound here and inherited by the broker: whoever connects early waits in its backlog,
and nobody waits for a start.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import fcntl
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ansible_mitogen.caches import lasting_folder

#: Bytes of a UNIX socket path that every system takes (Linux has 108 with the closing zero).
MAX_SOCKET_PATH = 100

#: Seconds that the broker gets to end when Ansible does.
STOP_SECONDS = 10.0

_BACKLOG = 1024

_COMMAND = (
    "import sys; sys.path[0] = sys.argv[1]; from ansible_mitogen.broker.main import main; "
    "main(sys.argv[2:])"
)


class NoDirectoryError(OSError):
    """No place for the broker's socket."""

    def __init__(self, tried: list[str]) -> None:
        super().__init__("no directory for the broker's socket: " + "; ".join(tried))


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the broker of one run of Ansible is."""

    directory: Path

    @property
    def socket(self) -> Path:
        """Its socket."""
        return self.directory / "s"

    @property
    def lock(self) -> Path:
        """Who starts it."""
        return self.directory / "lock"


def candidate_bases() -> list[Path]:
    """Directories that may hold ours, best first; the same answer in parent and workers."""
    bases = []
    for name in ("XDG_RUNTIME_DIR", "TMPDIR"):
        value = os.environ.get(name)
        if value and Path(value).is_absolute():
            bases.append(Path(value))
    return [*bases, Path("/tmp"), Path("/var/tmp")]


def find_place(run_pid: int, bases: list[Path] | None = None) -> Place:
    """The place of the run whose parent is *run_pid*, made if it is not there.

    :raises NoDirectoryError: nowhere to put it.
    """
    tried = []
    for base in candidate_bases() if bases is None else bases:
        place = Place(base / f"ansible-mitogen-{os.geteuid()}-{run_pid}")
        if len(os.fsencode(place.socket)) > MAX_SOCKET_PATH:
            tried.append(f"{place.socket} is too long a path")
            continue
        problem = _make_private(place.directory)
        if problem is None:
            return place
        tried.append(problem)
    raise NoDirectoryError(tried)


def _make_private(directory: Path) -> str | None:
    """Make *directory*, for us alone; say what is wrong with it otherwise."""
    try:
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        info = directory.lstat()
    except OSError as exc:
        return f"{directory}: {exc.strerror}"
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        return f"{directory} belongs to somebody else"
    if stat.S_IMODE(info.st_mode) != 0o700:
        return f"{directory} is open to others"
    return None


@dataclasses.dataclass
class RunningBroker:
    """The broker that this process, the parent of a run, started."""

    process: subprocess.Popen[bytes]
    place: Place
    #: The broker ends when the last copy of this descriptor is closed.
    life_fd: int
    owner_pid: int

    def connect(self) -> socket.socket | None:
        """A connection to it; None when it has ended."""
        return _try_connect(self.place)

    def let_go(self) -> None:
        """Close the life line. In a forked worker this leaves the parent's copy alone."""
        fd, self.life_fd = self.life_fd, -1
        if fd >= 0:
            os.close(fd)

    def stop(self) -> None:
        """End the broker and wait for it; does nothing in a forked worker."""
        if os.getpid() != self.owner_pid:
            return
        self.let_go()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_for_parent() -> RunningBroker:
    """Start the broker of this process's run; it ends with this process, however that ends."""
    place = find_place(os.getpid())
    with _locked(place):
        read_fd, write_fd = os.pipe()
        try:
            process = _spawn(place, _bind(place), ["--life-fd", str(read_fd)], [read_fd])
        finally:
            os.close(read_fd)
    running = RunningBroker(process, place, write_fd, os.getpid())
    # A worker that outlives a killed parent must not keep the broker alive.
    os.register_at_fork(after_in_child=running.let_go)
    atexit.register(running.stop)
    return running


def connect(run_pid: int) -> socket.socket:
    """A connection to the broker of the run whose parent is *run_pid*; starts it if need be."""
    place = find_place(run_pid)
    connection = _try_connect(place)
    if connection is not None:
        return connection
    with _locked(place):
        connection = _try_connect(place)
        if connection is None:
            process = _spawn(place, _bind(place), ["--run-pid", str(run_pid)], [])
            # Not our child to wait for: it lives as long as our parent does.
            process.returncode = 0
            connection = _try_connect(place)
    if connection is None:
        raise ConnectionRefusedError(f"the broker at {place.socket} does not answer")
    return connection


def _try_connect(place: Place) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(place.socket))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    return connection


def _bind(place: Place) -> socket.socket:
    """A listening socket at *place*; what a dead broker left there is removed. Under the lock."""
    with contextlib.suppress(FileNotFoundError):
        place.socket.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(place.socket))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _spawn(
    place: Place, listener: socket.socket, arguments: list[str], pass_fds: list[int]
) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parents[1])
    with listener:
        return subprocess.Popen(
            [
                sys.executable,
                "-c",
                _COMMAND,
                root,
                "--listen-fd",
                str(listener.fileno()),
                "--directory",
                str(place.directory),
                "--cache",
                str(lasting_folder()),
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=_error_output(),
            pass_fds=[listener.fileno(), *pass_fds],
            # Ctrl-C at the terminal is Ansible's to handle; the broker ends when Ansible does.
            start_new_session=True,
        )


def _error_output() -> int:
    """Where the broker's log goes: nowhere unless it was asked for, else to where Ansible's does.

    By number: from 2.19 on Ansible's standard descriptors are not inherited otherwise.
    """
    return 2 if os.environ.get("MITOGEN_LOG_LEVEL") else subprocess.DEVNULL


@contextlib.contextmanager
def _locked(place: Place) -> Iterator[None]:
    # The holder only starts a process: nobody waits here for longer than that.
    fd = os.open(place.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
