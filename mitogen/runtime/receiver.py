"""Queues of messages: a receiver here, a sender wherever the other side is."""

import threading

from mitogen.errors import ChannelError, LatchError, TimeoutError
from mitogen.runtime.latch import Latch
from mitogen.runtime.message import Message
from mitogen.wire.values import Reference


class Receiver:
    """Collects the messages that arrive for a handle.

    :param router: where the handle is registered.
    :param int handle: the handle, or None for a new one.
    :param bool persist: False to take one message only.
    :param respondent: Context whose messages are expected: others' are refused, and its loss
        delivers a dead message.
    :param policy: ``policy(msg, stream) -> bool``: which messages are accepted.
    :param bool overwrite: replace an existing handler of *handle*.

    `notify`, when set, is called as ``notify(receiver)`` on the broker thread after each message.
    """

    def __init__(
        self,
        router: "object",
        handle: "int | None" = None,
        persist: "bool" = True,
        respondent: "object" = None,
        policy: "object" = None,
        overwrite: "bool" = False,
    ) -> "None":
        self._router = router
        self._latch = Latch()
        self.notify = None
        self.handle = router.add_handler(
            self._on_receive, handle, persist, policy, respondent, overwrite
        )

    def _on_receive(self, msg: "Message") -> "None":
        msg.receiver = self
        try:
            self._latch.put(msg)
        except LatchError:
            return  # closed by its owner while the message was on its way
        notify = self.notify
        if notify is not None:
            notify(self)

    def to_sender(self) -> "Sender":
        """A Sender that may be passed to another context, which then sends to this receiver."""
        return Sender(self._router.myself(), self.handle)

    def get(
        self, timeout: "float | None" = None, block: "bool" = True, throw_dead: "bool" = True
    ) -> "Message":
        """The next message. Any thread but the broker's (there only with ``block=False``).

        :raises mitogen.core.TimeoutError: nothing came within *timeout* seconds.
        :raises mitogen.core.LatchError: this receiver was closed here.
        :raises mitogen.core.ChannelError: the message is dead and *throw_dead* is set.
        """
        msg = self._latch.get(timeout, block)
        if throw_dead and msg.is_dead:
            msg.unpickle()
        return msg

    def size(self) -> "int":
        """Messages that wait."""
        return self._latch.size()

    def empty(self) -> "bool":
        """True when no message waits."""
        return self._latch.empty()

    def close(self) -> "None":
        """Stop receiving; wake whoever waits with LatchError."""
        self._router.del_handler(self.handle)
        self._latch.close()

    def __iter__(self) -> "object":
        while True:
            try:
                yield self.get()
            except (ChannelError, LatchError):
                return

    def __enter__(self) -> "Receiver":
        return self

    def __exit__(self, *_exc: "object") -> "None":
        self.close()

    def __repr__(self) -> "str":
        return "Receiver(handle=%r, size=%d)" % (self.handle, self.size())


class Answer:
    """Waits for one message, in one thread: what a call needs of a Receiver, three times as fast.

    `put` is its handler.
    """

    __slots__ = ("_gate", "_msg")

    def __init__(self) -> "None":
        self._gate = threading.Lock()
        self._gate.acquire()

    def put(self, msg: "Message") -> "None":
        """Here it is. Broker thread, once."""
        self._msg = msg
        self._gate.release()

    def get(self, timeout: "float | None" = None) -> "Message":
        """The message. Any thread but the broker's, once.

        :raises mitogen.core.TimeoutError: it did not come within *timeout* seconds.
        """
        if not self._gate.acquire(True, -1 if timeout is None else max(0.0, timeout)):
            raise TimeoutError("nothing arrived within %s seconds" % (timeout,))
        return self._msg


class Sender(Reference):
    """Sends values to a receiver of *context*; may itself be sent."""

    wire_kind = "sender"

    def __init__(self, context: "object", dst_handle: "int") -> "None":
        self.context = context
        self.dst_handle = dst_handle

    def wire_fields(self) -> "list":
        """What identifies this sender to another context."""
        return [self.context.context_id, self.dst_handle]

    def send(self, data: "object") -> "None":
        """Send a value. Any thread.

        :raises mitogen.errors.EncodeError: *data* holds a type that does not travel.
        """
        self.context.send(Message.pickled(data, handle=self.dst_handle))

    def close(self) -> "None":
        """Tell the receiver that nothing more will come."""
        self.context.send(Message.dead("closed by the sender", handle=self.dst_handle))

    def __repr__(self) -> "str":
        return "Sender(%r, %d)" % (self.context, self.dst_handle)


class Channel:
    """A receiver here and a sender to *dst_handle* of *context* in one object."""

    def __init__(
        self, router: "object", context: "object", dst_handle: "int", handle: "int | None" = None
    ) -> "None":
        self.receiver = Receiver(router, handle)
        self.sender = Sender(context, dst_handle)
        self.handle = self.receiver.handle
        self.to_sender = self.receiver.to_sender
        self.get = self.receiver.get
        self.empty = self.receiver.empty
        self.size = self.receiver.size
        self.send = self.sender.send

    def close(self) -> "None":
        """Close both ends."""
        self.sender.close()
        self.receiver.close()

    def __iter__(self) -> "object":
        return iter(self.receiver)
