"""The zygote: a process without threads that forks a runner for each job.

It ends when its context does, and ends what still runs then.
"""

import _signal as signal  # without the enumerations on top, which no runner needs
import _socket as socket
import errno
import os
import select
import sys
import time

from ansible_mitogen.target import (
    channel,
    groups,
    isolation,
    leftovers,
    records,
    respawn,
    reusable,
    runner,
    standard_streams,
)
from ansible_mitogen.target.closure import Closure
from ansible_mitogen.target.files import FileStore
from ansible_mitogen.target.folder import StartFolder
from ansible_mitogen.target.image import Image
from ansible_mitogen.target.inbox import Inbox
from mitogen.errors import DecodeError

#: Seconds from TERM to KILL for a job that has to end.
GRACE = 2.0
#: Seconds between looks at the rest of a group whose leader has ended.
_GROUP_POLL = 0.05


def become_zygote(sock: "socket.socket", folder: "StartFolder") -> "None":
    """Serve the context at the other end of *sock*. Does not return. No threads, yet or ever.

    :param folder: where jobs start.
    """
    os.setsid()
    isolation.close_descriptors(sock.fileno())
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for fd in (0, 1):
        os.dup2(null, fd)
    os.close(null)
    # Here, so that no runner has to: a module's stdin is the same empty one.
    standard_streams.renew_stdin()
    kept = isolation.leave_our_modules()
    Zygote(sock, kept, folder).run()
    os._exit(0)


class Running:
    """A job whose runner has not been collected: its record, `number` and `pid`. Or a reusable one.

    `is_told` that it ended; `is_ending` on our behalf, and killed when `deadline` comes. `report`
    is None when it has nothing to say, `job` for a reusable runner.
    """

    __slots__ = ("deadline", "is_ending", "is_told", "job", "number", "pid", "report")

    def __init__(
        self,
        number: "int",
        pid: "int",
        job: "records.Record | None",
        report: "respawn.Report | None",
    ) -> "None":
        self.job = job
        self.number = number
        self.pid = pid
        self.report = report
        self.is_told = False
        self.is_ending = False
        self.deadline = None

    def signal_group(self, number: "int") -> "None":
        """Send a signal to all of it. Safe: pid and group are its own until we collect it."""
        try:
            group = self.group()
            if group == os.getpgrp():  # a command's that was forked just now
                os.kill(self.pid, number)
            else:
                os.killpg(group, number)
        except (ProcessLookupError, PermissionError):
            pass  # of another account, which is not ours to end

    def group(self) -> "int":
        """The process group that it is in by now."""
        return os.getpgid(self.pid)


class Zygote:
    """See the module.

    :param sock: leads to the context.
    :param kept: modules of ours, which no import finds any more; kept alive while we run them.
    :param folder: where jobs start.
    """

    def __init__(self, sock: "socket.socket", kept: "list", folder: "StartFolder") -> "None":
        self._sock = sock
        self._kept = kept
        self._folder = folder
        self._inbox = Inbox(sock)
        self._running = {}
        self._is_over = False
        self._closures = {}
        self._store = FileStore()
        self._closure = Closure(self._store, isolation.virtual_root())
        self._image = Image(self._closure)
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def run(self) -> "None":
        """Serve until the context has ended and no job is left."""
        while not self._is_over or self._running:
            sources = [self._wake_read] if self._is_over else [self._wake_read, self._sock]
            is_idle = not self._is_over and self._image.can_warm()
            ready, _, _ = select.select(sources, [], [], 0 if is_idle else self._timeout())
            if is_idle and not ready:
                self._image.warm()
                continue
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            if self._sock in ready:
                self._receive()
            self._collect()
            self._kill_overdue()

    def _timeout(self) -> "float | None":
        ending = [job for job in self._running.values() if job.is_ending]
        if not ending:
            return None
        if any(job.is_told for job in ending):
            return _GROUP_POLL
        return max(0.0, min(job.deadline for job in ending) - time.monotonic())

    # From the context ---------------------------------------------------------------------

    def _receive(self) -> "None":
        messages = self._inbox.receive()
        if messages is None:
            self._on_context_lost()
            return
        for message in messages:
            if type(message) is channel.Start:
                self._start(message)
            elif type(message) is channel.Spawn:
                self._spawn(message)
            elif type(message) is channel.Clear:
                if message.status:
                    leftovers.remove(records.job_from_value(message.job))
                self._tell(channel.Ended(message.number, message.status))
            elif type(message) is channel.Cancel and message.number in self._running:
                self._end(self._running[message.number])

    def _on_context_lost(self) -> "None":
        self._is_over = True
        self._inbox.close()
        for job in self._running.values():
            self._end(job)

    def _start(self, message: "channel.Start") -> "None":
        descriptors = self._inbox.take(2 + message.has_stdin)
        try:
            self._start_with(message, descriptors)
        except (DecodeError, OSError, LookupError) as exc:
            self._tell(channel.Refused(message.number, _reason(exc)))
        finally:
            channel.close_all(descriptors)

    def _spawn(self, message: "channel.Spawn") -> "None":
        descriptors = self._inbox.take(1)
        try:
            self._fork(
                message.number,
                lambda: reusable.serve(
                    descriptors[0], self._closures, self._closure, self._image, self._folder
                ),
            )
        except OSError as exc:
            self._tell(channel.Refused(message.number, _reason(exc)))
        finally:
            channel.close_all(descriptors)

    def _fork(
        self,
        number: "int",
        run: "object",
        job: "records.Record | None" = None,
        report: "respawn.Report | None" = None,
    ) -> "None":
        """Fork a process that calls *run* and ends."""
        # A command leads a session, as a login's shell does. A module leads nothing, so that it may
        # begin a session of its own.
        holder = 0 if type(job) is records.CommandJob else groups.begin()
        try:
            pid = os.fork()
        except OSError:
            if holder:
                groups.let_go(holder)
            raise
        if pid:
            self._running[number] = Running(number, pid, job, report)
            if holder:
                groups.enter(pid, holder)
                groups.let_go(holder)
            return
        try:
            if holder:
                groups.enter(0, holder)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._inbox.close()
            run()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        finally:
            os._exit(1)

    def _start_with(self, message: "channel.Start", descriptors: "list") -> "None":
        job = records.job_from_value(message.job)
        unfit = []
        if type(job) is records.ModuleJob:
            unfit = self._prepare(message, job)
            if unfit is None:
                return
        report = respawn.needed_report(job)
        self._fork(
            message.number, lambda: self._run(job, descriptors, unfit, report), job, report
        )

    def _run(
        self,
        job: "records.Record",
        descriptors: "list",
        unfit: "list",
        report: "respawn.Report | None",
    ) -> "None":
        self._folder.begin()
        if type(job) is records.ModuleJob:
            self._image.forget(unfit)
            runner.run_module(job, descriptors, self._closure, report)
        else:
            runner.run_command(job, descriptors)

    def _prepare(self, message: "channel.Start", job: "records.ModuleJob") -> "list | None":
        """Get ready to run the module; names of what it must not see, None if it cannot run."""
        if job.files:
            drops = self._store.drops
            missing = self._store.take(job.supplied, job.files)
            if drops != self._store.drops:
                self._closures.clear()
                self._image.closure_dropped()
            if missing:
                self._closures.clear()
                self._tell(channel.Missing(message.number, missing))
                return None
            self._closures[message.closure] = job.files
        elif message.closure not in self._closures:
            self._tell(channel.Missing(message.number, []))
            return None
        job.files = self._closures[message.closure]
        return self._image.prepare(job.files, message.closure, job.foreign)

    # The end of jobs ----------------------------------------------------------------------

    def _collect(self) -> "None":
        """Notice runners that have ended."""
        for job in list(self._running.values()):
            if job.is_told:
                if not groups.lives(job.group()):
                    self._reap(job)
            elif job.is_ending and hasattr(os, "waitid"):
                # Not collected yet, so that the group's number remains its own.
                flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
                found = os.waitid(os.P_PID, job.pid, flags)
                if found is not None:
                    is_exit = found.si_code == os.CLD_EXITED
                    job.is_told = True
                    status = found.si_status
                    self._tell_end(job, status << 8 if is_exit else status)
            else:
                pid, status = os.waitpid(job.pid, os.WNOHANG)
                if pid:
                    del self._running[job.number]
                    self._tell_end(job, status)

    def _end(self, job: "Running") -> "None":
        if not job.is_ending:
            job.is_ending = True
            job.deadline = time.monotonic() + GRACE
            job.signal_group(signal.SIGTERM)

    def _kill_overdue(self) -> "None":
        now = time.monotonic()
        for job in list(self._running.values()):
            if job.is_ending and job.deadline <= now:
                job.signal_group(signal.SIGKILL)
                if job.is_told:
                    self._reap(job)
                else:
                    job.deadline = now + GRACE

    def _reap(self, job: "Running") -> "None":
        os.waitpid(job.pid, 0)
        del self._running[job.number]

    def _tell_end(self, job: "Running", status: "int") -> "None":
        if status and type(job.job) is records.ModuleJob:
            leftovers.remove(job.job)
        noted = job.report.take() if job.report is not None else None
        if noted:
            self._tell(channel.Noted(job.number, noted))
        self._tell(channel.Ended(job.number, status))

    def _tell(self, message: "channel.Message") -> "None":
        if self._is_over:
            return
        try:
            self._sock.sendall(channel.encode(message))
        except OSError:
            pass  # the context is gone, which the next read will say


def _reason(error: "Exception") -> "str":
    """Why a job cannot be started."""
    if getattr(error, "errno", None) in (errno.EAGAIN, errno.ENOMEM):
        return "no process can be started: %s" % (error.strerror,)
    return "%s: %s" % (type(error).__name__, error)
