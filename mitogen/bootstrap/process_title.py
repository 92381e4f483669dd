"""The process's name in ``ps`` and ``pstree -a``.

On Linux a process may overwrite its own argument area, which starting a second interpreter with
other arguments would only do slower (13 ms). The area's bounds are fields 48 and 49 of
``/proc/self/stat`` (proc(5)); ``/proc/self/mem`` writes to it without ctypes. Where that is
impossible (no /proc, gVisor reports bounds of 0, EACCES after ``setuid`` without ``exec``) nothing
is changed and the caller falls back to `restart`.
"""

import os
import sys

_RESTART_STATE = "MITOGEN_RESTART"


def set_title(title: "str", proc: "str" = "/proc/self") -> "bool":
    """Overwrite the argument area with *title*; True if it can be read back.

    Must run before privileges are dropped. A title longer than the area is cut.
    """
    try:
        with open(proc + "/stat", "rb") as stat:
            # The second field is the program's name in brackets, which may hold anything.
            fields = stat.read().rpartition(b")")[2].split()
        start, end = int(fields[45]), int(fields[46])
        size = end - start
        if start <= 0 or size < 3:
            return False
        text = os.fsencode(title).replace(b"\0", b" ")[: size - 2]
        # When the last byte is not a NUL the kernel shows the area up to the first NUL only
        # (fs/proc/base.c, get_mm_proctitle), instead of a title with a train of NULs.
        _overwrite(proc + "/mem", start, text.ljust(size - 1, b"\0") + b"\1")
        with open(proc + "/cmdline", "rb") as cmdline:
            return cmdline.read().partition(b"\0")[0] == text
    except (OSError, ValueError, IndexError, OverflowError):
        return False


def _overwrite(path: "str", start: "int", data: "bytes") -> "None":
    memory = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        if os.pwrite(memory, data, start) != len(data):
            raise OSError("short write")
    finally:
        os.close(memory)


def restart(title: "str", arguments: "list") -> "None":
    """Start this interpreter again under the name *title*; returns only if that fails.

    An interpreter finds its library through its name, so the restarted one is told where the
    first one had found it (see `recover_executable`).
    """
    state = [sys.executable, sys.prefix, sys.exec_prefix, *sys.path]
    os.environ[_RESTART_STATE] = "\n".join(state)
    try:
        os.execv(sys.executable, [title, *arguments])
    except OSError:
        del os.environ[_RESTART_STATE]


def recover_executable() -> "None":
    """In a restarted interpreter: find library and packages where the first one had."""
    state = os.environ.pop(_RESTART_STATE, None)
    if state is not None:
        sys.executable, sys.prefix, sys.exec_prefix, *sys.path = state.split("\n")
