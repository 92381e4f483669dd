"""One child being started on this machine: process, prompts, boot, stream. Broker thread only."""

import logging
import os

from mitogen.bootstrap import command
from mitogen.bootstrap.handshake import Answer, DiagnosticLine, Failed, Handshake, Interpreter, Up
from mitogen.controller import process
from mitogen.controller.reaper import FIRST_DELAY, LONGEST_DELAY, Reaper
from mitogen.errors import CancelledError, StreamError
from mitogen.runtime.link import READ_SIZE, SocketLink

LOG = logging.getLogger("mitogen")


class Plan:
    """Everything needed to start one child, decided beforehand.

    `method` and `options` (see `mitogen.methods`), `boot_record` (``boot_record(nonce)`` ->
    bytes), `fetch_bundle`, `title` (its name in the process table), `name` (of the context),
    `folder` that the program starts in, None for that of this process; `forked` (see forking.py)
    where there is no program to start, else None.
    """

    __slots__ = (
        "boot_record", "fetch_bundle", "folder", "forked", "method", "name", "options", "title",
    )  # fmt: skip

    def __init__(
        self,
        method: "object",
        options: "object",
        name: "str",
        title: "str",
        boot_record: "object",
        fetch_bundle: "object",
        folder: "str | None" = None,
        forked: "object" = None,
    ) -> "None":
        self.method = method
        self.options = options
        self.name = name
        self.title = title
        self.boot_record = boot_record
        self.fetch_bundle = fetch_bundle
        self.folder = folder
        self.forked = forked


class Launch:
    """Runs a plan to its end: ``on_up(link, leftover, interpreter)`` or ``on_failed(error)``."""

    def __init__(
        self, broker: "object", plan: "Plan", on_up: "object", on_failed: "object"
    ) -> "None":
        self._broker = broker
        self._plan = plan
        self._on_up = on_up
        self._on_failed = on_failed
        self._process = plan.forked and plan.forked.process
        self._interpreter = None
        self._outgoing = b""
        self._timer = None
        self._is_over = False
        self._tail = None
        #: The context lives on by itself: its process is neither waited for nor ended.
        self.is_disowned = False

    def start(self) -> "None":
        """Start the process; never raises, failures are reported."""
        plan = self._plan
        self._nonce = plan.forked.nonce if plan.forked else os.urandom(6).hex()
        deadline = self._broker.timers.clock() + plan.options.connect_timeout
        self._handshake = Handshake(
            self._nonce,
            plan.method.prompts_for(plan.options),
            plan.options,
            plan.name,
            deadline,
        )
        try:
            self._process = self._process or self._spawn()
        except StreamError as exc:
            self._fail(exc)
            return
        except Exception as exc:
            self._fail(StreamError("%s: %s" % (plan.name, exc)))
            return
        LOG.debug("%s: started process %d", plan.name, self._process.pid)
        self._broker.add_reader(self._process.link.fileno(), self._on_link)
        self._broker.add_reader(self._process.diagnostics_fd, self._on_diagnostics)
        self._timer = self._broker.timers.schedule(deadline, self._on_deadline)

    def _spawn(self) -> "process.Process":
        plan = self._plan
        candidates = plan.options.python_path
        argv = plan.method.argv(
            plan.options,
            command.remote_argv(candidates, self._nonce, plan.title),
            command.remote_command(candidates, self._nonce, plan.title),
        )
        return process.spawn(
            argv,
            plan.method.needs_tty(plan.options),
            is_stdin_tty=plan.method.asks_on_stdin,
            folder=plan.folder,
        )

    def cancel(self, reason: "str") -> "None":
        """Give up, because the broker shuts down or nobody wants the child any more."""
        self._fail(CancelledError("%s: %s" % (self._plan.name, reason)))

    def _on_link(self) -> "None":
        try:
            data = self._process.link.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._handshake.feed_link(data)
        else:
            self._broker.remove_reader(self._process.link.fileno())
            self._await_end(FIRST_DELAY)
        self._pump()

    def _await_end(self, delay: "float") -> "None":
        """The link is closed: so ends its program, a moment later, and its status says why."""
        if self._is_over:
            return
        status = self._process.poll()
        if status is None and delay < LONGEST_DELAY:
            self._broker.timers.after(delay, lambda: self._await_end(2 * delay))
            return
        self._drain_diagnostics()
        self._handshake.process_ended(status)
        self._pump()

    def _drain_diagnostics(self) -> "None":
        """What the program said last explains why it ended: read it before judging."""
        while self._tail is None and self._read_diagnostics():
            pass

    def _on_diagnostics(self) -> "None":
        self._read_diagnostics()
        if not self._is_over:
            self._pump()

    def _read_diagnostics(self) -> "bool":
        try:
            data = os.read(self._process.diagnostics_fd, READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            data = b""  # EIO: nobody has the terminal open any more
        if not data:
            self._broker.remove_reader(self._process.diagnostics_fd)
            self._tail = b""
            return False
        self._handshake.feed_diagnostics(data)
        return True

    def _on_deadline(self) -> "None":
        self._handshake.expire(self._broker.timers.clock())
        self._pump()

    def _pump(self) -> "None":
        while not self._is_over:
            event = self._handshake.next_event()
            if event is None:
                return
            self._perform[type(event)](self, event)

    def _answer(self, event: "Answer") -> "None":
        try:
            os.write(self._process.diagnostics_fd, event.data)
        except OSError as exc:
            LOG.debug("%s: the answer to a prompt was not taken: %s", self._plan.name, exc)

    def _send_boot(self, event: "Interpreter") -> "None":
        self._interpreter = event.info
        try:
            self._plan.fetch_bundle(event.info, self._on_bundle)
        except Exception as exc:
            self._fail(StreamError("%s: no boot code: %s" % (self._plan.name, exc)))

    def _on_bundle(self, bundle: "bytes | None") -> "None":
        if self._is_over:
            return
        if bundle is None:
            self._fail(StreamError("%s: no boot code for this Python" % (self._plan.name,)))
            return
        record = self._plan.boot_record(self._nonce)
        self._outgoing = command.boot_message(bundle, record.to_bytes())
        self._write_outgoing()

    def _write_outgoing(self) -> "None":
        fd = self._process.link.fileno()
        try:
            sent = self._process.link.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError as exc:
            LOG.debug("%s: it stopped reading: %s", self._plan.name, exc)
            self._outgoing = b""
            self._broker.remove_writer(fd)
            return  # its end will be seen by the reader, with its last words
        self._outgoing = self._outgoing[sent:]
        if self._outgoing:
            self._broker.add_writer(fd, self._write_outgoing)
        else:
            self._broker.remove_writer(fd)

    def _log_line(self, event: "DiagnosticLine") -> "None":
        LOG.debug("%s: %s", self._plan.name, event.text)

    def _succeed(self, event: "Up") -> "None":
        self._is_over = True
        self._timer.cancel()
        link = self._process.link
        self._broker.remove_reader(link.fileno())
        self._broker.remove_writer(link.fileno())
        if self._tail is None:
            self._broker.add_reader(self._process.diagnostics_fd, self._log_diagnostics)
        self._on_up(SocketLink(link), event.leftover, self._interpreter)

    def _log_diagnostics(self) -> "None":
        """What the connecting program (ssh, sudo) says while the context is up."""
        try:
            data = os.read(self._process.diagnostics_fd, READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        for line in data.decode("utf-8", "replace").splitlines():
            LOG.debug("%s: %s", self._plan.name, line)
        if not data:
            self._broker.remove_reader(self._process.diagnostics_fd)

    def abandon(self) -> "None":
        """Let go of the descriptors in a forked process, without a word to anybody."""
        if self._process is not None:
            self._process.link.close()
            os.close(self._process.diagnostics_fd)

    def finish(self) -> "None":
        """The child is no longer needed: see its process end. The link is closed already."""
        if self._process is not None:
            self._broker.remove_reader(self._process.diagnostics_fd)
            os.close(self._process.diagnostics_fd)
            if not self.is_disowned:
                Reaper(self._broker, self._process)

    def _report(self, event: "Failed") -> "None":
        self._fail(event.error)

    def _fail(self, error: "Exception") -> "None":
        if self._is_over:
            return
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            self._broker.remove_reader(self._process.link.fileno())
            self._broker.remove_writer(self._process.link.fileno())
            self._process.link.close()
            self.finish()
        self._on_failed(error)

    _perform = {
        Answer: _answer,
        Interpreter: _send_boot,
        Up: _succeed,
        Failed: _report,
        DiagnosticLine: _log_line,
    }
