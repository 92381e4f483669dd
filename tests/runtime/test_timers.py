"""`mitogen.runtime.timers` and `mitogen.runtime.deadline`, with a clock that stands still."""

from __future__ import annotations

from mitogen.runtime.deadline import Deadline
from mitogen.runtime.timers import TimerQueue


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_timers_are_due_in_order_of_time_then_of_scheduling() -> None:
    """Two timers of one moment keep their order."""
    clock = _Clock()
    timers = TimerQueue(clock)
    log: list[str] = []
    timers.after(2, lambda: log.append("late"))
    timers.after(1, lambda: log.append("first"))
    timers.after(1, lambda: log.append("second"))
    assert timers.next_timeout() == 1
    assert timers.take_due() == []
    clock.now += 5
    for fn in timers.take_due():
        fn()
    assert log == ["first", "second", "late"]
    assert timers.next_timeout() is None


def test_a_cancelled_timer_never_runs_and_is_not_waited_for() -> None:
    """Cancelling also forgets the callback."""
    clock = _Clock()
    timers = TimerQueue(clock)
    timer = timers.after(1, lambda: None)
    later = timers.after(9, lambda: None)
    timer.cancel()
    assert timers.next_timeout() == 9
    later.cancel()
    later.cancel()
    clock.now += 20
    assert timers.take_due() == []
    assert timers.next_timeout() is None


def test_an_overdue_timer_is_due_at_once() -> None:
    """The time-out is never negative."""
    clock = _Clock()
    timers = TimerQueue(clock)
    timers.schedule(50, lambda: None)
    assert timers.next_timeout() == 0


def test_a_deadline_tells_what_is_left() -> None:
    """Never negative; None without a limit."""
    clock = _Clock()
    deadline = Deadline(3, clock)
    assert deadline.remaining() == 3
    assert not deadline.is_over()
    clock.now += 4
    assert deadline.remaining() == 0
    assert deadline.is_over()
    assert Deadline(None, clock).remaining() is None
    assert not Deadline(None, clock).is_over()
