"""The context's end of a socket pair to its zygote or to a runner. Broker thread; never waits."""

import _socket as socket
import struct
from _collections import deque  # collections', without its import

from ansible_mitogen.target import channel

_READ_SIZE = 1 << 18


class _Outgoing:
    """Bytes to be sent, and the descriptors that go with the first of them."""

    def __init__(self, data: "bytes", descriptors: "tuple") -> "None":
        self.data = memoryview(data)
        self.descriptors = descriptors


class Link:
    """Sends and receives the messages of `channel`.

    :param on_message: is called with each message.
    :param on_lost: is called once, with the reason, when the other end is gone; not after `close`.
    """

    def __init__(
        self, broker: "object", sock: "socket.socket", on_message: "object", on_lost: "object"
    ) -> "None":
        self._broker = broker
        self._sock = sock
        self._on_message = on_message
        self._on_lost = on_lost
        self._decoder = channel.Decoder()
        self._outgoing = deque()
        self.is_closed = False
        sock.setblocking(False)
        broker.add_reader(sock.fileno(), self._on_readable)

    def send(self, message: "channel.Message", descriptors: "tuple" = ()) -> "None":
        """Send *message*, and *descriptors* with it, which are closed here once they are sent."""
        if self.is_closed:
            channel.close_all(descriptors)
            return
        self._outgoing.append(_Outgoing(channel.encode(message), descriptors))
        if len(self._outgoing) == 1:
            self._flush()

    def close(self) -> "None":
        """Close it; the other end sees that. Harmless when closed already."""
        if self.is_closed:
            return
        self.is_closed = True
        self._broker.remove_reader(self._sock.fileno())
        self._broker.remove_writer(self._sock.fileno())
        self._sock.close()
        for outgoing in self._outgoing:
            channel.close_all(outgoing.descriptors)
        self._outgoing.clear()

    def drain(self) -> "None":
        """Take what was sent before the other end was lost."""
        while not self.is_closed and self._on_readable():
            pass

    def close_in_fork(self) -> "None":
        """Close the socket of a forked process, which is not to keep the other end alive."""
        self._sock.close()

    def _flush(self) -> "None":
        while self._outgoing:
            outgoing = self._outgoing[0]
            try:
                self._send_some(outgoing)
            except BlockingIOError:
                self._broker.add_writer(self._sock.fileno(), self._flush)
                return
            except OSError as exc:
                self._lose(str(exc))
                return
            if not outgoing.data:
                self._outgoing.popleft()
        self._broker.remove_writer(self._sock.fileno())

    def _send_some(self, outgoing: "_Outgoing") -> "None":
        ancillary = []
        if outgoing.descriptors:
            numbers = struct.pack("%di" % len(outgoing.descriptors), *outgoing.descriptors)
            ancillary.append((socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers))
        sent = self._sock.sendmsg([outgoing.data[:_READ_SIZE]], ancillary)
        outgoing.data = outgoing.data[sent:]
        channel.close_all(outgoing.descriptors)
        outgoing.descriptors = ()

    def _on_readable(self) -> "bool":
        """Read once; True when there may be more."""
        try:
            data = self._sock.recv(_READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self._lose("its link is closed")
            return False
        for message in self._decoder.feed(data):
            self._on_message(message)
        return True

    def _lose(self, reason: "str") -> "None":
        if not self.is_closed:
            self.close()
            self._on_lost(reason)
