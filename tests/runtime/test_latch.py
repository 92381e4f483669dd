"""`mitogen.runtime.latch`."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from mitogen.errors import LatchError, TimeoutError  # noqa: A004 - the documented name
from mitogen.runtime import latch as latch_module
from mitogen.runtime.latch import Latch


class _Interrupted(Exception):
    """Raised by the test's signal handler."""


@pytest.fixture
def alarm() -> Iterator[None]:
    """SIGALRM raises on the main thread."""

    def strike(*_args: object) -> None:
        raise _Interrupted

    previous = signal.signal(signal.SIGALRM, strike)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, previous)


def test_items_come_out_in_the_order_they_went_in() -> None:
    """First in, first out."""
    latch = Latch()
    for item in range(5):
        latch.put(item)
    assert latch.size() == 5
    assert [latch.get() for _ in range(5)] == [0, 1, 2, 3, 4]
    assert latch.empty()


def test_an_empty_latch_times_out() -> None:
    """No item within the time-out, or none at all without blocking, is a TimeoutError."""
    latch = Latch()
    with pytest.raises(TimeoutError):
        latch.get(timeout=0)
    with pytest.raises(TimeoutError):
        latch.get(block=False)
    latch.put(1)
    assert latch.get(timeout=0) == 1


def test_a_waiter_that_timed_out_takes_nothing() -> None:
    """An item put after a time-out goes to the next who asks."""
    latch = Latch()
    with pytest.raises(TimeoutError):
        latch.get(timeout=0)
    latch.put("later")
    assert latch.get(block=False) == "later"


def _wait_in_thread(latch: Latch, results: list[object]) -> threading.Thread:
    def wait() -> None:
        try:
            results.append(latch.get())
        except LatchError as exc:
            results.append(exc)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def _until_waiting(latch: Latch, count: int) -> None:
    while f"waiting={count})" not in repr(latch):
        threading.Event().wait(0.001)


def test_waiters_are_served_in_the_order_they_came() -> None:
    """The thread that has waited longest gets the next item."""
    latch = Latch()
    results: list[list[object]] = [[], [], []]
    threads = []
    for number, result in enumerate(results):
        threads.append(_wait_in_thread(latch, result))
        _until_waiting(latch, number + 1)
    for item in range(3):
        latch.put(item)
    for thread in threads:
        thread.join()
    assert results == [[0], [1], [2]]


def test_close_wakes_all_waiters_and_keeps_queued_items() -> None:
    """Waiters get LatchError; what was queued before can still be taken; put is refused."""
    latch = Latch()
    result: list[object] = []
    thread = _wait_in_thread(latch, result)
    _until_waiting(latch, 1)
    latch.close()
    thread.join()
    assert isinstance(result[0], LatchError)
    with pytest.raises(LatchError):
        latch.put(1)

    other = Latch()
    other.put("kept")
    other.close()
    assert other.get() == "kept"
    with pytest.raises(LatchError):
        other.get()


def test_notify_is_called_after_each_put() -> None:
    """`notify` gets the latch, which holds the item by then."""
    latch = Latch()
    seen: list[int] = []
    latch.notify = lambda which: seen.append(which.size())
    latch.put()
    latch.put()
    assert seen == [1, 2]


def test_a_signal_interrupts_a_wait(alarm: None) -> None:
    """A handler that raises ends the wait, and the latch works on."""
    latch = Latch()
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    with pytest.raises(_Interrupted):
        latch.get()
    latch.put("after")
    assert latch.get(block=False) == "after"


def test_an_item_handed_to_an_interrupted_waiter_goes_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The signal strikes after the hand-over and before the waiter wakes: nothing is lost."""
    latch = Latch()

    class Gate:
        def acquire(self, *_args: object) -> bool:
            latch.put("handed over")
            raise _Interrupted

        def release(self) -> None:
            """The waiter is woken; the signal comes first."""

    class Waiter(latch_module._Waiter):
        __slots__ = ()

        def __init__(self) -> None:
            super().__init__()
            self.gate = Gate()  # type: ignore[assignment]

    monkeypatch.setattr(latch_module, "_Waiter", Waiter)
    with pytest.raises(_Interrupted):
        latch.get()
    assert latch.get(block=False) == "handed over"
