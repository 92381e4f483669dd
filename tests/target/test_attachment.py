"""The context's half without a context: what it sends to a zygote and to runners, and when."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_mitogen.target import attachment as attachments
from ansible_mitogen.target import pool as pools
from ansible_mitogen.target.attachment import Attachment
from ansible_mitogen.target.channel import (
    Began,
    Cancel,
    Clear,
    Decoder,
    Ended,
    Message,
    Missing,
    Refused,
    Spawn,
    Start,
    encode,
)
from ansible_mitogen.target.folder import StartFolder
from ansible_mitogen.target.records import CANCEL_HANDLE, JOB_HANDLE


class Timer:
    """A timer that the test lets run out."""

    def __init__(self, seconds: float, expire: Callable[[], None]) -> None:
        self.seconds = seconds
        self.expire = expire
        self.is_cancelled = False

    def cancel(self) -> None:
        """It is not wanted any more."""
        self.is_cancelled = True


class FakeBroker:
    """Calls back when the test says so."""

    def __init__(self) -> None:
        self.readers: dict[int, Callable[[], None]] = {}
        self.timers = self
        self.running: list[Timer] = []
        self.is_shut_down = False

    def add_reader(self, fd: int, fn: Callable[[], None]) -> None:
        """See Broker."""
        self.readers[fd] = fn

    def remove_reader(self, fd: int) -> None:
        """See Broker."""
        self.readers.pop(fd, None)

    def add_writer(self, fd: int, fn: Callable[[], None]) -> None:
        """See Broker."""

    def remove_writer(self, fd: int) -> None:
        """See Broker."""

    def listen(self, signal: str, fn: Callable[[], None]) -> None:
        """See Broker."""

    def after(self, seconds: float, fn: Callable[[], None]) -> Timer:
        """See Timers."""
        self.running.append(Timer(seconds, fn))
        return self.running[-1]

    def hold(self, holder: object) -> None:
        """See Broker."""

    def release(self, holder: object) -> None:
        """See Broker."""

    def shutdown(self) -> None:
        """See Broker."""
        self.is_shut_down = True

    def read(self) -> None:
        """Call every reader once."""
        for fd, reader in list(self.readers.items()):
            if self.readers.get(fd) is reader:
                reader()


class Answer:
    """A message with a job, and what it was answered."""

    def __init__(self, value: Any) -> None:
        self.is_dead = False
        self._value = value
        self.result: dict[str, Any] | None = None

    def unpickle(self) -> Any:
        """See Message."""
        return self._value

    def reply(self, result: dict[str, Any]) -> None:
        """See Message."""
        assert self.result is None
        self.result = result


class FarEnd:
    """The other end of a link: the zygote, or a runner."""

    def __init__(self, sock: socket.socket, number: int = 0) -> None:
        self.sock = sock
        #: What the zygote knows a runner by.
        self.number = number
        self._decoder = Decoder()
        self.descriptors: list[int] = []

    def take(self) -> list[Message]:
        """The messages that came, in their order."""
        messages: list[Message] = []
        self.sock.setblocking(False)
        while True:
            try:
                data, descriptors, _flags, _address = socket.recv_fds(self.sock, 1 << 18, 64)
            except BlockingIOError:
                return messages
            self.descriptors += descriptors
            if not data:
                return [*messages, Message()]
            messages += self._decoder.feed(data)

    def tell(self, *messages: Message) -> None:
        """Send messages."""
        self.sock.sendall(b"".join(map(encode, messages)))

    def drop_descriptors(self) -> None:
        """Close what came along."""
        for fd in self.descriptors:
            os.close(fd)
        self.descriptors.clear()

    def close(self) -> None:
        """Be gone."""
        self.sock.close()
        self.drop_descriptors()


class Bench:
    """An attachment whose zygote and runners are the test."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.zygote = FarEnd(theirs)
        self.broker = FakeBroker()
        self.handlers: dict[int, Callable[[Any], None]] = {}
        router = SimpleNamespace(
            add_handler=lambda fn, handle, **_policy: self.handlers.update({handle: fn}),
            max_message_size=1 << 20,
        )
        self.attachment = Attachment(ours, 0, StartFolder())
        self.attachment.attach(SimpleNamespace(broker=self.broker, router=router))
        self.runners: list[FarEnd] = []

    def job(self, **fields: Any) -> Answer:
        """Have a job come in."""
        answer = Answer(fields)
        self.handlers[JOB_HANDLE](answer)
        return answer

    def module(self, name: str = "a", **fields: Any) -> Answer:
        """Have the job of a module come in that may share a process."""
        given = {
            "job_id": name, "name": name, "module_fqn": name, "files": {"x": name}, "entry": "x",
            "arguments": b"", "may_reuse": True, **fields,
        }  # fmt: skip
        return self.job(**given)

    def prime(self, name: str = "a") -> None:
        """Have the zygote know a module: the first run is its own."""
        answer = self.module(name)
        (start,) = self.zygote.take()
        assert isinstance(start, Start)
        self.zygote.drop_descriptors()
        self.say(Ended(start.number, 0))
        assert answer.result is not None

    def runner(self) -> FarEnd:
        """The runner that the zygote is asked for."""
        (spawn,) = self.zygote.take()
        assert isinstance(spawn, Spawn)
        sock = socket.socket(fileno=self.zygote.descriptors.pop())
        runner = FarEnd(sock, spawn.number)  # type: ignore[attr-defined]
        self.runners.append(runner)
        return runner

    def say(self, *messages: Message) -> None:
        """Let the zygote say something."""
        self.zygote.tell(*messages)
        self.broker.read()

    def close(self) -> None:
        """End all of it."""
        self.attachment._pid = -2  # nobody's: there is nothing to collect
        self.attachment.detach()
        for far_end in (self.zygote, *self.runners):
            far_end.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    """See there."""
    bench = Bench()
    yield bench
    bench.close()


def _number(messages: list[Message]) -> int:
    (start,) = messages
    assert isinstance(start, Start)
    return int(start.number)  # type: ignore[attr-defined]


def test_a_second_run_is_a_runners(bench: Bench) -> None:
    """The first makes the module known; the next ones go to the same runner, one at a time."""
    bench.prime()
    answer = bench.module()
    runner = bench.runner()
    number = _number(runner.take())
    runner.tell(Began(number), Ended(number, 3 << 8))
    bench.broker.read()
    assert answer.result is not None
    assert answer.result["rc"] == 3
    other = bench.module()
    busy = _number(runner.take())
    assert not bench.zygote.take()
    bench.module()
    assert bench.runner() is not runner
    runner.tell(Began(busy), Ended(busy, 0))
    bench.broker.read()
    assert other.result is not None


def test_what_a_runner_does_not_know(bench: Bench) -> None:
    """A module that came later has a new runner; the old one is let go."""
    bench.prime("a")
    bench.module("a")
    old = bench.runner()
    number = _number(old.take())
    old.tell(Began(number), Ended(number, 0))
    bench.broker.read()
    bench.prime("b")
    bench.module("b")
    assert type(old.take()[-1]) is Message  # the end
    assert _number(bench.runner().take())


def test_a_runner_that_declines(bench: Bench) -> None:
    """The job runs in a process of its own."""
    bench.prime()
    answer = bench.module()
    runner = bench.runner()
    runner.tell(Missing(_number(runner.take()), []))
    bench.broker.read()
    number = _number(bench.zygote.take())
    bench.say(Ended(number, 0))
    assert answer.result is not None
    assert answer.result["ended"] == "exit"


def test_a_runner_that_refuses(bench: Bench) -> None:
    """It is kept for others; jobs with these variables do not come to it any more."""
    bench.prime()
    variables = {"PYTHONPATH": "/x"}
    bench.module(environment=variables)
    runner = bench.runner()
    runner.tell(Refused(_number(runner.take()), "its environment"))
    bench.broker.read()
    assert _number(bench.zygote.take())
    bench.module(environment=variables)
    assert _number(bench.zygote.take())
    bench.module(environment={"X": "1"})
    assert _number(runner.take())


@pytest.mark.parametrize("word", [Ended, Refused])
def test_a_runner_that_ends_before_it_begins(word: Any, bench: Bench) -> None:
    """The job was not touched: it runs elsewhere."""
    bench.prime()
    answer = bench.module()
    runner = bench.runner()
    number = _number(runner.take())
    bench.say(word(runner.number, 9 if word is Ended else "no memory"))
    assert answer.result is None
    assert _number(bench.zygote.take()) == number


def test_a_runner_that_ends_with_its_job(bench: Bench) -> None:
    """What the zygote says of its end is the job's; what it said itself comes first."""
    bench.prime()
    answer = bench.module()
    runner = bench.runner()
    number = _number(runner.take())
    runner.tell(Began(number))
    bench.say(Ended(runner.number, 9))
    assert answer.result is None
    (clear,) = bench.zygote.take()
    assert isinstance(clear, Clear)
    bench.say(Ended(number, clear.status))  # type: ignore[attr-defined]
    assert answer.result is not None
    assert (answer.result["rc"], answer.result["ended"]) == (137, "signal")
    answer = bench.module()
    runner = bench.runner()
    number = _number(runner.take())
    runner.tell(Began(number), Ended(number, 5 << 8))
    bench.zygote.tell(Ended(runner.number, 9))
    bench.attachment._link._on_readable()
    assert answer.result is not None
    assert answer.result["rc"] == 5


def test_an_unwanted_job_of_a_runner(bench: Bench) -> None:
    """The runner is ended, whatever it says meanwhile, and gets no other job."""
    bench.prime()
    answer = bench.module()
    runner = bench.runner()
    number = _number(runner.take())
    bench.handlers[CANCEL_HANDLE](Answer("a"))
    assert bench.zygote.take() == [Cancel(runner.number)]
    runner.tell(Began(number), Ended(number, 0))
    bench.broker.read()
    assert answer.result is not None
    assert answer.result["ended"] == "killed"
    bench.module()
    assert bench.runner() is not runner


def test_no_descriptor_for_a_runner(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is answered, and nothing of it is left."""
    bench.prime()

    def fail() -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(pools.socket, "socketpair", fail)
        answer = bench.module()
    assert answer.result is not None
    assert answer.result["ended"] == "lost"
    assert not bench.attachment._jobs


def test_idle_runners_end(bench: Bench) -> None:
    """After a while, and at once where there are many."""
    bench.prime()
    answers = [bench.module() for _ in range(pools.MAX_IDLE + 1)]
    spawns = bench.zygote.take()
    assert [type(spawn) for spawn in spawns] == [Spawn] * len(answers)
    runners = [FarEnd(socket.socket(fileno=fd)) for fd in bench.zygote.descriptors]
    bench.zygote.descriptors.clear()
    bench.runners += runners
    for runner in runners:
        number = _number(runner.take())
        runner.tell(Began(number), Ended(number, 0))
        bench.broker.read()
    assert all(answer.result for answer in answers)
    assert [type(message) for message in runners[-1].take()] == [Message]
    assert not runners[0].take()
    (timer, *_others) = [one for one in bench.broker.running if not one.is_cancelled]
    assert timer.seconds == pools.IDLE_SECONDS
    timer.expire()
    assert [type(message) for message in runners[0].take()] == [Message]


def test_more_jobs_than_may_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for their turn, and can be given up or be overdue meanwhile."""
    monkeypatch.setattr(attachments, "MAX_JOBS", 2)
    answers = [
        bench.job(job_id=str(number), argv=["x"], timeout=number or None) for number in range(5)
    ]
    started = [start.number for start in bench.zygote.take()]  # type: ignore[attr-defined]
    assert len(started) == 2
    bench.handlers[CANCEL_HANDLE](Answer("2"))
    assert answers[2].result is not None
    assert answers[2].result["detail"] == "cancelled"
    next(timer for timer in bench.broker.running if timer.seconds == 3).expire()
    assert answers[3].result is not None
    assert "more than 3 seconds" in answers[3].result["detail"]
    assert not bench.zygote.take()
    bench.say(Ended(started[0], 0))
    assert answers[0].result is not None
    assert _number(bench.zygote.take()) == 5


def test_the_end_of_a_context(bench: Bench) -> None:
    """Every job is answered, whether it runs, waits or is a runner's."""
    bench.prime()
    answers = [bench.module(), bench.job(job_id="1", argv=["x"])]
    bench.zygote.take()
    bench.close()
    assert [answer.result["ended"] for answer in answers if answer.result] == ["lost", "lost"]


def test_a_lost_zygote(bench: Bench) -> None:
    """Ends the context."""
    answer = bench.job(job_id="1", argv=["x"])
    bench.zygote.take()
    bench.zygote.sock.close()
    bench.attachment._pid = -2
    bench.broker.read()
    assert answer.result is not None
    assert bench.broker.is_shut_down
