"""One message: where from, where to, and a value in our own encoding."""

from mitogen.errors import CallError, ChannelError
from mitogen.routing import has_parent_authority as is_parent_authority
from mitogen.wire import values
from mitogen.wire.handles import IS_DEAD

TOO_LARGE = "message of %d bytes exceeds the limit of %d bytes"


class Message:
    """A message as programs and handlers see it.

    `dst_id`, `src_id`, `auth_id` are context ids, `handle` names the handler at the destination,
    `reply_to` the handle an answer should go to (0: none), `data` is the encoded value.
    `router` and `receiver` are set on messages that arrived.
    """

    __slots__ = (
        "auth_id",
        "data",
        "dst_id",
        "enc",
        "handle",
        "receiver",
        "reply_to",
        "router",
        "src_id",
    )

    def __init__(
        self,
        dst_id: "int" = 0,
        src_id: "int | None" = None,
        auth_id: "int | None" = None,
        handle: "int" = 0,
        reply_to: "int" = 0,
        data: "bytes" = b"",
        router: "object" = None,
    ) -> "None":
        self.dst_id = dst_id
        self.src_id = src_id
        self.auth_id = auth_id
        self.handle = handle
        self.reply_to = reply_to
        self.data = data
        self.router = router
        self.receiver = None
        self.enc = "json"

    @classmethod
    def pickled(cls, obj: "object", **fields: "object") -> "Message":
        """A message holding *obj* (the name is historical: nothing is pickled).

        :raises mitogen.errors.EncodeError: *obj* holds a type that does not travel.
        """
        return cls(data=values.encode_pieces(obj), **fields)

    @classmethod
    def dead(cls, reason: "str | None" = None, **fields: "object") -> "Message":
        """A message that says: there will be no answer, because of *reason*."""
        fields.setdefault("reply_to", IS_DEAD)
        return cls(data=(reason or "").encode("utf-8", "replace"), **fields)

    @property
    def is_dead(self) -> "bool":
        """True for a message made by `dead`."""
        return self.reply_to == IS_DEAD

    def unpickle(self, throw: "bool" = True, throw_dead: "bool" = True) -> "object":
        """The value inside.

        :param bool throw: raise a CallError that is the value, instead of returning it.
        :param bool throw_dead: raise ChannelError for a dead message, instead of returning the
            dead value.
        :raises mitogen.errors.DecodeError: the sender sent rubbish.
        """
        if self.reply_to == IS_DEAD:
            if throw_dead:
                raise ChannelError(bytes(self.data).decode("utf-8", "replace"))
            return values.DEAD
        obj = values.decode(self.data, None if self.router is None else self.router.revive)
        if throw and isinstance(obj, CallError):
            raise obj
        return obj

    def unpickle_iter(self, throw: "bool" = True, throw_dead: "bool" = True) -> "object":
        """Iterate over the value inside, which is a list or tuple."""
        return iter(self.unpickle(throw, throw_dead))

    def reply(self, obj: "object", router: "object" = None, **fields: "object") -> "None":
        """Answer with a value or a ready Message. Dropped when no answer was asked for."""
        if not self.reply_to or self.reply_to == IS_DEAD:
            return
        router = router or self.router
        answer = obj if isinstance(obj, Message) else Message.pickled(obj, **fields)
        if len(answer.data) > router.max_message_size:
            answer = Message.dead(TOO_LARGE % (len(answer.data), router.max_message_size))
        answer.dst_id = self.src_id
        answer.handle = self.reply_to
        router.send(answer)

    def __repr__(self) -> "str":
        return "Message(dst=%r, src=%r, auth=%r, handle=%r, reply_to=%r, %d bytes)" % (
            self.dst_id,
            self.src_id,
            self.auth_id,
            self.handle,
            self.reply_to,
            len(self.data),
        )


def has_parent_authority(
    msg: "Message",
    stream: "object" = None,  # noqa: ARG001 - what a policy is given
) -> "bool":
    """The standard policy: *msg* has the authority of this context or one of its parents."""
    return is_parent_authority(msg.auth_id, msg.router.identity)
