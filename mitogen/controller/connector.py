"""Starts children: on this machine, or by asking another context to (``via=``)."""

import functools
import getpass
import os
import socket

from mitogen import methods
from mitogen.controller.connection import Connection
from mitogen.controller.launch import Launch, Plan
from mitogen.controller.pending import PendingStream
from mitogen.controller.start_child import ChildStarted, StartChild
from mitogen.errors import CancelledError, ConnectTimeoutError, Error, StreamError
from mitogen.runtime.message import Message
from mitogen.runtime.stream import Stream
from mitogen.wire.handles import DETACHING, SHUTDOWN, START_CHILD

#: Seconds on top of the connect time-out for a context to fetch what starting a child takes.
CODE_PATIENCE = 20.0


class Connector:
    """The parent half of a router.

    :param settings: `mitogen.controller.settings.ChildSettings`, what children inherit.
    :param ids: has ``allocate()`` (see ids.py).
    """

    def __init__(self, router: "object", settings: "object", ids: "object") -> "None":
        self._router = router
        self._broker = router.broker
        self._settings = settings
        self._ids = ids
        self._launches = {}
        self._is_stopping = False
        # Now, and not on the broker thread: it imports.
        self._account = _account()
        self._broker.listen("shutdown", self._on_shutdown)
        self._broker.listen("fork", self._on_fork)
        router.add_handler(self._on_detaching, DETACHING)

    def allocate_id(self) -> "int":
        """A context id nobody else has."""
        return self._ids.allocate()

    def factory(self, name: "str") -> "object":
        """``factory(**options) -> Context`` for the connection method *name*; None if unknown."""
        if name not in methods.NAMES:
            return None
        return functools.partial(self.connect, name)

    def connect(
        self,
        method_name: "str",
        via: "object" = None,
        wait: "bool" = True,
        **options: "object"
    ) -> "object":
        """Start a child and return its Context.

        :param via: Context that shall start it; None for this process.
        :param bool wait: False to return at once: what is sent to the context meanwhile waits,
            and fails with the connection.
        :raises TypeError: an option is unknown or missing.
        :raises mitogen.core.StreamError: it could not be connected; the type says why.
        """
        method = methods.find(method_name)
        record = methods.build_options(method, **options)
        if self._is_stopping:
            raise Error(_SHUTTING_DOWN)
        is_here = via is None or via.context_id == self._router.identity.context_id
        forking = _load_forking(record, is_here) if method.is_fork else None
        forked = self._fork(forking, record) if forking is not None and is_here else None
        context = self._new_context(record.name or method.default_name(record), via, record)
        pending = self._router.streams[context.context_id]
        if is_here:
            self._broker.defer(self._launch_here, context, pending, method, record, forked)
        else:
            request = StartChild(
                context.context_id, method_name, methods.to_dict(record, context.name)
            )
            ask = _ask if forking is None else functools.partial(_ask_to_fork, forking)
            ask = functools.partial(ask, via, request.to_value())
            patience = record.connect_timeout + CODE_PATIENCE
            self._broker.defer(self._launch_there, context, pending, ask, patience)
        if wait:
            context.connection.wait()
        return context

    def _new_context(self, name: "str", via: "object", options: "object") -> "object":
        """A context whose messages wait until it is connected."""
        if via is not None and via.name and options.name is None:
            name = "%s.%s" % (via.name, name)
        context_id = self.allocate_id()
        context = self._router.context_by_id(context_id, name=name)
        context.via = via
        context.connection = Connection(context, self._broker)
        pending = PendingStream(context_id, self._router.max_message_size)
        self._router.streams[context_id] = pending
        self._router.add_route(context_id, context_id)
        return context

    # Here -------------------------------------------------------------------------------------

    def _title(self, options: "object") -> "str":
        """What `ps` shows for the children of this program."""
        return options.remote_name or "mitogen:%s:%d" % (self._account, os.getpid())

    def _fork(self, forking: "object", options: "object") -> "object":
        return forking.fork(self._broker, options, self._title(options))

    def _launch_here(
        self,
        context: "object",
        pending: "PendingStream",
        method: "object",
        options: "object",
        forked: "object" = None,
    ) -> "None":
        title = self._title(options)
        plan = Plan(
            method,
            options,
            context.name,
            title,
            lambda nonce: self._settings.boot_record(
                self._router, context.context_id, options, nonce, title
            ),
            self._settings.fetch_bundle if forked is None else _no_bundle,
            self._settings.folder(),
            forked,
        )
        launch = Launch(
            self._broker,
            plan,
            functools.partial(self._on_up, context, pending),
            functools.partial(self._on_failed, context, pending),
        )
        if self._is_stopping:
            launch.cancel(_SHUTTING_DOWN)
            return
        self._launches[context.context_id] = launch
        launch.start()

    def _on_up(
        self,
        context: "object",
        pending: "PendingStream",
        link: "object",
        leftover: "bytes",
        interpreter: "object",
    ) -> "None":
        stream = Stream(self._broker, self._router, context.context_id, link)
        launch = self._launches[context.context_id]
        stream.listen("disconnect", lambda _reason: self._on_child_lost(context, launch))
        self._router.register(context, stream)
        pending.promote(stream.send)
        context.connection.succeed(interpreter)
        stream.start(leftover)

    def _on_child_lost(self, context: "object", launch: "Launch") -> "None":
        self._launches.pop(context.context_id, None)
        launch.finish()

    def _on_failed(self, context: "object", pending: "PendingStream", error: "Exception") -> "None":
        self._launches.pop(context.context_id, None)
        self._abandon(context, pending, error)

    # There ------------------------------------------------------------------------------------

    def _launch_there(
        self,
        context: "object",
        pending: "PendingStream",
        ask: "object",
        patience: "float",
    ) -> "None":
        receiver = ask()
        receiver.notify = functools.partial(self._on_answer, context, pending)

        def give_up() -> "None":
            if not context.connection.is_settled:
                text = "%s: %s does not answer" % (context.name, context.via)
                self._abandon(context, pending, ConnectTimeoutError(text))

        def begin(_connection: "object" = None) -> "None":
            self._broker.timers.after(patience, give_up)

        # The time begins when the request can arrive.
        if context.via.connection is None:
            begin()
        else:
            context.via.connection.notify(begin)

    def _on_answer(
        self, context: "object", pending: "PendingStream", receiver: "object"
    ) -> "None":
        msg = receiver.get(block=False, throw_dead=False)
        if context.connection.is_settled:
            # Given up meanwhile: nobody wants it any more.
            self._router.send(Message(dst_id=context.context_id, handle=SHUTDOWN))
            return
        try:
            answer = ChildStarted.from_value(msg.unpickle())
        except Error as exc:
            error = StreamError("%s: %s could not start it: %s" % (context.name, context.via, exc))
            self._abandon(context, pending, _cancelled(context) if self._is_stopping else error)
            return
        if answer.error is not None:
            self._abandon(context, pending, answer.error)
            return
        stream = self._router.stream_by_id(context.via.context_id)
        # In this order nothing that is sent meanwhile overtakes what waits.
        pending.promote(stream.send)
        self._router.add_route(context.context_id, stream.remote_id)
        self._router.streams.pop(context.context_id, None)
        context.connection.succeed(answer.interpreter)

    def _abandon(
        self, context: "object", pending: "PendingStream", error: "Exception"
    ) -> "None":
        """The connection failed: whatever was sent to the context fails with its error."""
        pending.fail()
        self._router.streams.pop(context.context_id, None)
        self._router.del_route(context.context_id)
        context.connection.fail(error)
        self._router.context_lost(context.context_id, str(error))

    # On behalf of a parent --------------------------------------------------------------------

    def load_method(self, name: "str") -> "None":
        """Have the code of the method *name* at hand. Not on the broker thread.

        :raises LookupError: there is no such method.
        """
        methods.find(name)

    def start_for(self, msg: "Message") -> "None":
        """Serve a START_CHILD request of a parent. Broker thread."""
        request = StartChild.from_value(msg.unpickle())
        try:
            method = methods.find(request.method)
            options = methods.build_options(method, **request.options)
        except (TypeError, ValueError, LookupError) as exc:
            msg.reply(ChildStarted(StreamError(str(exc)), None).to_value())
            return
        self._launch_for(request.context_id, method, options).notify(
            lambda done: msg.reply(ChildStarted(done.error, done.interpreter).to_value())
        )

    def _launch_for(
        self, context_id: "int", method: "object", options: "object", forked: "object" = None
    ) -> "Connection":
        context = self._router.context_by_id(context_id, name=options.name)
        context.connection = Connection(context, self._broker)
        pending = PendingStream(context_id, 0)
        self._launch_here(context, pending, method, options, forked)
        return context.connection

    def fork_for(self, request: "StartChild") -> "ChildStarted":
        """Serve the request of a parent for a copy of this process. Main thread."""
        method = methods.find(request.method)
        options = methods.build_options(method, **request.options)
        try:
            forked = self._fork(_load_forking(options, is_here=True), options)
            connection = self._broker.defer_sync(
                lambda: self._launch_for(request.context_id, method, options, forked)
            )
            connection.wait()
        except StreamError as exc:
            return ChildStarted(exc, None)
        return ChildStarted(None, connection.interpreter)

    def _on_detaching(self, msg: "Message") -> "None":
        """A child wants to outlive this process; it may decide that for itself only."""
        launch = self._launches.get(msg.src_id)
        if launch is not None and not msg.is_dead:
            launch.is_disowned = True
            msg.reply(True)

    # The end ----------------------------------------------------------------------------------

    def _on_shutdown(self) -> "None":
        self._is_stopping = True
        for context_id, launch in list(self._launches.items()):
            context = self._router.context_by_id(context_id)
            if launch.is_disowned:
                continue
            if context.connection.is_up:
                self._broker.hold(launch)
                stream = self._router.streams[context_id]
                stream.listen("disconnect", functools.partial(self._release, launch))
                context.send(Message(handle=SHUTDOWN))
            else:
                launch.cancel(_SHUTTING_DOWN)

    def _on_fork(self) -> "None":
        for launch in self._launches.values():
            launch.abandon()

    def _release(self, launch: "Launch", _reason: "str") -> "None":
        self._broker.release(launch)


_SHUTTING_DOWN = "the broker is shutting down"


def _ask(via: "object", request: "list") -> "object":
    return via.send_async(Message.pickled(request, handle=START_CHILD))


def _ask_to_fork(forking: "object", via: "object", request: "list") -> "object":
    # As a call: the main thread is the one that may fork.
    return via.call_async(forking.fork_for, request)


def _load_forking(options: "object", is_here: "bool") -> "object":
    """The module that forks; on the calling thread, since it may have to be fetched."""
    if not is_here and (options.on_fork or options.on_start or options.importer):
        raise TypeError("fork() takes on_fork, on_start and importer without via only")
    from mitogen.controller import forking

    return forking


def _no_bundle(_interpreter: "object", deliver: "object") -> "None":
    """A fork has all code already."""
    deliver(b"")


def _cancelled(context: "object") -> "CancelledError":
    return CancelledError("%s: %s" % (context.name, _SHUTTING_DOWN))


def _account() -> "str":
    """``<user>@<host>`` of this program."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):
        user = str(os.getuid())
    return "%s@%s" % (user, socket.gethostname())
