"""The end of a runner, as an interpreter ends: status, threads, exit handlers, globals, output."""

import atexit
import gc
import os
import signal
import sys
import threading

#: What an interpreter returns when its output could not be written.
_FLUSH_FAILED = 120


def exit_status(error: "BaseException") -> "int":
    """The status that a program ended by *error* returns; says what an interpreter would say."""
    if isinstance(error, SystemExit):
        return _requested_status(error.code)
    if isinstance(error, KeyboardInterrupt):
        status = _print(error)
        if status is not None:
            return status
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        flush()
        os.kill(os.getpid(), signal.SIGINT)
    status = _print(error)
    return 1 if status is None else status


def _requested_status(code: "object") -> "int":
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 31) <= code < 1 << 31 else 0xFF
    _say(code)
    return 1


def _say(text: "object") -> "None":
    try:
        sys.stderr.write("%s\n" % (text,))
    except Exception:
        pass  # closed or replaced; the status says enough


def _print(error: "BaseException") -> "int | None":
    """Print the traceback, from the module's frames on; a status if the hook for that asks for one.

    Old modules of Ansible report errors that way.
    """
    trace = _without_ours(error.__traceback__)
    try:
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    except SystemExit as request:
        return _requested_status(request.code)
    except BaseException as exc:
        if exc.__context__ is error:  # an interpreter does not handle it while it calls the hook
            exc.__context__ = None
        _say("Error in sys.excepthook:")
        mine = _without_ours(exc.__traceback__)
        sys.__excepthook__(type(exc), exc.with_traceback(mine), mine)
        _say("\nOriginal exception was:")
        sys.__excepthook__(type(error), error, trace)
    return None


def _without_ours(trace: "object") -> "object":
    while trace is not None and _is_ours(trace.tb_frame):
        trace = trace.tb_next
    return trace


def _is_ours(frame: "object") -> "bool":
    return frame.f_globals.get("__name__", "").startswith("ansible_mitogen.")


def leave(status: "int") -> "None":
    """End this process with *status*, or with that of an interpreter that cannot write."""
    try:
        threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        # Up to 3.9 what a handler raised arrives here, printed already.
        pass
    # Finds the module's globals, which nothing refers to any more: what is to be told of its end
    # sees them whole, as in an interpreter that ends.
    gc.collect()
    os._exit(final_status(status, flush()))


def final_status(status: "int", is_written: "bool") -> "int":
    """The status of a process that would have *status*, if its output could be written."""
    return status if is_written else status or _FLUSH_FAILED


def flush() -> "bool":
    """Write what waits to be; whether all of it could be."""
    is_written = True
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception:
            is_written = stream is sys.stderr and is_written
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            stream.flush()  # where they are others: an interpreter does when it lets go of them
        except Exception:
            pass  # which no status tells of
    return is_written
