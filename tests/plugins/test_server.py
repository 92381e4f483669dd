"""The broker's socket when this process has no descriptor left."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from ansible_mitogen.broker.server import Server


class FullListener:
    """Has clients waiting; accepting one takes a descriptor, of which there is none at first."""

    def __init__(self, clients: list[socket.socket]) -> None:
        self._clients = clients
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._is_full = True

    def setblocking(self, _flag: bool) -> None:
        """As a socket."""

    def fileno(self) -> int:
        """As a socket."""
        return self._spare

    def close(self) -> None:
        """As a socket."""
        os.close(self._spare)

    def accept(self) -> tuple[socket.socket, str]:
        """As a socket; every other time there is no descriptor."""
        if not self._clients:
            raise BlockingIOError
        self._is_full = not self._is_full
        if not self._is_full:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return self._clients.pop(0), ""


class Broker:
    """Calls back when told."""

    def __init__(self) -> None:
        self.on_readable: Callable[[], None] = lambda: None

    def add_reader(self, _fd: int, callback: Callable[[], None]) -> None:
        """As the broker."""
        self.on_readable = callback

    def remove_reader(self, _fd: int) -> None:
        """As the broker."""


def test_somebody_is_turned_away() -> None:
    """One client less waits each time, so that it is not reported for ever; it sees the end."""
    pairs = [socket.socketpair() for _ in range(2)]
    broker = Broker()
    listener = FullListener([theirs for _ours, theirs in pairs])
    server = Server(broker, listener, None)  # type: ignore[arg-type]
    server.start()
    for ours, _theirs in pairs:
        broker.on_readable()
        ours.settimeout(20)
        assert ours.recv(1) == b""
        ours.close()
    server.close()
