"""Descriptors that carry frames, read and written without ever blocking.

A descriptor that was inherited shares its open file description, and with it O_NONBLOCK, with
whoever else holds it (a shell, sshd, sudo), so it is never made non-blocking here:

* a socket takes MSG_DONTWAIT for each call;
* a pipe is opened anew through /proc/self/fd, which gives a description of our own;
* without /proc a pipe is written in pieces of at most PIPE_BUF bytes after ``select()`` called it
  writable: POSIX promises that such a write does not block.

Reading needs none of this: a readable descriptor with a single reader never blocks.
"""

import _socket as socket  # the socket module on top of it costs 8 ms
import fcntl
import os
import select
import stat

READ_SIZE = 262144
#: Room for a few full fragments, so that bulk data needs few system calls.
SOCKET_BUFFER = 1048576
MAX_BUFFERS = 64
#: F_SETPIPE_SZ of Linux (fcntl(2)); the fcntl module names it from Python 3.10 on.
F_SETPIPE_SZ = 1031


class SocketLink:
    """A connected stream socket. Owns and closes *sock*."""

    #: `attempt` may be used on any thread (see outbox.py).
    is_direct = True

    def __init__(self, sock: "object") -> "None":
        self._sock = sock
        self.read_fd = sock.fileno()
        self.write_fd = self.read_fd
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            try:
                sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
            except OSError:
                pass  # a smaller buffer is slower, not wrong

    def read(self) -> "bytes":
        """Bytes that have arrived; empty at end of stream."""
        return self._sock.recv(READ_SIZE, socket.MSG_DONTWAIT)

    def write(self, buffers: "list") -> "int":
        """Write as much of *buffers* as fits now and return the number of bytes.

        :raises BlockingIOError: nothing fits.
        """
        return self._sock.sendmsg(buffers[:MAX_BUFFERS], (), socket.MSG_DONTWAIT)

    def attempt(self, data: "bytes") -> "object":
        """An iterator that writes *data* when it is consumed and yields the bytes written.

        No byte code runs between the system call and the yield, so that a consumer written in C
        (``list.extend``) records the result even when a signal handler raises right after.
        """
        return map(self._sock.send, (data,), (socket.MSG_DONTWAIT,))

    def close(self) -> "None":
        """End the connection, whoever else holds it; harmless when closed already."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # closed, by one side or the other
        self._sock.close()

    def abandon(self) -> "None":
        """Give up the descriptor, in a forked process; the connection goes on."""
        self._sock.close()


class PipeLink:
    """A pair of pipe (or terminal) descriptors. Owns and closes both."""

    def __init__(self, read_fd: "int", write_fd: "int") -> "None":
        self.read_fd = read_fd
        own = _reopen_nonblocking(write_fd)
        self.is_direct = own is not None
        self.write_fd = write_fd if own is None else own
        if own is not None:
            os.close(write_fd)
        try:
            fcntl.fcntl(self.write_fd, F_SETPIPE_SZ, SOCKET_BUFFER)
        except OSError:
            pass  # not Linux, not a pipe, or above the user's limit: slower, not wrong

    def read(self) -> "bytes":
        """Bytes that have arrived; empty at end of stream. Call when readable only."""
        return os.read(self.read_fd, READ_SIZE)

    def write(self, buffers: "list") -> "int":
        """Write as much of *buffers* as fits now and return the number of bytes.

        :raises BlockingIOError: nothing fits.
        """
        if self.is_direct:
            return os.writev(self.write_fd, buffers[:MAX_BUFFERS])
        if not select.select([], [self.write_fd], [], 0)[1]:
            raise BlockingIOError
        return os.write(self.write_fd, bytes(buffers[0][: select.PIPE_BUF]))

    def attempt(self, data: "bytes") -> "object":
        """See `SocketLink.attempt`; only for a link that `is_direct`."""
        return map(os.write, (self.write_fd,), (data,))

    def close(self) -> "None":
        """Close both descriptors; harmless when closed already."""
        for fd in {self.read_fd, self.write_fd} - {-1}:
            os.close(fd)
        self.read_fd = self.write_fd = -1

    abandon = close


def _reopen_nonblocking(fd: "int") -> "int | None":
    try:
        return os.open("/proc/self/fd/%d" % fd, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None


def open_link(read_fd: "int", write_fd: "int") -> "SocketLink | PipeLink":
    """The right kind of link for two inherited descriptors, which it takes over.

    :raises OSError: a descriptor is not open.
    """
    if stat.S_ISSOCK(os.fstat(read_fd).st_mode) and _is_same_file(read_fd, write_fd):
        if write_fd != read_fd:
            os.close(write_fd)
        return SocketLink(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, read_fd))
    if stat.S_ISSOCK(os.fstat(write_fd).st_mode):
        return SplitLink(read_fd, write_fd)
    return PipeLink(read_fd, write_fd)


def _is_same_file(first: "int", second: "int") -> "bool":
    left, right = os.fstat(first), os.fstat(second)
    return (left.st_dev, left.st_ino) == (right.st_dev, right.st_ino)


class SplitLink:
    """Something readable and, apart from it, a socket to write to (sshd makes such pairs)."""

    is_direct = True

    def __init__(self, read_fd: "int", write_fd: "int") -> "None":
        self.read_fd = read_fd
        self._out = SocketLink(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, write_fd))
        self.write_fd = write_fd
        self.write = self._out.write
        self.attempt = self._out.attempt

    def read(self) -> "bytes":
        """Bytes that have arrived; empty at end of stream. Call when readable only."""
        return os.read(self.read_fd, READ_SIZE)

    def close(self) -> "None":
        """Close both descriptors; harmless when closed already."""
        self._out.close()
        self._close_reading()

    def abandon(self) -> "None":
        """See `SocketLink.abandon`."""
        self._out.abandon()
        self._close_reading()

    def _close_reading(self) -> "None":
        if self.read_fd != -1:
            os.close(self.read_fd)
        self.read_fd = -1
