"""`mitogen.select`: waiting for several queues at once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import mitogen.core
import mitogen.select
from mitogen.core import Latch, Message
from mitogen.select import Event, Select


def test_data_come_in_the_order_of_their_arrival() -> None:
    """Whichever source they arrive at."""
    latches = [Latch() for _ in range(3)]
    select = Select(latches, oneshot=False)
    for index in (2, 0, 1, 0):
        latches[index].put(index)
    assert [select.get() for _ in range(4)] == [2, 0, 1, 0]
    assert select.empty()


def test_what_waits_already_counts() -> None:
    """A source may be full when it is added."""
    latch = Latch()
    latch.put("one")
    latch.put("two")
    select = Select([latch], oneshot=False)
    assert select.size() == 2
    assert [select.get(), select.get()] == ["one", "two"]


def test_oneshot_forgets_a_source_after_its_first_datum() -> None:
    """Iteration ends when every source has had its turn."""
    latches = [Latch() for _ in range(3)]
    select = Select(latches)
    for number, latch in enumerate(latches):
        latch.put(number)
        latch.put("stays")
    assert sorted(select) == [0, 1, 2]
    assert not select
    assert all(latch.size() == 1 and latch.notify is None for latch in latches)


def test_events_name_their_source() -> None:
    """The latch, not the select between, when selects are nested."""
    latch, other = Latch(), Latch()
    inner = Select([latch], oneshot=False)
    outer = Select([inner, other], oneshot=False)
    latch.put("deep")
    other.put("near")
    assert outer.get_event() == Event(latch, "deep")
    assert outer.get_event() == Event(other, "near")
    assert list(Event._fields) == ["source", "data"]


def test_nested_oneshot_selects_end() -> None:
    """An inner select is done when its sources are."""
    latches = [Latch(), Latch(), Latch()]
    outer = Select([Select(latches[:2]), latches[2]])
    for number, latch in enumerate(latches):
        latch.put(number)
    assert sorted(outer.iter_data()) == [0, 1, 2]


def test_a_wait_ends_when_something_arrives() -> None:
    """From another thread."""
    latch = Latch()
    select = Select([latch])
    thread = threading.Thread(target=latch.put, args=("late",))
    thread.start()
    assert select.get(20) == "late"
    thread.join()


def test_nothing_arrives() -> None:
    """TimeoutError, at once without `block`."""
    select = Select([Latch()])
    with pytest.raises(mitogen.core.TimeoutError):
        select.get(block=False)
    with pytest.raises(mitogen.core.TimeoutError):
        select.get(0.001)


def test_what_somebody_else_took_is_no_event() -> None:
    """The count of what arrived is a hint."""
    latch, other = Latch(), Latch()
    select = Select([latch, other], oneshot=False)
    latch.put("taken")
    assert latch.get() == "taken"
    other.put("here")
    assert select.get(20) == "here"


def test_misuse() -> None:
    """A source belongs to one select; none waits for itself, or for nothing."""
    latch = Latch()
    inner = Select([latch])
    outer = Select([inner])
    with pytest.raises(mitogen.select.Error, match="belongs to a select"):
        Select([latch])
    with pytest.raises(mitogen.select.Error, match="for itself"):
        inner.add(outer)
    with pytest.raises(mitogen.select.Error, match="for itself"):
        inner.add(inner)
    with pytest.raises(mitogen.select.Error, match="does not belong"):
        outer.remove(latch)
    with pytest.raises(mitogen.select.Error, match="nothing to wait for"):
        Select().get()
    assert issubclass(mitogen.select.Error, mitogen.core.Error)


def test_remove_and_close_release_sources() -> None:
    """They can be used elsewhere, and keep what arrived."""
    latch, other = Latch(), Latch()
    with Select([latch, other], oneshot=False) as select:
        latch.put("kept")
        select.remove(latch)
        Select([latch]).close()
    assert latch.get() == "kept"
    other.put("not lost")
    assert Select([other]).get() == "not lost"
    with pytest.raises(mitogen.core.Error):
        select.get()


def test_close_wakes_a_waiter() -> None:
    """With LatchError."""
    select = Select([Latch()])
    raised: list[type] = []

    def wait() -> None:
        try:
            select.get()
        except mitogen.core.Error as exc:
            raised.append(type(exc))

    thread = threading.Thread(target=wait)
    thread.start()
    select.close()
    thread.join()
    # The thread may come so late that there is nothing to wait for any more.
    assert raised[0] in (mitogen.core.LatchError, mitogen.select.Error)


class _Router:
    """Just enough for receivers."""

    def __init__(self) -> None:
        self.handlers: list[Any] = []

    def add_handler(self, fn: Any, *_args: Any) -> int:
        self.handlers.append(fn)
        return 999 + len(self.handlers)

    def del_handler(self, _handle: int) -> None:
        """Nothing to forget."""


def test_receivers() -> None:
    """Messages come as they are; a dead one raises, and its receiver has had its turn."""
    router = _Router()
    receivers = [mitogen.core.Receiver(router) for _ in range(2)]
    select = Select(receivers)
    router.handlers[1](Message.dead("it is gone"))
    router.handlers[0](Message.pickled("hello"))
    with pytest.raises(mitogen.core.ChannelError, match="it is gone"):
        select.get()
    event = select.get_event()
    assert event.source is receivers[0]
    assert event.data.unpickle() == "hello"
    assert not select


def test_all() -> None:
    """One datum of each, then the sources are free again."""
    latches = [Latch(), Latch()]
    for number, latch in enumerate(latches):
        latch.put(number)
    assert list(Select.all(latches)) == [0, 1]
    assert latches[0].notify is None
