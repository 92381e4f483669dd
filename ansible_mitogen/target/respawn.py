"""Modules that restart themselves under another interpreter, which has a library that ours lacks.

Stock Ansible pays for it each time: the module starts, looks for the library, tries interpreters,
starts one, and starts again there. Here a runner *reports* such a restart, and the next job of the
module is sent to a context of that interpreter at once, *foreseen*. A foreseen module runs as the
restarted one would. It is *declined*, before it did anything, where the restart may not happen any
more: something changed since, or the module asks about restarts, which it does for want of a
library. Then it is run where it belongs.
"""

import importlib
import os
import struct
import sys

from ansible_mitogen.target.image import site_folders
from ansible_mitogen.target.records import DECLINED, RESPAWN
from mitogen.wire import values

#: The part of the core that does it. It hands the closure on to other interpreters, as a file.
_MODULE = "ansible.module_utils.common.respawn"
_QUESTIONS = ("has_respawned", "probe_interpreters_for_module", "respawn_module")

_LENGTH = struct.Struct(">I")


class Report:
    """Fields of a `JobResult` that a runner leaves for its zygote.

    They are in memory that both have: a descriptor would be the module's to see and to close.
    """

    SIZE = 1 << 15

    def __init__(self) -> "None":
        import mmap  # few zygotes need it

        self._memory = mmap.mmap(-1, self.SIZE)

    def write(self, fields: "dict") -> "None":
        """Say it; runner. What is too long is not said."""
        data = values.encode(fields)
        if _LENGTH.size + len(data) <= self.SIZE:
            self._memory[_LENGTH.size : _LENGTH.size + len(data)] = data
            self._memory[: _LENGTH.size] = _LENGTH.pack(len(data))

    def take(self) -> "dict":
        """What was said, nothing more will be; zygote."""
        (length,) = _LENGTH.unpack(self._memory[: _LENGTH.size])
        data = self._memory[_LENGTH.size : _LENGTH.size + length]
        self._memory.close()
        return values.decode(data) if length else {}


def needed_report(job: "object") -> "Report | None":
    """A report for a module that may have something to say."""
    return Report() if RESPAWN in getattr(job, "files", ()) else None


def note_restart(error: "BaseException", report: "Report", root: "str") -> "None":
    """Report the interpreter that the module, ended by *error*, has restarted itself under, if so.

    :param root: the closure's place on `sys.path`.

    Nothing is put in the module's way: the core leaves by SystemExit, from a frame that knows.
    """
    interpreter = _interpreter(error)
    if interpreter is None or interpreter == sys.executable or not os.path.isabs(interpreter):
        return
    # A library that comes here makes the restart unnecessary.
    paths = [interpreter, sys.executable, *sys.path, *site_folders()]
    # A module may have put anything there; what is no text was not there at its start.
    paths = [path for path in paths if isinstance(path, str) and path not in ("", root)]
    unchanged = {path: _stamp(path) for path in paths}
    report.write({"respawned": {"interpreter": interpreter, "unchanged": unchanged}})


def _interpreter(error: "BaseException") -> "str | None":
    trace = error.__traceback__ if type(error) is SystemExit else None
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_code.co_name == "respawn_module" and frame.f_globals.get("__name__") == _MODULE:
            found = frame.f_locals.get(frame.f_code.co_varnames[0])
            return str(found) if isinstance(found, (str, os.PathLike)) else None
        trace = trace.tb_next
    return None


def _stamp(path: "str") -> "str":
    """Changes when another file takes the place of this one, or something is put into a folder."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: no name of a file
        return ""
    return "%d %d" % (found.st_ino, found.st_mtime_ns)


def has_changed(unchanged: "dict") -> "bool":
    """Whether one of the paths has another stamp than it had."""
    return any(_stamp(path) != stamp for path, stamp in unchanged.items())


def decline(report: "Report", reason: "str") -> "None":
    """Report that a foreseen module is not run, or was run for nothing."""
    report.write({"ended": DECLINED, "detail": reason})


def follow() -> "None":
    """Have the core's part know where the closure is by now, which is what it hands on.

    It may have been loaded before, and remembers the place; others may have its functions already.
    """
    loaded = sys.modules.get(_MODULE)
    if loaded is not None:
        importlib.reload(loaded)


def be_restarted(give_up: "object") -> "None":
    """Make this process, with the closure on `sys.path`, one that a module was restarted in.

    :param give_up: called when the module asks whether it was, which it does not where all is well.
    """
    try:
        respawn = importlib.import_module(_MODULE)
    except Exception:  # a Python too old for it, which then is for the restarted one to say
        give_up()
    for name in _QUESTIONS:
        setattr(respawn, name, give_up)
    # What reading a program from stdin means, which the core does not undo there.
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(1, "")
