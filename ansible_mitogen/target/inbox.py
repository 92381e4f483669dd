"""The receiving end of a socket pair in a zygote or a runner: messages, and what came with them."""

import _socket as socket
import os
import struct
from _collections import deque

from ansible_mitogen.target import channel

_READ_SIZE = 1 << 18
_MAX_DESCRIPTORS = 64
_INT = struct.calcsize("i")


class Inbox:
    """Takes messages from *sock*, and descriptors, which are to be taken in their order."""

    def __init__(self, sock: "socket.socket") -> "None":
        self._sock = sock
        self._decoder = channel.Decoder()
        self._descriptors = deque()

    def receive(self) -> "list | None":
        """Wait for bytes; the messages that they complete, None at the end."""
        space = socket.CMSG_SPACE(_MAX_DESCRIPTORS * _INT)
        try:
            data, ancillary, _flags, _address = self._sock.recvmsg(
                _READ_SIZE, space, getattr(socket, "MSG_CMSG_CLOEXEC", 0)
            )
        except OSError:
            return None
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                for fd in struct.unpack_from("%di" % (len(content) // _INT), content):
                    os.set_inheritable(fd, False)
                    self._descriptors.append(fd)
        return self._decoder.feed(data) if data else None

    def take(self, count: "int") -> "list":
        """The next *count* descriptors; they are the caller's to close."""
        return [self._descriptors.popleft() for _ in range(count)]

    def close(self) -> "None":
        """Close the socket and what nobody took."""
        self._sock.close()
        channel.close_all(self._descriptors)
        self._descriptors.clear()
