"""A link to a neighbour context, seen as frames."""

from mitogen.errors import FrameError
from mitogen.runtime.outbox import Outbox
from mitogen.runtime.signals import Emitter
from mitogen.wire.frame import FrameDecoder, encode_header
from mitogen.wire.outqueue import OutQueue


class Stream(Emitter):
    """Frames to and from the context *remote_id* at the other end of *link*.

    Signals, on the broker thread: ``disconnect`` (argument: why, a string) and ``shutdown``.

    :param router: receives ``on_frame(frame, stream)`` and ``on_disconnect(stream, reason)``.
    :param link: see link.py; the stream closes it.
    """

    SIGNALS = ("disconnect", "shutdown")
    is_pending = False

    def __init__(
        self, broker: "object", router: "object", remote_id: "int", link: "object"
    ) -> "None":
        super().__init__()
        self.remote_id = remote_id
        self.read_fd = link.read_fd
        self.is_closed = False
        #: Ids of the contexts the neighbour has sent to: it is told when one of them is lost.
        self.talked_to = set()
        self._broker = broker
        self._router = router
        self._link = link
        self._decoder = FrameDecoder()
        self._is_writing = False
        self._is_paused = False
        self._paused = []
        self._final_reason = None
        self.outbox = Outbox(link, OutQueue(), self._want_flush)

    def send(self, frame: "object") -> "bool":
        """Send *frame* to the neighbour; False when the stream is closed. Any thread."""
        return self.outbox.send(frame, encode_header(frame))

    def start(self, leftover: "bytes" = b"") -> "None":
        """Begin to read; *leftover* arrived behind the handshake. Broker thread."""
        self._broker.add_reader(self.read_fd, self.on_readable)
        if leftover:
            self._feed(leftover)

    def on_readable(self) -> "None":
        """Take what has arrived. Broker thread."""
        try:
            data = self._link.read()
        except BlockingIOError:
            return
        except OSError as exc:
            self.close("read failed: %s" % (exc,))
            return
        if data:
            self._feed(data)
        else:
            self.close("the connection was closed by the other side")

    def _feed(self, data: "bytes") -> "None":
        try:
            frames = self._decoder.feed(data)
        except FrameError as exc:
            self.close("the other side sent rubbish: %s" % (exc,))
            return
        on_frame = self._router.on_frame
        for frame in frames:
            on_frame(frame, self)

    def pause_until_drained(self, other: "Stream") -> "None":
        """Stop reading here until *other*, which this stream floods, has written its backlog."""
        if not self._is_paused and not self.is_closed:
            self._is_paused = True
            self._broker.remove_reader(self.read_fd)
            other.resume_when_drained(self)

    def resume_when_drained(self, source: "Stream") -> "None":
        """Let *source* go on reading as soon as nothing is left to write here."""
        self._paused.append(source)

    def resume(self) -> "None":
        """Go on reading."""
        if self._is_paused and not self.is_closed:
            self._is_paused = False
            self._broker.add_reader(self.read_fd, self.on_readable)

    def _want_flush(self) -> "None":
        self._broker.defer(self._flush)

    def _flush(self) -> "None":
        if self.is_closed:
            return
        try:
            is_done = self.outbox.drain()
        except OSError as exc:
            self.close("write failed: %s" % (exc,))
            return
        if is_done and self._is_writing:
            self._broker.remove_writer(self._link.write_fd)
        elif not is_done and not self._is_writing:
            self._broker.add_writer(self._link.write_fd, self._flush)
        self._is_writing = not is_done
        if is_done and self._paused:
            self._resume_sources()
        if is_done and self._final_reason is not None:
            self.close(self._final_reason)

    def finish(self, reason: "str") -> "None":
        """Close as soon as everything queued is written. Broker thread."""
        self._final_reason = reason
        self._flush()

    def _resume_sources(self) -> "None":
        sources, self._paused = self._paused, []
        for source in sources:
            source.resume()

    def abandon(self) -> "None":
        """Let go of the link in a forked process, without a word to anybody."""
        self.is_closed = True
        self.outbox.abandon()
        self._link.abandon()

    def close(self, reason: "str") -> "None":
        """Close the link, tell the router and the listeners. Broker thread; once is enough."""
        if self.is_closed:
            return
        self.is_closed = True
        self._broker.remove_reader(self.read_fd)
        self._broker.remove_writer(self._link.write_fd)
        self.outbox.close()
        self._link.close()
        self._resume_sources()
        self._router.on_disconnect(self, reason)
        self.fire("disconnect", reason)
