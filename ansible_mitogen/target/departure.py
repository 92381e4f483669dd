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
        _print(error)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        flush()
        os.kill(os.getpid(), signal.SIGINT)
    _print(error)
    return 1


def _requested_status(code: "object") -> "int":
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 31) <= code < 1 << 31 else 0xFF
    try:
        sys.stderr.write("%s\n" % (code,))
    except Exception:
        pass  # closed or replaced; the status says enough
    return 1


def _print(error: "BaseException") -> "None":
    """The traceback, from the module's frames on."""
    trace = error.__traceback__
    while trace is not None and _is_ours(trace.tb_frame):
        trace = trace.tb_next
    sys.excepthook(type(error), error.with_traceback(trace), trace)


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
    return is_written
