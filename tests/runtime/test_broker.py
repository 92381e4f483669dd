"""`mitogen.runtime.broker` with a real thread and real descriptors."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from mitogen.errors import Error
from mitogen.runtime.broker import Broker
from mitogen.runtime.latch import Latch


@pytest.fixture
def broker() -> Iterator[Broker]:
    """A broker that is shut down afterwards."""
    broker = Broker()
    yield broker
    broker.shutdown()
    broker.join(10)
    assert not broker.thread.is_alive()


def test_deferred_calls_run_in_order_on_the_broker_thread(broker: Broker) -> None:
    """`defer` keeps the order of one caller."""
    seen: list[object] = []
    for number in range(100):
        broker.defer(seen.append, number)
    assert broker.defer_sync(broker.is_current) is True
    assert seen == list(range(100))
    assert not broker.is_current()


def test_defer_sync_hands_the_exception_back(broker: Broker) -> None:
    """The caller gets what the function raised."""
    with pytest.raises(ZeroDivisionError):
        broker.defer_sync(lambda: 1 / 0)


def test_a_failing_callback_does_not_end_the_broker(broker: Broker) -> None:
    """It is logged, and the thread goes on."""
    broker.defer(lambda: 1 / 0)
    assert broker.defer_sync(lambda: "alive") == "alive"


def test_readers_and_writers_are_called_until_removed(broker: Broker) -> None:
    """One descriptor can have both; removing one leaves the other."""
    left, right = os.pipe()
    got = Latch()
    wrote = Latch()

    def on_writable() -> None:
        broker.remove_writer(right)
        wrote.put(os.write(right, b"x"))

    broker.defer(broker.add_reader, left, lambda: got.put(os.read(left, 10)))
    broker.defer(broker.add_writer, right, on_writable)
    assert wrote.get(10) == 1
    assert got.get(10) == b"x"
    broker.defer_sync(lambda: broker.remove_reader(left))
    broker.defer_sync(lambda: broker.remove_reader(left))
    os.close(left)
    os.close(right)


def test_timers_fire(broker: Broker) -> None:
    """A timer set on the broker thread wakes it."""
    fired = Latch()
    broker.defer(broker.timers.after, 0.001, fired.put)
    assert fired.get(10) is None


def test_work_after_the_end_is_refused() -> None:
    """`defer` raises, `shutdown` and `join` are harmless."""
    broker = Broker()
    broker.shutdown()
    broker.join(10)
    with pytest.raises(Error):
        broker.defer(print)
    with pytest.raises(Error):
        broker.defer_sync(print)
    broker.shutdown()
    broker.join(10)


def test_shutdown_waits_for_holders_and_fires_its_signals() -> None:
    """``shutdown``, then holders, then ``exit``."""
    broker = Broker()
    log: list[str] = []
    began = Latch()

    def on_shutdown() -> None:
        log.append("shutdown")
        broker.hold("holder")
        began.put()

    broker.listen("shutdown", on_shutdown)
    broker.listen("exit", lambda: log.append("exit"))
    broker.shutdown()
    began.get(10)
    assert broker.defer_sync(lambda: list(log)) == ["shutdown"]
    broker.defer(broker.release, "holder")
    broker.join(10)
    assert log == ["shutdown", "exit"]


def test_a_holder_that_never_lets_go_is_given_up() -> None:
    """After `shutdown_timeout` the broker ends all the same."""
    broker = Broker()
    broker.shutdown_timeout = 0.01
    broker.listen("shutdown", lambda: broker.hold("forgotten"))
    broker.shutdown()
    broker.join(10)
    assert not broker.thread.is_alive()


def test_an_unknown_signal_is_refused(broker: Broker) -> None:
    """The message lists the signals there are."""
    with pytest.raises(ValueError, match="shutdown, exit"):
        broker.listen("nonsense", print)


def test_deferring_races_with_the_end() -> None:
    """Whatever is accepted runs; whatever does not run is refused: nothing is lost."""
    for _ in range(20):
        broker = Broker()
        ran: list[int] = []
        accepted: list[int] = []

        def feed(broker: Broker = broker, ran: list[int] = ran, ok: list[int] = accepted) -> None:
            for number in range(200):
                try:
                    broker.defer(ran.append, number)
                except Error:
                    return
                ok.append(number)

        feeder = threading.Thread(target=feed)
        feeder.start()
        broker.shutdown()
        broker.join(10)
        feeder.join()
        assert ran == accepted
