"""The broker's UNIX socket: clients of our own user, each with its requests. Broker thread only."""

from __future__ import annotations

import errno
import logging
import os
import socket
from typing import Any

from ansible_mitogen import protocol
from ansible_mitogen.broker.request import Environment, Request
from ansible_mitogen.broker.requests import REQUESTS
from ansible_mitogen.broker.run_request import RunRequest
from ansible_mitogen.client import peer_uid
from mitogen.errors import DecodeError

LOG = logging.getLogger("ansible_mitogen.broker")

_RECEIVE = 256 * 1024

#: Requests of one client under way at once; more are left in its socket.
MAX_UNDER_WAY = 256


class Server:
    """Accepts clients.

    :param broker: `mitogen.master.Broker`.
    :param listener: a listening UNIX socket; owned by the server from now on.
    """

    def __init__(self, broker: Any, listener: socket.socket, environment: Environment) -> None:
        self._broker = broker
        self._listener = listener
        self._environment = environment
        self._links: set[ClientLink] = set()
        #: Given up for a moment to turn somebody away when there is no other descriptor.
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def start(self) -> None:
        """Begin to accept."""
        self._listener.setblocking(False)
        self._broker.add_reader(self._listener.fileno(), self._on_acceptable)

    def close(self) -> None:
        """Stop accepting and drop all clients, cancelling what they had under way."""
        if self._listener.fileno() >= 0:
            self._broker.remove_reader(self._listener.fileno())
            self._listener.close()
            os.close(self._spare)
        for link in list(self._links):
            link.close()

    def _turn_away(self) -> None:
        """Close one connection that waits, for else it would be reported for ever.

        Its worker leaves its task to the stock plugin.
        """
        LOG.error("no descriptor is left for another task; see ulimit -n")
        os.close(self._spare)
        try:
            self._listener.accept()[0].close()
        except OSError:
            pass
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def forget(self, link: ClientLink) -> None:
        """*link* has closed."""
        self._links.discard(link)

    def _on_acceptable(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError as exc:
                if exc.errno in {errno.EMFILE, errno.ENFILE}:
                    self._turn_away()
                return
            uid = peer_uid(connection)
            if uid is not None and uid != os.geteuid():
                LOG.warning("refused a client of user id %d", uid)
                connection.close()
                continue
            link = ClientLink(self._broker, connection, self._environment, self)
            self._links.add(link)
            link.start()


class ClientLink:
    """One client: decodes its requests, keeps those under way, writes answers in order."""

    def __init__(
        self, broker: Any, connection: socket.socket, environment: Environment, server: Server
    ) -> None:
        self._broker = broker
        self._socket = connection
        self._environment = environment
        self._server = server
        self._decoder = protocol.Decoder()
        self._requests: dict[int, Request] = {}
        self._unsent = bytearray()
        self._is_paused = False

    def start(self) -> None:
        """Begin to read."""
        self._socket.setblocking(False)
        self._broker.add_reader(self._socket.fileno(), self._on_readable)

    def close(self) -> None:
        """Drop the client; what it had under way is cancelled."""
        fd = self._socket.fileno()
        if fd < 0:
            return
        self._broker.remove_reader(fd)
        self._broker.remove_writer(fd)
        self._socket.close()
        self._server.forget(self)
        requests, self._requests = self._requests, {}
        for request in requests.values():
            request.cancel()

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(_RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            records = self._decoder.feed(data)
        except DecodeError as exc:
            LOG.warning("dropped a client that sent rubbish: %s", exc)
            self.close()
            return
        for record in records:
            self._on_record(record)
        self._pause_or_resume()

    def _on_record(self, record: protocol.Record) -> None:
        if isinstance(record, protocol.Files):
            request = self._requests.get(record.request)
            if isinstance(request, RunRequest):
                request.on_files(record)
            return
        served_by = REQUESTS.get(type(record))
        if served_by is None or record.request in self._requests:
            LOG.warning("dropped a client: unexpected %s", type(record).__name__)
            self.close()
            return
        request = served_by(record, self._environment, self._answer)
        self._requests[record.request] = request
        try:
            request.start()
        except Exception as exc:
            LOG.exception("a request failed")
            request.fail(protocol.FailureKind.INTERNAL, f"{type(exc).__name__}: {exc}")

    def _answer(self, answer: protocol.Record) -> None:
        request = self._requests.get(answer.request)
        if request is not None and request.is_over:
            del self._requests[answer.request]
        if self._socket.fileno() < 0:
            return
        self._unsent += protocol.encode(answer)
        self._write()
        self._pause_or_resume()

    def _write(self) -> None:
        fd = self._socket.fileno()
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return
        del self._unsent[:sent]
        if self._unsent:
            self._broker.add_writer(fd, self._write)
        else:
            self._broker.remove_writer(fd)

    def _pause_or_resume(self) -> None:
        fd = self._socket.fileno()
        is_full = len(self._requests) >= MAX_UNDER_WAY
        if fd < 0 or is_full == self._is_paused:
            return
        self._is_paused = is_full
        if is_full:
            self._broker.remove_reader(fd)
        else:
            self._broker.add_reader(fd, self._on_readable)
