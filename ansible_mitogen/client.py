"""A worker's side of the broker protocol: one socket, blocking calls, no thread.

Everything has an end: a deadline where an answer is due, and the broker's life otherwise (a job
may take hours; when the broker dies, the socket says so). A request that is interrupted, by
Ansible's ``timeout:`` or Ctrl-C, closes the socket, which cancels what was under way.
"""

from __future__ import annotations

import collections
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ansible_mitogen import protocol
from mitogen.errors import DecodeError

RecordT = TypeVar("RecordT", bound=protocol.Record)

#: Seconds after which an answer that takes no work is overdue.
ANSWER_SECONDS = 60.0

_RECEIVE = 256 * 1024


class BrokerLostError(Exception):
    """The broker process ended, or does not answer."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the Mitogen broker process {why}. Run again with MITOGEN_LOG_LEVEL=debug in the "
            "environment to see what it says."
        )


class FailedError(Exception):
    """The broker's answer to a request: it failed."""

    def __init__(self, failed: protocol.Failed) -> None:
        super().__init__(failed.message)
        self.failure = failed.failure
        self.hop = failed.hop
        self.message = failed.message
        self.is_known = failed.is_known


class Client:
    """One connection to the broker. One thread, and the process that made it.

    :param connection: a connected UNIX socket; owned by the client from now on.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._decoder = protocol.Decoder()
        self._arrived: collections.deque[protocol.Record] = collections.deque()
        self._last_request = 0
        self.pid = os.getpid()
        self.is_open = True
        _check_peer(connection)

    def close(self) -> None:
        """Close the socket; the broker cancels what is under way."""
        self.is_open = False
        self._socket.close()

    def open(
        self,
        stack: list[Any],
        environment: dict[str, str],
        seconds: float,
        *,
        needs_python: bool = True,
    ) -> protocol.Opened:
        """The context at the end of *stack*.

        :param needs_python: False for a task that runs without, and may bring one about.
        :raises FailedError: it did not come up.
        :raises BrokerLostError: the broker is gone, or silent for *seconds*.
        """
        request = protocol.Open(self._next(), stack, environment, needs_python)
        return self._ask(request, protocol.Opened, seconds)

    def run(
        self,
        key: str,
        job: dict[str, Any],
        contents: Callable[[list[str]], dict[str, bytes]] | None = None,
    ) -> protocol.Finished:
        """Run a job to its end, however long that takes.

        :param contents: ``contents(digests)`` returns the compressed files of these digests.
        :raises FailedError: it could not run, or its context was lost.
        """
        request = protocol.Run(self._next(), key, job)
        with _Undivided(self):
            self._send(request)
            answer = self._receive(request, None)
            while isinstance(answer, protocol.NeedFiles) and contents is not None:
                self._send(protocol.Files(request.request, contents(answer.digests)))
                answer = self._receive(request, None)
            return _final(answer, protocol.Finished)

    def call(self, key: str, operation: str, *arguments: Any) -> Any:
        """Run one operation; its return value.

        :raises FailedError: it raised, or its context was lost.
        """
        request = protocol.Call(self._next(), key, operation, list(arguments))
        return self._ask(request, protocol.Returned, None).value

    def call_many(self, key: str, calls: Iterable[list[Any]], window: int) -> Iterator[Any]:
        """Run operations in order, up to *window* of them ahead of the answers.

        *calls* yields ``[operation, argument, ...]`` and is advanced only when there is room.

        :raises FailedError: one failed; later ones may have run.
        """
        waiting: collections.deque[protocol.Call] = collections.deque()
        with _Undivided(self):
            for operation, *arguments in calls:
                request = protocol.Call(self._next(), key, operation, arguments)
                self._send(request)
                waiting.append(request)
                if len(waiting) >= window:
                    yield _final(self._receive(waiting.popleft(), None), protocol.Returned).value
            while waiting:
                yield _final(self._receive(waiting.popleft(), None), protocol.Returned).value

    def reset(self, stack: list[Any]) -> None:
        """End every context that lives on the last login of *stack*."""
        self._ask(protocol.Reset(self._next(), stack), protocol.Returned, ANSWER_SECONDS)

    def end_batch(self) -> None:
        """A batch of hosts is done: end what nobody has used since the one before it."""
        self._ask(protocol.EndBatch(self._next()), protocol.Returned, ANSWER_SECONDS)

    def _next(self) -> int:
        self._last_request += 1
        return self._last_request

    def _ask(
        self, request: protocol.Record, expected: type[RecordT], seconds: float | None
    ) -> RecordT:
        with _Undivided(self):
            self._send(request)
            return _final(self._receive(request, seconds), expected)

    def _send(self, record: protocol.Record) -> None:
        # Our own time-out: Ansible's sockets have none by default, and need none.
        self._socket.settimeout(None)
        try:
            self._socket.sendall(protocol.encode(record))
        except OSError as exc:
            raise BrokerLostError(f"has ended ({exc.strerror})") from exc

    def _receive(self, request: protocol.Record, seconds: float | None) -> protocol.Record:
        """The next answer to *request*; answers come in any order."""
        deadline = None if seconds is None else time.monotonic() + seconds
        number = request.request
        while True:
            for answer in self._arrived:
                if answer.request == number:
                    self._arrived.remove(answer)
                    return answer
            # Requests are waited for in their order: answers to earlier ones were given up.
            self._arrived.extend(a for a in self._read(deadline) if a.request >= number)

    def _read(self, deadline: float | None) -> list[protocol.Record]:
        left = None if deadline is None else max(0.001, deadline - time.monotonic())
        self._socket.settimeout(left)
        try:
            data = self._socket.recv(_RECEIVE)
        except TimeoutError as exc:
            raise BrokerLostError("does not answer") from exc
        except OSError as exc:
            raise BrokerLostError(f"has ended ({exc.strerror})") from exc
        if not data:
            raise BrokerLostError("has ended")
        try:
            return self._decoder.feed(data)
        except DecodeError as exc:
            raise BrokerLostError(f"sent rubbish: {exc}") from exc


class _Undivided:
    """A request and its answer.

    Whatever interrupts them ends the connection, for what is left of an exchange would be taken
    for the answer to the next. Failures that *are* the answer do not.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is not None and not issubclass(kind, FailedError):
            self._client.close()


def _final(answer: protocol.Record, expected: type[RecordT]) -> RecordT:
    if isinstance(answer, expected):
        return answer
    if isinstance(answer, protocol.Failed):
        raise FailedError(answer)
    raise BrokerLostError(f"answered with {type(answer).__name__}")


def _check_peer(connection: socket.socket) -> None:
    """Refuse a broker of another user."""
    uid = peer_uid(connection)
    if uid is not None and uid != os.geteuid():
        connection.close()
        raise BrokerLostError(f"belongs to user id {uid}")


def peer_uid(connection: socket.socket) -> int | None:
    """The user id at the other end of a UNIX socket; None where the system does not tell.

    The directory's mode keeps others out there.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    size = struct.calcsize("3i")
    _pid, uid, _gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, option, size))
    return int(uid)
