"""What a module can leave behind in its process: noticed, and put back where that can be done.

A reusable runner goes on only if nothing else has changed. Looked at is what `ansible.module_utils`
holds, and what the interpreter and the system know about this process; of other modules that are
loaded, only which. The state of the standard library's own modules is not looked at.
"""

import _locale
import _signal as signal
import _socket
import _thread
import gc
import os
import resource
import stat
import sys
import warnings

_STANDARD = os.path.dirname(os.__file__) + os.sep
_INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_CONTAINERS = (list, dict, set, bytearray)
#: Attributes of `sys` that are put back.
_SETTINGS = ("stdin", "stdout", "stderr", "excepthook", "displayhook", "dont_write_bytecode")
#: Descriptors that modules may leave open before it is enough. Copying a file leaves one, at times.
_MAX_LEFT = 32
_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


class ModuleState:
    """The global names of one module, and what is in those of its containers.

    :param names: the module's `__dict__`.
    """

    def __init__(self, names: "dict") -> "None":
        self._names = names
        self._saved = dict(names)
        values = [value for key, value in names.items() if not key.startswith("__")]
        self._contents = [
            (value, type(value)(value)) for value in values if type(value) in _CONTAINERS
        ]
        self._caches = [value for value in values if hasattr(value, "cache_clear")]

    def restore(self) -> "None":
        """Put all of it back."""
        # Equal is the same here, or as good: what compares equal by value is shared constants.
        if self._names != self._saved:
            self._names.clear()
            self._names.update(self._saved)
        for container, saved in self._contents:
            if container != saved:
                container.clear()
                if type(container) in (list, bytearray):
                    container.extend(saved)
                else:
                    container.update(saved)
        for function in self._caches:
            function.cache_clear()


class Surroundings:
    """The state of this process when it was made.

    :param modules: names of loaded modules whose state counts.
    :param null: a descriptor of /dev/null.
    """

    def __init__(self, modules: "list", null: "int") -> "None":
        self._null = null
        self._descriptors = _open_descriptors()
        self._most = len(self._descriptors) + _MAX_LEFT
        self._states = [ModuleState(vars(sys.modules[name])) for name in modules]
        self._environment = dict(os.environ)
        self._folder = os.getcwd()
        self._modules = dict(sys.modules)
        self._path = list(sys.path)
        self._settings = [getattr(sys, name) for name in _SETTINGS]
        self._locale = _locale.setlocale(_locale.LC_ALL, None)
        self._facts = _facts()

    def restore(self, module: "str") -> "bool":
        """Put back what can be after *module* ran; whether everything is as it was."""
        parent = module.rpartition(".")[0]
        while parent:
            # The packages that it is in were found in its closure, and are again next time.
            if parent not in self._modules:
                sys.modules.pop(parent, None)
            parent = parent.rpartition(".")[0]
        for state in self._states:
            state.restore()
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        tempfile = sys.modules.get("tempfile")
        if tempfile is not None:
            tempfile.tempdir = None  # remembers what TMPDIR was
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        if _locale.setlocale(_locale.LC_ALL, None) != self._locale:
            _locale.setlocale(_locale.LC_ALL, self._locale)
        try:
            os.chdir(self._folder)
        except OSError:
            return False
        sys.path[:] = self._path
        for name, value in zip(_SETTINGS, self._settings):
            setattr(sys, name, value)
        return (
            not _has_children()
            and self._void_descriptors()
            and self._facts == _facts()
            and self._has_same_modules()
        )

    def _void_descriptors(self) -> "bool":
        """Have those that were left open lead nowhere; whether all others are there still."""
        opened = _open_descriptors()
        for fd in opened - self._descriptors:
            # Not closed: something may believe to own it, and would close another one later. And
            # libraries keep theirs to the system's log for good.
            if not _is_datagram_socket(fd):
                os.dup2(self._null, fd, False)
        is_same = self._descriptors <= opened
        self._descriptors = opened
        return is_same and len(opened) <= self._most

    def _has_same_modules(self) -> "bool":
        sys.modules.pop("__main__", None)
        self._modules.pop("__main__", None)
        if sys.modules == self._modules:
            return True
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                return False
        added = set(sys.modules) - set(self._modules)
        if not all(_is_standard(sys.modules[name]) for name in added):
            return False
        self._modules = dict(sys.modules)
        return True


def _is_standard(module: "object") -> "bool":
    """Whether it is of the standard library, which holds whatever is installed later."""
    spec = getattr(module, "__spec__", None)
    if spec is None:
        return False
    if spec.origin in ("built-in", "frozen"):
        return True
    path = spec.origin or ""
    return path.startswith(_STANDARD) and not any(part in path for part in _INSTALLED)


def _facts() -> "list":
    """What has to be the same, and is not put back."""
    sockets = sys.modules.get("_socket")
    return [
        [stream is None or stream.closed for stream in (sys.stdin, sys.stdout, sys.stderr)],
        _thread._count(),
        [_handler(number) for number in range(1, signal.NSIG)],
        signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        _umask(),
        [resource.getrlimit(limit) for limit in _LIMITS],
        [os.getuid(), os.geteuid(), os.getgid(), os.getegid(), os.getgroups()],
        [os.getpgid(0), os.getsid(0), os.nice(0)],
        [sys.getrecursionlimit(), gc.isenabled(), gc.get_threshold(), sys.gettrace()],
        list(sys.meta_path),
        list(sys.path_hooks),
        list(warnings.filters),
        sockets and sockets.getdefaulttimeout(),
    ]


def _handler(number: "int") -> "object":
    try:
        return signal.getsignal(number)
    except ValueError:
        return None


def _umask() -> "int":
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _has_children() -> "bool":
    """Whether a child process is left; those that have ended are collected."""
    try:
        while True:
            pid, _status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return True
    except ChildProcessError:
        return False


def _open_descriptors() -> "set":
    """Those that are open; none where that cannot be told."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            numbers = {int(name) for name in os.listdir(folder)}
        except OSError:
            continue
        # That of the listing is closed by now: at most one number more, which is tried.
        return {fd for fd in numbers if _is_open(fd)}
    return set()


def _is_datagram_socket(fd: "int") -> "bool":
    if not stat.S_ISSOCK(os.fstat(fd).st_mode):
        return False
    sock = _socket.socket(fileno=os.dup(fd))
    try:
        return sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_TYPE) == _socket.SOCK_DGRAM
    finally:
        sock.close()


def _is_open(fd: "int") -> "bool":
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True
