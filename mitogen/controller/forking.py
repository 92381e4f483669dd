"""Makes a context of a copy of this process.

Only the thread that forks goes on in the copy. What others were about to do stays undone there, and
what they hold stays locked for ever. Hence there may be no other thread but the broker's, and that
one stands still meanwhile, between two events. The copy closes whatever the router and its streams
have open, without a word to anybody, and begins with a broker of its own.
"""

import atexit
import collections
import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings

from mitogen.bootstrap.boot_record import BootRecord
from mitogen.bootstrap.markers import marker_prefix, up_marker
from mitogen.bootstrap.process_title import set_title
from mitogen.child.main import ExternalContext, describe_process
from mitogen.child.parenthood import LOADING
from mitogen.child.stdio import StandardDescriptors, print_line_by_line
from mitogen.controller.corker import Corker
from mitogen.controller.process import Process
from mitogen.controller.start_child import StartChild
from mitogen.controller.worker import Worker
from mitogen.errors import ForkError
from mitogen.imports.finder import WireFinder
from mitogen.imports.main_module import MainModule
from mitogen.runtime.deadline import Deadline
from mitogen.runtime.injection import takes_router

#: Names of threads that hold nothing: it waits for the end of another one.
_HARMLESS = ("mitogen.watcher",)
_POLL_SECONDS = 0.005


class Forked(collections.namedtuple("Forked", "nonce process")):
    """A copy that is about to become a context."""

    __slots__ = ()


class ForkedChild:
    """A process made by `os.fork`, with the methods of `subprocess.Popen` that are needed."""

    def __init__(self, pid: "int") -> "None":
        self.pid = pid
        self._status = None

    def poll(self) -> "int | None":
        """Exit status (negative: the signal), or None while it runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                ended = os.WIFEXITED(status)
                self._status = os.WEXITSTATUS(status) if ended else -os.WTERMSIG(status)
        return self._status

    def wait(self, timeout: "float") -> "int":
        """As `poll`, once it has ended.

        :raises subprocess.TimeoutExpired: it has not in that time.
        """
        deadline = Deadline(timeout)
        while self.poll() is None:
            if not deadline.remaining():
                raise subprocess.TimeoutExpired("fork", timeout)
            time.sleep(_POLL_SECONDS)
        return self._status

    def terminate(self) -> "None":
        """Ask it to end. Harmless when it has ended."""
        self._signal(signal.SIGTERM)

    def kill(self) -> "None":
        """End it. Harmless when it has ended."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: "int") -> "None":
        if self.poll() is None:
            os.kill(self.pid, number)


def fork(broker: "object", options: "object", title: "str") -> "Forked":
    """Fork this process; the copy does not return from here.

    :raises mitogen.fork.Error: it would not be safe.
    """
    nonce = os.urandom(6).hex()
    with _nobody_else(broker, options.connect_timeout):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # or both processes would write what is there
        ours, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        with warnings.catch_warnings():
            # From 3.12 on Python warns of threads in any case.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
    if not pid:
        ours.close()
        os.close(read_end)
        _become(broker, options, nonce, title, theirs, write_end)
    theirs.close()
    os.close(write_end)
    ours.setblocking(False)
    os.set_blocking(read_end, False)
    return Forked(nonce, Process(ForkedChild(pid), "fork", ours, read_end))


@takes_router
def fork_for(request: "list", router: "object" = None) -> "list":
    """Serve a StartChild of a parent, by a call: the main thread is the one that may fork."""
    return router.connector().fork_for(StartChild.from_value(request)).to_value()


def on_fork() -> "None":
    """For programs that fork by themselves: to be called in the new process."""
    random = sys.modules.get("random")
    if random is not None and not hasattr(os, "register_at_fork"):
        random.seed()  # newer Pythons do so


# This process -----------------------------------------------------------------------------------


@contextlib.contextmanager
def _nobody_else(broker: "object", seconds: "float") -> "object":
    if broker.is_current():
        raise ForkError("the broker's thread cannot fork")
    deadline = Deadline(seconds)
    while True:
        workers = [thread for thread in threading.enumerate() if isinstance(thread, Worker)]
        corker = Corker([broker], workers)
        corker.cork()
        others = _other_threads([broker.thread, *workers])
        if not others:
            break
        corker.uncork()
        lasting = [thread.name for thread in others if not _is_passing(thread)]
        if lasting or not deadline.remaining():
            raise ForkError(
                "this process has other threads (%s); a copy of it would be without them, and "
                "with whatever they hold" % (", ".join(lasting or [LOADING]),)
            )
        others[0].join(deadline.remaining())
    try:
        yield
    finally:
        corker.uncork()


def _other_threads(known: "list") -> "list":
    known = [threading.current_thread(), *known]
    return [t for t in threading.enumerate() if t not in known and t.name not in _HARMLESS]


def _is_passing(thread: "threading.Thread") -> "bool":
    """Whether it fetches what some other child takes, and ends then."""
    return thread.name == LOADING


# The copy ---------------------------------------------------------------------------------------


def _become(
    broker: "object",
    options: "object",
    nonce: "str",
    title: "str",
    link: "socket.socket",
    diagnostics: "int",
) -> "None":
    try:
        broker.on_fork()  # on 3.6 nobody else tells it
        os.setsid()
        for number, fd in enumerate((link.fileno(), link.fileno(), diagnostics)):
            os.dup2(fd, number)
        link.close()
        os.close(diagnostics)
        sys.stdin = open(os.devnull)
        sys.stderr = sys.__stderr__ = open(2, "w", 1, "utf-8", "backslashreplace", closefd=False)
        # What the program wants done at its end is its own business.
        atexit._clear()
        set_title(title)
        on_fork()
        if options.on_fork is not None:
            options.on_fork()
        _serve(_read_boot_record(nonce), options.on_start)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _read_boot_record(nonce: "str") -> "BootRecord":
    """As the first stage of any other start does, but for the code."""
    magic = importlib.util.MAGIC_NUMBER.hex()
    executable = os.fsencode(sys.executable or "").hex()
    found = (*sys.version_info[:3], magic, sys.flags.optimize, executable)
    os.write(1, b"\n%s%r\n" % (marker_prefix(nonce), found))
    with open(0, "rb", closefd=False) as link:
        link.read(int(link.readline()))
        return BootRecord.from_bytes(link.read(int(link.readline())))


def _serve(boot: "BootRecord", on_start: "object") -> "None":
    program = sys.modules["__main__"]
    inherited = [finder for finder in sys.meta_path if type(finder) is WireFinder]
    descriptors = StandardDescriptors()
    boot.link_fds = (descriptors.link_read, descriptors.link_write)
    describe_process(boot)
    print_line_by_line()
    os.write(descriptors.link_write, up_marker(boot.nonce))
    context = ExternalContext(boot, descriptors)
    for finder in inherited:
        # It knows what has been sent along so far, and what is loaded later belongs to it.
        finder.remove()
        finder.requester = context.modules.request
        context.importer = finder
    context.start(None)
    if type(program) is not MainModule:
        sys.modules["__main__"] = program
    if on_start is not None:
        on_start(context)
    context.run()
