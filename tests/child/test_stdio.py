"""`mitogen.child.stdio`: what a context prints becomes log records."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mitogen.child.stdio import MAX_LINE, LineLogger
from mitogen.runtime.broker import Broker
from tests.support.programs import REPOSITORY


@pytest.fixture
def broker() -> Iterator[Broker]:
    """The thread that reads."""
    broker = Broker()
    yield broker
    broker.shutdown()
    broker.join(20)


class Output:
    """A pipe and the logger at its end."""

    def __init__(self, broker: Broker, level: int = logging.INFO) -> None:
        self._broker = broker
        read_end, self._write_end = os.pipe()
        self.logger = broker.defer_sync(lambda: LineLogger(broker, read_end, "out", level))

    def write(self, data: bytes) -> None:
        """Write, and have it read."""
        os.write(self._write_end, data)
        self._broker.defer_sync(self.logger._on_readable)

    def close(self) -> None:
        """Nobody will write any more."""
        os.close(self._write_end)


@pytest.fixture
def output(broker: Broker, caplog: pytest.LogCaptureFixture) -> Iterator[Output]:
    """At INFO."""
    caplog.set_level(logging.INFO)
    output = Output(broker)
    yield output
    output.close()


def test_a_record_a_line(output: Output, caplog: pytest.LogCaptureFixture) -> None:
    """However the lines are cut; their ends are not part of them."""
    for data in (b"one\ntw", b"o\r\n", b"\nthree\nfour"):
        output.write(data)
    assert caplog.messages == ["one", "two", "", "three"]
    assert {(record.name, record.levelno) for record in caplog.records} == {("out", logging.INFO)}


def test_flush_takes_a_last_line_without_an_end(
    broker: Broker, output: Output, caplog: pytest.LogCaptureFixture
) -> None:
    """Once."""
    output.write(b"last words")
    broker.defer_sync(output.logger.flush)
    broker.defer_sync(output.logger.flush)
    assert caplog.messages == ["last words"]


def test_lines_without_end_are_cut(output: Output, caplog: pytest.LogCaptureFixture) -> None:
    """No program can make us keep what it writes without bound."""
    for _ in range(3 * MAX_LINE // 4096):
        output.write(b"x" * 4096)
    output.write(b"\xff\n")
    assert "".join(caplog.messages) == "x" * (3 * MAX_LINE) + "\ufffd"
    assert max(map(len, caplog.messages)) <= 2 * MAX_LINE


def test_what_nobody_wants_is_read_and_dropped(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """A writer never waits."""
    output = Output(broker, logging.WARNING)
    output.write(b"unheard\n")
    output.close()
    assert caplog.messages == []


def test_standard_descriptors_are_replaced() -> None:
    """stdin is empty, the link has moved up and is not inherited, the pipes are."""
    code = """
import os, subprocess, sys
from mitogen.child.stdio import StandardDescriptors
d = StandardDescriptors()
assert os.read(0, 10) == b"", "stdin"
subprocess.check_call(["sh", "-c", "echo out; echo err >&2; cat; ! command >&%d" % d.link_write],
                      stderr=None)
found = {name: os.read(fd, 1000) for name, fd in sorted(d.output_fds.items())}
os.write(d.link_write, repr((sorted(found), found["stdout"], os.read(d.link_read, 10))).encode())
assert min(d.link_read, d.link_write) > 2
"""
    done = subprocess.run(
        [sys.executable, "-c", code], input=b"the link", cwd=REPOSITORY, capture_output=True,
        timeout=60,
    )  # fmt: skip
    assert done.stdout.decode() == repr((["stderr", "stdout"], b"out\n", b"the link"))
