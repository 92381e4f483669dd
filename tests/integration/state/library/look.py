"""Returns all that a module can see of its process and of its world."""

import atexit
import gc
import importlib
import locale
import os
import random
import resource
import signal
import stat
import sys
import tempfile
import threading
import time
import warnings

from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule


def of_the_system():
    """What the kernel knows of this process."""
    with open("/proc/self/status") as lines:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in lines)
    kept = "Umask Threads NoNewPrivs Seccomp CapInh CapPrm CapEff CapBnd CapAmb Cpus_allowed"
    signals = "SigPnd ShdPnd SigBlk SigIgn SigCgt"
    return {
        "status": {name: status.get(name) for name in kept.split()},
        "signals": {name: numbers(status[name]) for name in signals.split()},
        "ids": [os.getresuid(), os.getresgid(), sorted(os.getgroups())],
        "nice": os.nice(0),
        "scheduler": os.sched_getscheduler(0),
        "limits": {
            name: resource.getrlimit(getattr(resource, name))
            for name in dir(resource)
            if name.startswith("RLIMIT_")
        },
        "has_terminal": has_terminal(),
        "in_own_group": os.getpgrp() == os.getpid(),
        "parent_lives": os.getppid() > 1,
        "oom": open("/proc/self/oom_score_adj").read(),
        "children": open("/proc/self/task/%d/children" % (os.getpid(),)).read(),
    }


def numbers(mask):
    """The signals in a mask, without the two that the C library keeps for itself."""
    return [one for one in range(1, 65) if int(mask, 16) >> one - 1 & 1 and one not in (32, 33)]


def has_terminal():
    """Whether there is a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def descriptors():
    """Open descriptors: what kind each is, and whether a program would inherit it."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            mode = os.fstat(int(name)).st_mode
        except OSError:
            continue  # the listing's own
        kind = "stream" if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else oct(stat.S_IFMT(mode))
        found[name] = [kind, os.get_inheritable(int(name))]
    return found


def of_the_interpreter():
    """Settings that live in the interpreter."""
    main = sys.modules["__main__"]
    return {
        "argv": sys.argv,
        "orig_argv": getattr(sys, "orig_argv", None),
        "path": sys.path,
        "flags": list(sys.flags),
        "options": [sys._xoptions, sys.warnoptions],
        "executable": sys.executable,
        "prefixes": [sys.prefix, sys.exec_prefix, sys.base_prefix],
        "dont_write_bytecode": sys.dont_write_bytecode,
        "meta_path": [getattr(one, "__name__", type(one).__name__) for one in sys.meta_path],
        "file": __file__,
        "name": [__name__, main.__name__, __package__, __spec__.name, __doc__],
        "main": sorted(vars(main)),
        "is_main": main.__dict__ is globals(),
        "builtins": sorted(vars(__builtins__) if hasattr(__builtins__, "len") else __builtins__),
        "recursion": sys.getrecursionlimit(),
        "switch": sys.getswitchinterval(),
        "gc": [gc.isenabled(), gc.get_threshold(), gc.get_debug(), len(gc.callbacks)],
        "warnings": [repr(one) for one in warnings.filters],
        "exit_handlers": atexit._ncallbacks(),
        "hooks": [
            sys.excepthook is sys.__excepthook__,
            sys.displayhook is sys.__displayhook__,
            sys.gettrace() is sys.getprofile() is None,
            getattr(threading, "excepthook", None) is getattr(threading, "__excepthook__", None),
        ],
        "threads": [[one.name, one.daemon] for one in threading.enumerate()],
        "is_main_thread": threading.current_thread() is threading.main_thread(),
        "streams": [stream(one) for one in (sys.stdin, sys.stdout, sys.stderr)],
        "same_streams": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__],
        "input": sys.stdin.read(),
        "signals": {
            one.name: str(signal.getsignal(one)).partition(" at ")[0] for one in signal.Signals
        },
        "wakeup": signal.set_wakeup_fd(-1),
        "timers": [signal.getitimer(signal.ITIMER_REAL), signal.alarm(0)],
    }


def stream(one):
    """What tells one text stream from another."""
    return [one.name, one.mode, one.encoding, one.errors, one.line_buffering, one.isatty()]


def of_the_place():
    """Language, time and folders."""
    return {
        "environment": dict(os.environ),
        "cwd": os.getcwd(),
        "locale": [locale.setlocale(one) for one in (locale.LC_CTYPE, locale.LC_ALL)],
        "encodings": [sys.getfilesystemencoding(), locale.getpreferredencoding(False)],
        "errors": sys.getfilesystemencodeerrors(),
        "time": [time.tzname, time.timezone, time.strftime("%H %Z", time.localtime(0))],
        "temporary": tempfile.gettempdir(),
        "home": os.path.expanduser("~"),
    }


def foreign_modules():
    """What is loaded and comes from neither Python nor the module's own files."""
    found = []
    standard = os.path.dirname(os.__file__)
    for name, module in sorted(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        origin = getattr(spec, "origin", None) or getattr(module, "__file__", None) or ""
        is_standard = origin.startswith(standard) and "-packages" not in origin
        if origin not in ("built-in", "frozen") and not is_standard:
            found.append(name)
    return [name for name in found if name.partition(".")[0] not in ("ansible", "__main__")]


def importable(names):
    """Where each of these comes from, as text: the file, or why there is none."""
    found = {}
    for name in names:
        try:
            found[name] = getattr(importlib.import_module(name), "__file__", "built in")
        except Exception as exc:
            found[name] = "%s: %s" % (type(exc).__name__, exc)
    return found


def owned_names(folder):
    """Names in a folder that belong to this account."""
    found = []
    for name in os.listdir(folder):
        try:
            owner = os.lstat(os.path.join(folder, name)).st_uid
        except FileNotFoundError:
            continue  # somebody else's, and removed just now
        if owner == os.getuid():
            found.append(name)
    return sorted(found)


def own_folder(module):
    """The module's temporary folder: where, and whose."""
    entry = os.stat(module.tmpdir)
    return [module.tmpdir, oct(entry.st_mode), entry.st_uid, os.listdir(module.tmpdir)]


def main():
    """Look before there is a module, which changes some of it, and after."""
    found = {
        "system": of_the_system(),
        "descriptors": descriptors(),
        "interpreter": of_the_interpreter(),
        "place": of_the_place(),
        "foreign": foreign_modules(),
        "random": random.random(),
        "optional": [basic.HAVE_SELINUX, basic.has_journal],
    }
    module = AnsibleModule(
        argument_spec={
            "imports": {"type": "list", "elements": "str", "default": []},
            "listed": {"type": "list", "elements": "path", "default": []},
            "owned": {"type": "path"},
            "folder": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    found["imports"] = importable(module.params["imports"])
    found["listed"] = {
        path: sorted(os.listdir(path)) if os.path.isdir(path) else None
        for path in module.params["listed"]
    }
    if module.params["owned"]:
        found["owned"] = owned_names(module.params["owned"])
    if module.params["folder"]:
        found["folder"] = own_folder(module)
    module.exit_json(**found)


if __name__ == "__main__":
    main()
