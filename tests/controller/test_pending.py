"""`mitogen.controller.pending` and `connection`: what happens while a context is connected."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mitogen.controller.connection import Connection
from mitogen.controller.pending import PendingStream
from mitogen.errors import StreamError
from mitogen.runtime.broker import Broker
from mitogen.wire.frame import Frame


def _frame(number: int, size: int = 0) -> Frame:
    return Frame(1, 0, 0, 1000, 0, number, 0, bytes(size))


def test_frames_wait_and_go_on_in_order() -> None:
    """What comes later does not overtake."""
    pending = PendingStream(1, 1000)
    sent: list[int] = []

    def deliver(frame: Any) -> bool:
        sent.append(frame.message_id)
        return True

    assert all(pending.send(_frame(number)) for number in range(3))
    pending.promote(deliver)
    pending.send(_frame(3))
    assert sent == [0, 1, 2, 3]
    assert not pending.is_full()


def test_frames_fail_with_the_connection() -> None:
    """Those that wait are handed back, later ones refused."""
    pending = PendingStream(1, 1000)
    pending.send(_frame(1))
    assert [frame.message_id for frame in pending.fail()] == [1]
    assert pending.send(_frame(2)) is False


def test_what_waits_is_limited() -> None:
    """Nobody reads it yet."""
    pending = PendingStream(1, 100)
    assert pending.send(_frame(1, 60))
    assert not pending.send(_frame(2, 60))
    assert pending.send(_frame(3, 40))


def test_a_connection_tells_everybody(broker: Broker) -> None:
    """Threads that wait, and functions, now or later."""
    connection = Connection(object(), broker)
    told: list[object] = []
    connection.notify(told.append)
    threads = [threading.Thread(target=connection.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert not connection.is_settled
    broker.defer_sync(lambda: connection.succeed("python"))
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    connection.notify(told.append)
    broker.defer_sync(int)
    assert told == [connection, connection]
    assert (connection.is_up, connection.error, connection.interpreter) == (True, None, "python")


def test_a_failed_connection_raises_its_error(broker: Broker) -> None:
    """To everybody who waits."""
    connection = Connection(object(), broker)
    broker.defer_sync(lambda: connection.fail(StreamError("refused")))
    for _ in range(2):
        with pytest.raises(StreamError, match="refused"):
            connection.wait()
    assert connection.is_settled
    assert not connection.is_up
