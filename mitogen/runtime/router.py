"""Sends every message to the context it is for, and every arrival to its handler."""

import itertools
import threading

from mitogen.errors import ChannelError, DecodeError, Error
from mitogen.routing import Deliver, Discard, Forward, RouteTable, route
from mitogen.runtime.context import Context
from mitogen.runtime.deadline import Deadline
from mitogen.runtime.handlers import HandlerTable
from mitogen.runtime.journal import IO_LOG, LOG
from mitogen.runtime.latch import Latch
from mitogen.runtime.message import TOO_LARGE, Message
from mitogen.runtime.outbox import DIRECT_LIMIT
from mitogen.runtime.receiver import Sender
from mitogen.runtime.route_news import RouteNews
from mitogen.wire.frame import FLAG_MORE, Frame, Reassembler, TooLarge
from mitogen.wire.handles import IS_DEAD, SHUTDOWN

MAX_MESSAGE_SIZE = 128 * 1048576
_UINT32 = 0xFFFFFFFF


class Router:
    """The routes, handlers and streams of one trust domain in this process.

    :param broker: the I/O thread to use.
    :param identity: who this process is in the tree (`mitogen.routing.Identity`).
    :param int max_message_size: bytes; larger messages are refused.
    :param load_connector: ``load_connector(router)`` returns what starts children; called when
        the first child is asked for, so that contexts without children never pay for it.
    """

    def __init__(
        self,
        broker: "object",
        identity: "object",
        max_message_size: "int" = MAX_MESSAGE_SIZE,
        load_connector: "object" = None,
    ) -> "None":
        self.broker = broker
        self.identity = identity
        self.max_message_size = max_message_size
        #: Refuse traffic that is neither from nor to a parent; inherited by children.
        self.unidirectional = False
        self.debug = False
        self.table = RouteTable()
        self.streams = {}
        #: Encoded names of functions that have been called (see context.py).
        self.call_targets = {}
        self._contexts = {}
        self._handlers = HandlerTable()
        self._message_ids = itertools.count(1)
        self._reassembler = Reassembler(max_message_size, 2 * max_message_size)
        self._load_connector = load_connector
        self._connector = None
        self._connector_lock = threading.Lock()
        self._is_over = False
        self._news = RouteNews(self)
        broker.listen("exit", self._on_broker_exit)
        broker.listen("fork", self._on_fork)

    # Handlers -----------------------------------------------------------------------------

    def add_handler(
        self,
        fn: "object",
        handle: "int | None" = None,
        persist: "bool" = True,
        policy: "object" = None,
        respondent: "Context | None" = None,
        overwrite: "bool" = False,
    ) -> "int":
        """Call ``fn(msg)`` on the broker thread for each message to *handle*. Any thread.

        :param int handle: None for a new one.
        :param bool persist: False to take one message only.
        :param policy: ``policy(msg, stream) -> bool``; refused messages are answered as dead.
        :param respondent: the one context that may send; its loss delivers a dead message.
        :param bool overwrite: replace an existing handler.
        :returns: the handle.
        :raises mitogen.core.Error: *handle* is taken.
        :raises mitogen.core.ChannelError: the broker has ended.
        """
        if self._is_over:
            raise ChannelError("the broker has ended")
        respondent_id = None if respondent is None else respondent.context_id
        return self._handlers.add(fn, handle, persist, policy, respondent_id, overwrite)

    def del_handler(self, handle: "int") -> "None":
        """Forget *handle*; harmless when it is not there. Any thread."""
        self._handlers.remove(handle)

    # Contexts -----------------------------------------------------------------------------

    def myself(self) -> "Context":
        """The context this process is."""
        return self.context_by_id(self.identity.context_id, name="self")

    def context_by_id(
        self,
        context_id: "int",
        via_id: "int | None" = None,
        create: "bool" = True,
        name: "str | None" = None,
    ) -> "Context | None":
        """The Context object of an id, made when it is not known and *create* is set."""
        context = self._contexts.get(context_id)
        if context is None and create:
            context = self._contexts.setdefault(context_id, Context(self, context_id, name))
            if via_id is not None:
                context.via = self.context_by_id(via_id)
        return context

    def revive(self, kind: "str", fields: "list") -> "object":
        """Turn what travelled for a Context or Sender back into one (see wire/values.py)."""
        if len(fields) == 2 and isinstance(fields[0], int):
            if kind == "context":
                return self.context_by_id(fields[0], name=fields[1])
            if kind == "sender" and isinstance(fields[1], int):
                return Sender(self.context_by_id(fields[0]), fields[1])
        raise DecodeError("a reference of kind %r with unknown fields" % (kind,))

    def register(self, context: "Context", stream: "object") -> "None":
        """Make *stream* the way to *context*, its neighbour. Broker thread."""
        self._contexts[context.context_id] = context
        self.streams[context.context_id] = stream
        self._news.add_neighbour(context)

    def stream_by_id(self, context_id: "int") -> "object":
        """The stream that leads towards *context_id*; None when there is no way."""
        neighbour = self.table.via(context_id)
        if neighbour is None and self.identity.parent_ids:
            neighbour = self.identity.parent_ids[0]
        return self.streams.get(neighbour)

    def is_awaited(self, context_id: "int") -> "bool":
        """True while *context_id* is being connected by this context through another one."""
        stream = self.streams.get(context_id)
        return stream is not None and stream.is_pending

    def get_streams(self) -> "list":
        """All streams to neighbours."""
        return [stream for stream in list(self.streams.values()) if not stream.is_pending]

    def add_route(self, context_id: "int", via_id: "int") -> "None":
        """Say that *context_id* is reached through the neighbour *via_id*. Broker thread."""
        self.table.add(context_id, via_id)

    def del_route(self, context_id: "int") -> "None":
        """Forget the way to *context_id*. Broker thread."""
        self.table.remove(context_id)

    # Sending ------------------------------------------------------------------------------

    def send(self, msg: "Message", deadline: "Deadline | None" = None) -> "None":
        """Send *msg* on its way. Any thread; what cannot be sent is answered as dead.

        Waits while much is queued for that way already, until *deadline* at most. Without one the
        wait ends when the peer reads, or its link is lost.
        """
        own_id = self.identity.context_id
        frame = Frame(
            msg.dst_id,
            own_id if msg.src_id is None else msg.src_id,
            own_id if msg.auth_id is None else msg.auth_id,
            msg.handle,
            msg.reply_to,
            next(self._message_ids) & _UINT32,
            0,
            msg.data,
        )
        if len(msg.data) > self.max_message_size:
            self._refuse(
                frame,
                TOO_LARGE % (len(msg.data), self.max_message_size),
            )
            return
        verdict = route(frame, None, self.identity, self.table, self.unidirectional)
        self._perform(verdict, frame, deadline)

    #: The documented name.
    route = send

    def _perform(
        self, verdict: "object", frame: "Frame", deadline: "Deadline | None"
    ) -> "None":
        if type(verdict) is Forward:
            stream = self.streams.get(verdict.neighbour_id)
            if stream is None or not stream.send(frame):
                self._refuse(frame, self._lost_text(frame.dst_id))
            elif (
                len(frame.payload) > DIRECT_LIMIT or stream.outbox.is_full()
            ) and not self.broker.is_current():
                stream.outbox.wait_for_room(deadline or Deadline(None))
        elif type(verdict) is Deliver:
            self.broker.defer(self._deliver, frame, None)
        elif type(verdict) is not Discard:
            self._refuse(frame, verdict.reason)

    def _lost_text(self, context_id: "int") -> "str":
        context = self._contexts.get(context_id)
        name = "context %d" % context_id
        if context is not None and context.name:
            name += " (%s)" % (context.name,)
        return "%s is not connected" % (name,)

    # Arrivals, broker thread ----------------------------------------------------------------

    def on_frame(self, frame: "Frame", stream: "object") -> "None":
        """Deliver, forward or refuse what a neighbour sent. Broker thread."""
        verdict = route(frame, stream.remote_id, self.identity, self.table, self.unidirectional)
        if type(verdict) is Deliver:
            whole = self._reassembler.add(frame)
            if whole is None:
                return
            if type(whole) is TooLarge:
                self._refuse_late(whole.frame)
                return
            self._deliver(whole, stream)
        elif type(verdict) is Forward:
            stream.talked_to.add(frame.dst_id)
            other = self.streams.get(verdict.neighbour_id)
            if other is None or not other.send(frame):
                self._refuse(frame, self._lost_text(frame.dst_id))
            elif other.outbox.is_full():
                stream.pause_until_drained(other)
        elif type(verdict) is not Discard:
            IO_LOG.debug("refused %r: %s", frame, verdict.reason)
            self._refuse(frame, verdict.reason)

    def _refuse_late(self, frame: "Frame") -> "None":
        """A message grew past the limit here: whoever waits, there or here, is told."""
        reason = "message exceeds the limit of %d bytes" % (self.max_message_size,)
        if frame.reply_to:
            frame.flags = 0
            self._refuse(frame, reason)
            return
        handler = self._handlers.get(frame.handle)
        if handler is not None and handler.respondent_id == frame.src_id:
            self._handlers.remove(frame.handle)
            self._call(handler, self._dead_letter(frame.handle, frame.src_id, reason))

    def _refuse(self, frame: "Frame", reason: "str") -> "None":
        """Tell the sender of *frame* that there will be no answer."""
        if not frame.reply_to or frame.reply_to == IS_DEAD or frame.flags & FLAG_MORE:
            return
        dead = Message.dead(reason, handle=frame.reply_to)
        dead.dst_id = frame.src_id
        self.send(dead)

    def _deliver(self, frame: "Frame", stream: "object") -> "None":
        msg = Message(
            frame.dst_id,
            frame.src_id,
            frame.auth_id,
            frame.handle,
            frame.reply_to,
            frame.payload,
            self,
        )
        handler = self._handlers.get(frame.handle)
        if handler is None:
            self._refuse(frame, "context %d has no handle %d" % (frame.dst_id, frame.handle))
            return
        expected = handler.respondent_id
        if expected is not None and frame.src_id != expected and not msg.is_dead:
            self._refuse(frame, "handle %d expects context %d" % (frame.handle, expected))
            return
        if handler.policy is not None and not handler.policy(msg, stream):
            self._refuse(frame, "refused by the policy of handle %d" % (frame.handle,))
            return
        if not handler.persist:
            self._handlers.remove(frame.handle)
        self._call(handler, msg)

    def _call(self, handler: "object", msg: "Message") -> "None":
        try:
            handler.fn(msg)
        except DecodeError as exc:
            # The sender's fault: it hears of it, and our log is not its playground.
            LOG.debug("%r is not what it should be: %s", msg, exc)
            msg.reply(Message.dead(str(exc)))
        except Exception as exc:
            LOG.exception("handler %r of %r failed", handler.fn, msg)
            # Whoever waits for an answer is not to wait for ever.
            msg.reply(Message.dead("%s: %s" % (type(exc).__name__, exc)))

    # Loss -----------------------------------------------------------------------------------

    def on_disconnect(self, stream: "object", reason: "str") -> "None":
        """A stream has closed: everything behind it is lost. Broker thread."""
        if self.streams.get(stream.remote_id) is stream:
            del self.streams[stream.remote_id]
        self._news.neighbour_lost(stream, reason)

    def context_lost(self, context_id: "int", reason: "str") -> "None":
        """Fail whatever waits for *context_id*. Broker thread."""
        self._reassembler.forget_source(context_id)
        for handle, handler in self._handlers.take_by_respondent(context_id):
            self._call(handler, self._dead_letter(handle, context_id, reason))
        context = self._contexts.pop(context_id, None)
        if context is not None:
            context.fire("disconnect")

    def _dead_letter(self, handle: "int", src_id: "int", reason: "str") -> "Message":
        msg = Message.dead(reason, handle=handle, src_id=src_id, auth_id=src_id, router=self)
        msg.dst_id = self.identity.context_id
        return msg

    def _on_broker_exit(self) -> "None":
        self._is_over = True
        for stream in self.get_streams():
            stream.close("the broker has ended")
        own_id = self.identity.context_id
        for handle, handler in self._handlers.take_all():
            self._call(handler, self._dead_letter(handle, own_id, "the broker has ended"))

    def _on_fork(self) -> "None":
        self._is_over = True
        for stream in self.get_streams():
            stream.abandon()

    # Children -------------------------------------------------------------------------------

    def connector(self) -> "object":
        """What starts children here; loaded when first asked for. Not on the broker thread."""
        if self._load_connector is None:
            raise Error("this context cannot start children")
        with self._connector_lock:
            if self._connector is None:
                self._connector = self._load_connector(self)
            return self._connector

    def __getattr__(self, name: "str") -> "object":
        """``router.ssh(...)`` and its like: one factory for each connection method."""
        if not name.startswith("_"):
            factory = self.connector().factory(name)
            if factory is not None:
                return factory
        raise AttributeError("%s has no attribute %r" % (type(self).__name__, name))

    def allocate_id(self) -> "int":
        """A context id that nobody else in the tree has. Not on a child's broker thread."""
        return self.connector().allocate_id()

    def enable_debug(self) -> "None":
        """Log at DEBUG here and in all children started from now on."""
        import logging  # see runtime/journal.py

        self.debug = True
        logging.getLogger("mitogen").setLevel(logging.DEBUG)

    def shut_down(self, context: "Context", deadline: "Deadline | None") -> "None":
        """Ask *context* to end; wait for it when a *deadline* is given. Any thread.

        :raises mitogen.core.TimeoutError: it is still there.
        """
        gone = Latch()
        context.listen("disconnect", gone.put)
        self.send(Message(dst_id=context.context_id, handle=SHUTDOWN))
        if deadline is not None and self.context_by_id(context.context_id, create=False):
            gone.get(deadline.remaining())

    def disconnect(self, context: "Context") -> "None":
        """Close the stream to *context*, a neighbour, without asking it. Any thread."""
        stream = self.streams.get(context.context_id)
        if stream is not None:
            self.broker.defer(stream.close, "disconnected on request")
