"""The context's half: takes jobs from the wire, has the zygote run them, answers. Broker thread.

Nothing here waits, nor imports, which might wait for a thread that waits for this one. A job's
output is read as it comes; when its process has ended, what is in the pipes is read, and that is
the result. A daemon that the job left behind, and that holds the pipes open, does not keep it up.
"""

import _signal  # without the enumerations on top
import _socket as socket  # the socket module on top of it costs 8 ms
import os
from _collections import deque  # collections', without its import

from ansible_mitogen.target import channel, records
from ansible_mitogen.target.freshness import Freshness
from ansible_mitogen.target.link import Link
from ansible_mitogen.target.pool import RunnerPool
from ansible_mitogen.target.records import JobResult
from mitogen.errors import DecodeError
from mitogen.runtime.message import has_parent_authority

#: Jobs that run at once; more wait for their turn. One that waits for another job would need both
#: to be among them, so there are many: Ansible has five by default.
MAX_JOBS = 200
_READ_SIZE = 1 << 18
#: The ended process left what fits into a pipe; its descendants may go on writing for ever.
_LAST_READS = 4
#: Seconds between looks at whether the zygote has ended; it takes milliseconds.
_COLLECT_POLL = 0.002
#: What a result needs besides the output.
_OVERHEAD = 65536
_SIGNALS = {
    getattr(_signal, name): name
    for name in dir(_signal)
    if name.startswith("SIG") and name[3].isalpha() and name not in ("SIGCLD", "SIGIOT", "SIGPOLL")
}


class PendingJob:
    """A job under way: `number`, its record and the message to answer.

    `outputs` are the pieces read so far by descriptor, stdout first. `runner` is the reusable
    runner that it runs in, if it does; `is_started` false while it waits for its turn.
    """

    def __init__(self, number: "int", job: "records.Record", message: "object") -> "None":
        self.number = number
        self.job = job
        self.message = message
        self.outputs = {}
        self.size = 0
        self.input = memoryview(b"")
        self.input_fd = None
        self.timer = None
        self.runner = None
        self.is_started = False
        #: Fields of the result that the job's process said itself.
        self.noted = {}
        #: Why we end it; '' while we do not.
        self.verdict = ""


class Attachment:
    """What `hook.start` gives to the context.

    :param sock: leads to the zygote.
    :param pid: of the zygote.
    :param folder: the StartFolder, which this process has left.
    """

    def __init__(self, sock: "socket.socket", pid: "int", folder: "object") -> "None":
        self._sock = sock
        self._pid = pid
        self._folder = folder
        self._freshness = Freshness()
        self._link = None
        self._pool = None
        #: By number, in the order in which they came.
        self._jobs = {}
        self._waiting = deque()
        #: Numbers of the closures that the zygote knows, by what identifies them.
        self._closures = {}
        self._last_closure = 0
        #: Variables of tasks that runners have refused, for an interpreter reads them at its start.
        self._own_environments = set()
        self._last_number = 0
        self._is_detached = False
        self._broker = None
        self._econtext = None

    def attach(self, econtext: "object") -> "None":
        """Begin to take jobs."""
        self._econtext = econtext
        self._broker = econtext.broker
        econtext.start_folder = self._folder
        self._link = Link(self._broker, self._sock, self._on_zygote, self._on_zygote_lost)
        self._pool = RunnerPool(self._broker, self._spawn, self._on_runner)
        # A process forked from here must not keep the zygote from noticing our end.
        self._broker.listen("fork", self._link.close_in_fork)
        self._broker.listen("fork", self._pool.close_in_fork)
        router = econtext.router
        router.add_handler(self._on_job, records.JOB_HANDLE, policy=has_parent_authority)
        router.add_handler(self._on_cancel, records.CANCEL_HANDLE, policy=has_parent_authority)

    def detach(self) -> "None":
        """Take no more jobs, end those under way. Harmless when done already."""
        self._detach("the context ends")

    def _detach(self, reason: "str") -> "None":
        if self._is_detached:
            return
        self._is_detached = True
        # The zygote ends itself, and what it runs, when it sees this.
        self._link.close()
        self._pool.close()
        self._waiting.clear()
        for pending in list(self._jobs.values()):
            self._finish(pending, ended=records.LOST, detail=reason)
        self._broker.hold(self)
        self._collect_zygote()

    def _collect_zygote(self) -> "None":
        """The context ends after its zygote: nothing of the account is left when it is gone."""
        try:
            pid, _status = os.waitpid(self._pid, os.WNOHANG)
        except ChildProcessError:
            pid = self._pid
        if pid:
            self._broker.release(self)
        else:
            self._broker.timers.after(_COLLECT_POLL, self._collect_zygote)

    # From the parent ------------------------------------------------------------------------

    def _on_job(self, msg: "object") -> "None":
        if msg.is_dead:
            return
        try:
            job = records.job_from_value(msg.unpickle())
            stale = self._freshness.why_stale(job.method)
            if stale is not None:
                ended = records.STALE_LOGIN if stale.is_login else records.STALE
                msg.reply(JobResult(ended=ended, detail=stale.reason).to_value())
                return
            self._accept(job, msg)
        except (DecodeError, OSError) as exc:
            detail = "%s: %s" % (type(exc).__name__, exc)
            msg.reply(JobResult(ended=records.LOST, detail=detail).to_value())

    def _on_cancel(self, msg: "object") -> "None":
        if msg.is_dead:
            return
        job_id = msg.unpickle()
        for pending in list(self._jobs.values()):
            if pending.job.job_id == job_id:
                self._end(pending, "cancelled")

    def _accept(self, job: "records.Record", msg: "object") -> "None":
        if self._is_detached:
            raise DecodeError("the context ends")
        pending = PendingJob(self._next_number(), job, msg)
        running = len(self._jobs) - len(self._waiting)
        self._jobs[pending.number] = pending
        if job.timeout is not None:
            text = "it took more than %g seconds" % (job.timeout,)
            pending.timer = self._broker.timers.after(job.timeout, lambda: self._end(pending, text))
        if running < MAX_JOBS:
            self._start(pending, getattr(job, "may_reuse", False))
        else:
            self._waiting.append(pending)

    def _next_number(self) -> "int":
        self._last_number += 1
        return self._last_number

    def _start(self, pending: "PendingJob", may_reuse: "bool") -> "None":
        pending.is_started = True
        job = pending.job
        is_terminal = getattr(job, "has_terminal", False)
        has_stdin = bool(getattr(job, "stdin", None)) and not is_terminal
        # stdout, stderr and stdin as seen from here, then from the job.
        try:
            near, far = _terminal() if is_terminal else _pipes(has_stdin)
        except OSError as exc:
            self._finish(pending, ended=records.LOST, detail=str(exc))
            return
        for fd in near[:2]:
            pending.outputs[fd] = []
            self._broker.add_reader(fd, lambda fd=fd: self._on_output(pending, fd))
        value = job.to_value()
        closure = self._number_closure(job, value)
        if has_stdin:
            pending.input = memoryview(job.stdin)
            pending.input_fd = near[2]
            self._broker.add_writer(near[2], lambda: self._on_input_wanted(pending))
            value["stdin"] = None
        start = channel.Start(pending.number, value, closure, has_stdin)
        if may_reuse and not value["files"] and self._can_reuse(job):
            try:
                pending.runner = self._pool.start(pending, start, tuple(far), self._last_closure)
            except OSError as exc:  # no descriptor is left for a runner
                channel.close_all(far)
                self._finish(pending, ended=records.LOST, detail=str(exc))
        else:
            self._link.send(start, tuple(far))

    def _can_reuse(self, job: "records.ModuleJob") -> "bool":
        """Whether the job asks for nothing that only a process of its own can have."""
        if job.foreign or job.extra or job.interpreter or records.RESPAWN in job.files:
            return False
        return _variables(job) not in self._own_environments

    def _spawn(self, fd: "int") -> "int":
        number = self._next_number()
        self._link.send(channel.Spawn(number), (fd,))
        return number

    def _number_closure(self, job: "records.Record", value: "dict") -> "int":
        """A number for the job's closure; takes out of *value* what the zygote knows by it.

        The zygote is to look at as little as possible (see image.py).
        """
        if type(job) is not records.ModuleJob:
            return 0
        key = "\0".join([part for item in job.files.items() for part in item])
        if key in self._closures and not job.supplied:
            value["files"] = {}
        if key not in self._closures:
            self._last_closure += 1
            self._closures[key] = self._last_closure
        return self._closures[key]

    def _end(self, pending: "PendingJob", verdict: "str") -> "None":
        if pending.verdict or pending.number not in self._jobs:
            return
        pending.verdict = verdict
        if not pending.is_started:
            self._waiting.remove(pending)
            self._finish(pending, ended=records.KILLED, detail=verdict)
        else:
            process = pending if pending.runner is None else pending.runner
            self._link.send(channel.Cancel(process.number))

    # From the job ---------------------------------------------------------------------------

    def _on_output(self, pending: "PendingJob", fd: "int") -> "bool":
        """Read once; True when there may be more."""
        try:
            data = os.read(fd, _READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:  # how a terminal says that nobody has it any more
            data = b""
        if not data:
            self._broker.remove_reader(fd)
            return False
        limit = self._econtext.router.max_message_size - _OVERHEAD
        pending.size += len(data)
        if pending.size > limit:
            # Goes on reading, so that the job sees no broken pipe before it is ended.
            self._end(pending, "its output is longer than %d bytes" % (limit,))
        else:
            pending.outputs[fd].append(data)
        return True

    def _on_input_wanted(self, pending: "PendingJob") -> "None":
        try:
            written = os.write(pending.input_fd, pending.input[:65536])
            pending.input = pending.input[written:]
        except BlockingIOError:
            return
        except OSError:  # it reads no more
            pending.input = memoryview(b"")
        if not pending.input:
            self._close_input(pending)

    def _close_input(self, pending: "PendingJob") -> "None":
        if pending.input_fd is not None:
            self._broker.remove_writer(pending.input_fd)
            os.close(pending.input_fd)
            pending.input_fd = None

    def _finish(self, pending: "PendingJob", **fields: "object") -> "None":
        """Answer; *fields* are those of the result besides the output."""
        del self._jobs[pending.number]
        if pending.timer is not None:
            pending.timer.cancel()
        outputs = self._take_outputs(pending) or [b"", b""]
        result = JobResult(stdout=outputs[0], stderr=outputs[1], **fields)
        pending.message.reply(result.to_value())
        if pending.is_started and self._waiting:
            following = self._waiting.popleft()
            self._start(following, getattr(following.job, "may_reuse", False))

    def _take_outputs(self, pending: "PendingJob") -> "list":
        """Read what is left, and close the pipes."""
        self._close_input(pending)
        outputs = []
        for fd, pieces in pending.outputs.items():
            for _ in range(_LAST_READS):
                if not self._on_output(pending, fd):
                    break
            self._broker.remove_reader(fd)
            os.close(fd)
            outputs.append(b"".join(pieces))
        pending.outputs = {}
        return outputs

    # From the zygote and the runners ----------------------------------------------------------

    def _on_zygote(self, message: "channel.Message") -> "None":
        runner = self._pool.ended(message.number)
        if runner is not None:
            self._on_runner_ended(runner, message)
            return
        pending = self._jobs.get(message.number)
        if pending is None:
            return
        if type(message) is channel.Ended:
            ended = _how_ended(message.status, pending.verdict)
            self._finish(pending, **dict(ended, **({} if pending.verdict else pending.noted)))
        elif type(message) is channel.Noted:
            pending.noted = message.fields_of_result
        elif type(message) is channel.Missing:
            self._on_missing(pending, message.digests)
        else:
            self._finish(pending, ended=records.LOST, detail=message.reason)

    def _on_runner_ended(self, runner: "object", message: "channel.Message") -> "None":
        pending = runner.job
        if pending is None:
            return
        pending.runner = None
        is_of_job = runner.has_begun or pending.verdict
        if is_of_job and type(message) is channel.Ended:
            # What it left is removed first, where it would be for a process of its own.
            value = dict(pending.job.to_value(), files={}, supplied={})
            self._link.send(channel.Clear(pending.number, value, message.status))
        elif pending.verdict:
            self._finish(pending, ended=records.KILLED, detail=pending.verdict)
        else:
            self._start_anew(pending)

    def _on_runner(self, runner: "object", message: "channel.Message") -> "None":
        if type(message) is channel.Began:
            runner.has_begun = True
            return
        pending, runner.job = runner.job, None
        pending.runner = None
        if pending.verdict or type(message) is channel.Missing:
            # It is about to be killed, or knows too little.
            self._pool.drop(runner)
        else:
            self._pool.release(runner)
        if type(message) is channel.Refused:
            self._own_environments.add(_variables(pending.job))
        if type(message) is channel.Ended:
            self._finish(pending, **_how_ended(message.status, pending.verdict))
        elif pending.verdict:
            self._finish(pending, ended=records.KILLED, detail=pending.verdict)
        else:
            self._start_anew(pending)

    def _start_anew(self, pending: "PendingJob") -> "None":
        """Start a job that a reusable runner did not begin, in a process of its own."""
        self._take_outputs(pending)
        self._start(pending, may_reuse=False)

    def _on_missing(self, pending: "PendingJob", digests: "list") -> "None":
        self._closures.clear()
        self._pool.drop_idle()
        # A closure that was forgotten with others: all of its files have to come again.
        digests = digests or list(set(pending.job.files.values()))
        self._finish(pending, ended=records.LOST, detail="files are missing", missing=digests)

    def _on_zygote_lost(self, reason: "str") -> "None":
        """Nothing can be run any more: the context ends, and the next task makes another."""
        self._detach("the process that starts modules has ended unexpectedly: %s" % (reason,))
        self._broker.shutdown()


def _variables(job: "records.ModuleJob") -> "tuple":
    return tuple(sorted(job.environment.items()))


def _pipes(has_stdin: "bool") -> "tuple":
    """Pipes for stdout, stderr and maybe stdin: our ends, which do not block, and the job's."""
    near, far = [], []
    try:
        for index in range(2 + has_stdin):
            read_end, write_end = os.pipe()
            near.append(write_end if index == 2 else read_end)
            far.append(read_end if index == 2 else write_end)
            os.set_blocking(near[index], False)
    except OSError:
        channel.close_all(near + far)
        raise
    return near, far


def _terminal() -> "tuple":
    """A terminal in the place of both outputs: our end and one where nothing comes, and the job's.

    It echoes and translates as that of a login by ssh.
    """
    near, far = [], []
    try:
        for fds in (os.openpty(), os.pipe()):
            near.append(fds[0])
            far.append(fds[1])
        os.close(far.pop())
        far.append(os.dup(far[0]))
        for fd in near:
            os.set_blocking(fd, False)
    except OSError:
        channel.close_all(near + far)
        raise
    return near, far


def _how_ended(status: "int", verdict: "str") -> "dict":
    """The fields of a result that say how the process ended: wait *status*, our *verdict*."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        rc, ended, detail = 128 + number, records.SIGNALLED, _signal_text(number)
    else:
        rc, ended, detail = os.WEXITSTATUS(status), records.EXITED, ""
    if verdict:
        ended, detail = records.KILLED, verdict
    return {"rc": rc, "ended": ended, "detail": detail}


def _signal_text(number: "int") -> "str":
    return "ended by %s" % (_SIGNALS.get(number, "signal %d" % (number,)),)
