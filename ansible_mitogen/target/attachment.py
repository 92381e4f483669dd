"""The context's half: takes jobs from the wire, has the zygote run them, answers. Broker thread.

Nothing here waits. A job's output is read as it comes; when its process has ended, what is in the
pipes is read, and that is the result. A daemon that the job left behind, and that holds the pipes
open, does not keep it up.
"""

import _socket as socket  # the socket module on top of it costs 8 ms
import os
import struct
from _collections import deque  # collections', without its import

from ansible_mitogen.target import channel, records
from ansible_mitogen.target.freshness import Freshness
from ansible_mitogen.target.records import JobResult
from mitogen.errors import DecodeError
from mitogen.runtime.message import has_parent_authority

_READ_SIZE = 1 << 18
#: The ended process left what fits into a pipe; its descendants may go on writing for ever.
_LAST_READS = 4
#: Seconds between looks at whether the zygote has ended; it takes milliseconds.
_COLLECT_POLL = 0.002
#: What a result needs besides the output.
_OVERHEAD = 65536


class PendingJob:
    """A job under way: `number`, its record and the message to answer.

    `outputs` are the pieces read so far by descriptor, stdout first.
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
        #: Why we end it; '' while we do not.
        self.verdict = ""


class _Outgoing:
    """Bytes for the zygote, and the descriptors that go with the first of them."""

    def __init__(self, data: "bytes", descriptors: "tuple") -> "None":
        self.data = memoryview(data)
        self.descriptors = descriptors


class Attachment:
    """What `hook.start` gives to the context.

    :param sock: leads to the zygote.
    :param pid: of the zygote.
    """

    def __init__(self, sock: "socket.socket", pid: "int") -> "None":
        self._sock = sock
        self._pid = pid
        self._freshness = Freshness()
        self._decoder = channel.Decoder()
        self._outgoing = deque()
        self._jobs = {}
        #: Numbers of the closures that the zygote knows, by what identifies them.
        self._closures = {}
        self._last_number = 0
        self._is_detached = False
        self._broker = None
        self._econtext = None

    def attach(self, econtext: "object") -> "None":
        """Begin to take jobs."""
        self._econtext = econtext
        self._broker = econtext.broker
        self._sock.setblocking(False)
        self._broker.add_reader(self._sock.fileno(), self._on_readable)
        # A process forked from here must not keep the zygote from noticing our end.
        self._broker.listen("fork", self._sock.close)
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
        self._broker.remove_reader(self._sock.fileno())
        self._broker.remove_writer(self._sock.fileno())
        # The zygote ends itself, and what it runs, when it sees this.
        self._sock.close()
        for outgoing in self._outgoing:
            _close_all(outgoing.descriptors)
        self._outgoing.clear()
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
            self._start(job, msg)
        except (DecodeError, OSError) as exc:
            detail = "%s: %s" % (type(exc).__name__, exc)
            msg.reply(JobResult(ended=records.LOST, detail=detail).to_value())

    def _on_cancel(self, msg: "object") -> "None":
        if msg.is_dead:
            return
        job_id = msg.unpickle()
        for pending in self._jobs.values():
            if pending.job.job_id == job_id:
                self._end(pending, "cancelled")

    def _start(self, job: "records.Record", msg: "object") -> "None":
        if self._is_detached:
            raise DecodeError("the context ends")
        self._last_number += 1
        pending = PendingJob(self._last_number, job, msg)
        has_stdin = bool(getattr(job, "stdin", None))
        # stdout, stderr and stdin as seen from here, then from the job.
        near, far = _pipes(has_stdin)
        self._jobs[pending.number] = pending
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
        if job.timeout is not None:
            text = "it took more than %g seconds" % (job.timeout,)
            pending.timer = self._broker.timers.after(job.timeout, lambda: self._end(pending, text))
        self._send(channel.Start(pending.number, value, closure, has_stdin), tuple(far))

    def _number_closure(self, job: "records.Record", value: "dict") -> "int":
        """A number for the job's closure; takes out of *value* what the zygote knows by it.

        The zygote is to look at as little as possible (see image.py).
        """
        if type(job) is not records.ModuleJob:
            return 0
        key = "\0".join([part for item in job.files.items() for part in item])
        if key in self._closures and not job.supplied:
            value["files"] = {}
        return self._closures.setdefault(key, len(self._closures) + 1)

    def _end(self, pending: "PendingJob", verdict: "str") -> "None":
        if not pending.verdict and pending.number in self._jobs:
            pending.verdict = verdict
            self._send(channel.Cancel(pending.number))

    # From the job ---------------------------------------------------------------------------

    def _on_output(self, pending: "PendingJob", fd: "int") -> "bool":
        """Read once; True when there may be more."""
        try:
            data = os.read(fd, _READ_SIZE)
        except BlockingIOError:
            return False
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
        self._close_input(pending)
        outputs = []
        for fd, pieces in pending.outputs.items():
            for _ in range(_LAST_READS):
                if not self._on_output(pending, fd):
                    break
            self._broker.remove_reader(fd)
            os.close(fd)
            outputs.append(b"".join(pieces))
        result = JobResult(stdout=outputs[0], stderr=outputs[1], **fields)
        pending.message.reply(result.to_value())

    # To and from the zygote -----------------------------------------------------------------

    def _send(self, message: "channel.Message", descriptors: "tuple" = ()) -> "None":
        if self._is_detached:
            _close_all(descriptors)
            return
        self._outgoing.append(_Outgoing(channel.encode(message), descriptors))
        if len(self._outgoing) == 1:
            self._flush()

    def _flush(self) -> "None":
        while self._outgoing:
            outgoing = self._outgoing[0]
            try:
                self._send_some(outgoing)
            except BlockingIOError:
                self._broker.add_writer(self._sock.fileno(), self._flush)
                return
            except OSError as exc:
                self._on_zygote_lost(str(exc))
                return
            if not outgoing.data:
                self._outgoing.popleft()
        self._broker.remove_writer(self._sock.fileno())

    def _send_some(self, outgoing: "_Outgoing") -> "None":
        ancillary = []
        if outgoing.descriptors:
            numbers = struct.pack("%di" % len(outgoing.descriptors), *outgoing.descriptors)
            ancillary.append((socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers))
        sent = self._sock.sendmsg([outgoing.data[:_READ_SIZE]], ancillary)
        outgoing.data = outgoing.data[sent:]
        _close_all(outgoing.descriptors)
        outgoing.descriptors = ()

    def _on_readable(self) -> "None":
        try:
            data = self._sock.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._on_zygote_lost("its link is closed")
            return
        for message in self._decoder.feed(data):
            pending = self._jobs.get(message.number)
            if pending is None:
                continue
            if type(message) is channel.Ended:
                self._finish(pending, **_how_ended(message.status, pending.verdict))
            elif type(message) is channel.Missing:
                self._on_missing(pending, message.digests)
            else:
                self._finish(pending, ended=records.LOST, detail=message.reason)

    def _on_missing(self, pending: "PendingJob", digests: "list") -> "None":
        self._closures.clear()
        # A closure that was forgotten with others: all of its files have to come again.
        digests = digests or list(set(pending.job.files.values()))
        self._finish(pending, ended=records.LOST, detail="files are missing", missing=digests)

    def _on_zygote_lost(self, reason: "str") -> "None":
        """Nothing can be run any more: the context ends, and the next task makes another."""
        self._detach("the process that starts modules has ended unexpectedly: %s" % (reason,))
        self._broker.shutdown()


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
        _close_all(near + far)
        raise
    return near, far


def _close_all(descriptors: "object") -> "None":
    for fd in descriptors:
        os.close(fd)


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
    import signal  # few jobs need it

    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "signal %d" % (number,)
    return "ended by %s" % (name,)
