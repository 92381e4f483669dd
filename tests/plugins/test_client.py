"""The worker's client, against a scripted broker at the other end of a real socket."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading

import pytest

from ansible_mitogen import protocol
from ansible_mitogen.client import BrokerLostError, Client, FailedError


class ScriptedBroker:
    """Answers each request with what the script says for its kind; keeps what it got."""

    def __init__(self, connection, script):
        self.got = []
        self.is_closed_by_client = threading.Event()
        self._connection = connection
        self._script = script
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        decoder = protocol.Decoder()
        with self._connection:
            while data := self._connection.recv(65536):
                for record in decoder.feed(data):
                    self.got.append(record)
                    for answer in self._script(record):
                        if answer is None:
                            return
                        self._connection.sendall(protocol.encode(answer))
        self.is_closed_by_client.set()


@contextlib.contextmanager
def scripted(script):
    """A client and its broker; both have ended afterwards."""
    near, far = socket.socketpair(socket.AF_UNIX)
    broker = ScriptedBroker(far, script)
    client = Client(near)
    try:
        yield client, broker
    finally:
        client.close()
        broker.thread.join(10)


def test_open():
    """Opening a stack gives the key and the interpreter."""

    def script(record):
        yield protocol.Opened(record.request, "k", "/usr/bin/python3", [3, 11, 2], 1, 1)

    with scripted(script) as (client, broker):
        opened = client.open([["local", {}]], {"A": "b"}, 10)
        assert (opened.key, opened.executable) == ("k", "/usr/bin/python3")
        assert broker.got == [protocol.Open(1, [["local", {}]], {"A": "b"}, True)]


def test_failure_is_raised_and_the_client_lives():
    """A failure is the answer: the next request goes over the same socket."""

    def script(record):
        yield protocol.Failed(
            record.request, protocol.FailureKind.CONNECT, "ssh", "no route", False
        )

    with scripted(script) as (client, _broker):
        for _ in range(2):
            with pytest.raises(FailedError, match="no route") as caught:
                client.open([], {}, 10)
            assert caught.value.failure is protocol.FailureKind.CONNECT
        assert client.is_open


def test_files_are_supplied_when_asked_for():
    """A job's files travel only when the broker has not seen them."""

    def script(record):
        if isinstance(record, protocol.Run):
            yield protocol.NeedFiles(record.request, ["d1", "d2"])
        else:
            yield protocol.Finished(record.request, {"rc": 0}, 1, 1)

    asked = []

    def contents(digests):
        asked.append(digests)
        return dict.fromkeys(digests, b"x")

    with scripted(script) as (client, broker):
        finished = client.run("k", {"job_id": "1"}, contents)
        assert finished.result == {"rc": 0}
        assert asked == [["d1", "d2"]]
        assert broker.got[1] == protocol.Files(1, {"d1": b"x", "d2": b"x"})


def test_calls_run_ahead_of_their_answers():
    """A window of calls is under way at once, and the values come in order."""
    waiting = []

    def script(record):
        waiting.append(record)
        # Nothing is answered before the window is full, so a client without one would hang.
        if len(waiting) >= 3 or record.arguments[0] == 9:
            while waiting:
                call = waiting.pop(0)
                yield protocol.Returned(call.request, call.arguments[0])

    with scripted(script) as (client, _broker):
        calls = (["f", number] for number in range(10))
        assert list(client.call_many("k", calls, window=3)) == list(range(10))


def test_answers_in_any_order():
    """An answer that overtook another is kept for the request that it is for."""
    waiting = []

    def script(record):
        waiting.append(record)
        if len(waiting) == 2:
            for call in reversed(waiting):
                yield protocol.Returned(call.request, call.arguments[0])

    with scripted(script) as (client, _broker):
        assert list(client.call_many("k", [["f", 1], ["f", 2]], window=2)) == [1, 2]


def test_end_of_the_broker_is_noticed():
    """A broker that dies while a job runs ends the wait."""
    with scripted(lambda _record: [None]) as (client, _broker):
        with pytest.raises(BrokerLostError, match="has ended"):
            client.run("k", {})
        assert not client.is_open


def test_silence_has_a_deadline():
    """An answer that is overdue ends the wait, and the connection: a late answer is never taken
    for that to a later request.
    """
    with scripted(lambda _record: []) as (client, _broker):
        with pytest.raises(BrokerLostError, match="does not answer"):
            client.open([], {}, 0.01)
        assert not client.is_open


class TaskTimeout(BaseException):
    """Like Ansible's: raised by SIGALRM's handler, no Exception."""


def test_interruption_cancels():
    """What interrupts a wait closes the socket, which is how the broker learns of it."""
    has_started = threading.Event()

    def script(_record):
        has_started.set()
        signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
        return []

    def raise_timeout(*_args):
        raise TaskTimeout

    previous = signal.signal(signal.SIGALRM, raise_timeout)
    try:
        with scripted(script) as (client, broker):
            with pytest.raises(TaskTimeout):
                client.run("k", {})
            assert has_started.is_set()
            assert not client.is_open
            assert broker.is_closed_by_client.wait(10)
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_wrong_kind_of_answer():
    """A broker that breaks the protocol is not believed."""
    with scripted(lambda record: [protocol.Returned(record.request, 1)]) as (client, _broker):
        with pytest.raises(BrokerLostError, match="answered with Returned"):
            client.open([], {}, 10)
