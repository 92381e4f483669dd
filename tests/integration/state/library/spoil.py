"""Changes whatever a module can change of its process, and says so."""

import atexit
import builtins
import gc
import locale
import os
import random
import resource
import signal
import sys
import tempfile
import threading
import time
import warnings

import ansible.module_utils.basic as basic
from ansible.module_utils.basic import AnsibleModule


def spoil_the_process(folder):
    """What the kernel knows."""
    os.chdir(folder)
    os.umask(0o777)
    os.nice(3)
    soft = min(100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, lambda *_: None)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM, signal.SIGHUP])
    signal.setitimer(signal.ITIMER_REAL, 3600)
    os.set_inheritable(os.open(folder, os.O_RDONLY), True)
    os.dup2(os.open(os.devnull, os.O_RDWR), 9)


def spoil_the_interpreter(folder):
    """What lives in memory."""
    os.environ.clear()
    os.environ.update(SPOILT="1", TZ="Asia/Tokyo", TMPDIR=folder, HOME=folder)
    time.tzset()
    locale.setlocale(locale.LC_ALL, "C")
    tempfile.tempdir = folder
    sys.path.insert(0, folder)
    sys.argv.append("spoilt")
    sys.setrecursionlimit(5000)
    sys.setswitchinterval(0.5)
    sys.dont_write_bytecode = not sys.dont_write_bytecode
    sys.excepthook = sys.displayhook = print
    sys.modules["spoilt"] = sys
    sys.modules["json"].spoilt = builtins.spoilt = basic.spoilt = True
    gc.disable()
    warnings.simplefilter("error")
    atexit.register(int)
    random.seed(1)
    threading.Thread(target=threading.Event().wait, daemon=True).start()


def main():
    """Spoil, then answer as if nothing were."""
    module = AnsibleModule(argument_spec={"folder": {"type": "path", "required": True}})
    module.warn("a warning of the spoiling module")
    module.deprecate("a deprecation of the spoiling module", version="9.9")
    folder = module.params["folder"]
    spoil_the_process(folder)
    spoil_the_interpreter(folder)
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
