"""`mitogen.controller.reaper`: processes end, and are waited for."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from mitogen.controller import process, reaper
from mitogen.controller.reaper import Reaper
from mitogen.runtime.broker import Broker
from tests.support import processes

OBEDIENT = "import os, signal; os.write(1, b'!'); signal.pause()"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + OBEDIENT


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test needs to see how long a second is."""
    monkeypatch.setattr(reaper, "PATIENCE", 0.05)


@contextlib.contextmanager
def _running(code: str) -> Iterator[process.Process]:
    child = process.spawn([sys.executable, "-c", code])
    child.link.setblocking(True)
    assert child.link.recv(1) == b"!"
    try:
        yield child
    finally:
        child.link.close()
        os.close(child.diagnostics_fd)


@pytest.mark.parametrize("code", [OBEDIENT, STUBBORN], ids=["obedient", "stubborn"])
def test_a_process_is_ended_and_collected(broker: Broker, code: str) -> None:
    """With TERM, and with KILL when that does not do; the broker does not end before."""
    with _running(code) as child:
        broker.defer_sync(lambda: Reaper(broker, child))
        broker.shutdown()
        broker.join(20)
        assert child.pid not in processes.table()


def test_a_process_that_ends_is_not_touched(broker: Broker) -> None:
    """Its own end is the usual case."""
    code = "import os, sys; os.write(1, b'!'); sys.stdin.read(); sys.exit(3)"
    with _running(code) as child:
        broker.defer_sync(lambda: Reaper(broker, child))
        child.link.close()
        broker.shutdown()
        broker.join(20)
        assert child.poll() == 3


def test_what_is_left_at_the_end_is_killed(broker: Broker) -> None:
    """The broker's own patience is over."""
    broker.shutdown_timeout = 0.0
    with _running(STUBBORN) as child:
        made = threading.Event()

        def make() -> None:
            Reaper(broker, child)
            made.set()

        broker.listen("exit", make)
        broker.shutdown()
        broker.join(20)
        assert made.is_set()
        assert child.pid not in processes.table()


class _Foreign:
    """A process of another user: sudo."""

    pid = 1

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.tries = 0

    def poll(self) -> int | None:
        """Ends after it was tried to be killed."""
        return 0 if self.ended.is_set() else None

    def terminate(self) -> None:
        """Not permitted."""
        self.tries += 1
        raise PermissionError

    def kill(self) -> None:
        """Not permitted, but by now it has ended."""
        self.tries += 1
        self.ended.set()
        raise PermissionError

    def wait(self, _timeout: float) -> int | None:
        """As poll."""
        return self.poll()


def test_a_process_of_somebody_else(broker: Broker) -> None:
    """Cannot be signalled; that it ends is seen nevertheless."""
    child = _Foreign()
    broker.defer_sync(lambda: Reaper(broker, child))
    broker.shutdown()
    broker.join(20)
    assert child.tries == 2
