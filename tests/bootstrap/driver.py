"""Starts one real child by hand: the parent's side of a boot, without broker or router.

The child's main program is a stand-in that says it is up and then lives as long as its link, so
these tests need nothing above the bootstrap layer.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from mitogen import methods
from mitogen.bootstrap import bundle, command
from mitogen.bootstrap.boot_record import BootRecord
from mitogen.bootstrap.handshake import (
    Answer,
    DiagnosticLine,
    Failed,
    Handshake,
    Interpreter,
    InterpreterInfo,
    Up,
)
from mitogen.controller import process

NONCE = "0123456789ab"
TITLE = "mitogen:alice@control:77"
TIMEOUT = 30.0

FAKE_MAIN = """
import os, sys
from mitogen.bootstrap.markers import up_marker
def main(boot):
    os.write(1, up_marker(boot.nonce) + repr((boot.context_id, sys.argv)).encode() + b"\\n")
    while os.read(0, 4096):
        pass
    os._exit(0)
"""


def with_main(boot_code: bytes, main: str = FAKE_MAIN) -> bytes:
    """The same boot code with another main program."""
    modules = marshal.loads(zlib.decompress(boot_code))
    modules["mitogen.child.main"] = (False, main)
    return zlib.compress(marshal.dumps(modules), 1)


@dataclass
class Started:
    """What came of a start."""

    process: process.Process
    interpreters: list[InterpreterInfo] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    answers: int = 0
    up: Up | None = None
    error: Exception | None = None

    @property
    def info(self) -> InterpreterInfo:
        """The interpreter that was found last."""
        return self.interpreters[-1]

    @property
    def cmdline(self) -> bytes:
        """The child as it shows in the process table."""
        with open(f"/proc/{self.process.pid}/cmdline", "rb") as file:
            return file.read()


class Driver:
    """Runs a handshake against a process."""

    def __init__(self, argv: list[str], options: methods.Options, method: methods.Method) -> None:
        self.main = FAKE_MAIN
        self.chunk = 1 << 20
        self._handshake = Handshake(
            NONCE, method.prompts_for(options), options, "the test", time.monotonic() + TIMEOUT
        )
        self.started = Started(
            process.spawn(argv, tty=method.needs_tty(options), is_stdin_tty=method.asks_on_stdin)
        )

    def boot_code(self, info: InterpreterInfo) -> bytes:
        return with_main(bundle.build_for(info), self.main)

    def run(self) -> Started:
        started = self.started
        link, said = started.process.link, started.process.diagnostics_fd
        reading = [link, said]
        while started.up is None and started.error is None:
            ready = select.select(reading, [], [], TIMEOUT)[0]
            if not ready:
                self._handshake.expire(float("inf"))
            if said in ready and not self._read_said():
                reading.remove(said)
            if link in ready:
                data = link.recv(65536)
                if data:
                    self._handshake.feed_link(data)
                else:
                    while said in reading and select.select([said], [], [], TIMEOUT)[0]:
                        if not self._read_said():
                            reading.remove(said)
                    self._handshake.process_ended(started.process.poll())
            self._perform()
        return started

    def _read_said(self) -> bool:
        try:
            data = os.read(self.started.process.diagnostics_fd, 65536)
        except OSError:
            return False
        self._handshake.feed_diagnostics(data)
        return bool(data)

    def _perform(self) -> None:
        started = self.started
        while (event := self._handshake.next_event()) is not None:
            if isinstance(event, Interpreter):
                started.interpreters.append(event.info)
                self._send(event.info)
            elif isinstance(event, Up):
                started.up = event
            elif isinstance(event, Failed):
                started.error = event.error
            elif isinstance(event, DiagnosticLine):
                started.lines.append(event.text)
            elif isinstance(event, Answer):
                started.answers += 1
                os.write(started.process.diagnostics_fd, event.data)

    def _send(self, info: InterpreterInfo) -> None:
        record = BootRecord(5, [0], TITLE, NONCE).to_bytes()
        data = command.boot_message(self.boot_code(info), record)
        link = self.started.process.link
        link.setblocking(True)
        try:
            for begin in range(0, len(data), self.chunk):
                link.sendall(data[begin : begin + self.chunk])
        except OSError:
            pass  # it ended; the reader will see why
        link.setblocking(False)

    def close(self) -> None:
        started = self.started
        started.process.link.close()
        deadline = time.monotonic() + 5
        while started.process.poll() is None:
            # Nothing to wait on portably but its end of the terminal or pipe.
            if time.monotonic() > deadline:
                started.process.kill()
            select.select([], [], [], 0.01)
        os.close(started.process.diagnostics_fd)


@contextlib.contextmanager
def started(
    argv: list[str] | None = None,
    python: object = None,
    method: str = "local",
    chunk: int = 1 << 20,
    main: str = FAKE_MAIN,
    **given: object,
) -> Iterator[Started]:
    """A child by `method` and its options; or by `argv`, with its words END and COMMAND replaced.

    ``ARGV`` as the last word stands for the remote argument list, ``COMMAND`` in a word for the
    remote command line.
    """
    declared = methods.find(method)
    options = methods.build_options(declared, python_path=python, **given)
    candidates = None if python is None and argv is not None else options.python_path
    remote_argv = command.remote_argv(candidates, NONCE, TITLE)
    remote_command = command.remote_command(candidates, NONCE, TITLE)
    if argv is None:
        words = declared.argv(options, remote_argv, remote_command)
    else:
        words = [word.replace("COMMAND", remote_command) for word in argv]
        if words[-1] == "ARGV":
            words[-1:] = remote_argv
    driver = Driver(words, options, declared)
    driver.chunk = chunk
    driver.main = main
    try:
        yield driver.run()
    finally:
        driver.close()
