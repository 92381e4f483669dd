"""Modules asked for here or by a child of this context: from the cache, else from the parent.

Everything runs on the broker thread, the requests of this process's own imports included, which
arrive as messages to itself: one path, no lock.
"""

from mitogen.errors import Error
from mitogen.imports.forwarder import Answer, Ask, ModuleCache
from mitogen.runtime.message import Message
from mitogen.wire.control import GetModule, LoadModule
from mitogen.wire.handles import GET_MODULE

#: Seconds an import waits for its parent: a module is small, but the link may be busy.
REQUEST_TIMEOUT = 120.0


class ModuleGateway:
    """Answers GET_MODULE for this context and its children.

    :param parent: Context to ask for what is not in the cache.
    """

    def __init__(self, router: "object", parent: "object") -> "None":
        self._router = router
        self._parent = parent
        self._cache = ModuleCache()
        self._peers = set()
        router.add_handler(self._on_request, GET_MODULE)

    def request(self, wanted: "GetModule") -> "LoadModule":
        """Fetch a module for this process. Any thread but the broker's.

        :raises mitogen.core.TimeoutError: the parent did not answer in time.
        :raises mitogen.core.ChannelError: the parent is gone.
        :raises mitogen.core.Error: called on the broker thread, which would wait for itself.
        """
        if self._router.broker.is_current():
            raise Error("the broker thread cannot wait for a module")
        msg = Message.pickled(wanted.to_value(), handle=GET_MODULE)
        value = self._router.myself().send_await(msg, REQUEST_TIMEOUT)
        return LoadModule.from_value(value)

    def _on_request(self, msg: "Message") -> "None":
        if msg.is_dead:
            return
        try:
            fullname = GetModule.from_value(msg.unpickle()).fullname
        except Error as exc:
            msg.reply(Message.dead(str(exc)))
            return
        self._remember(msg.src_id)
        verdict = self._cache.request(fullname, msg, msg.src_id)
        if type(verdict) is Answer:
            self._perform([verdict])
        elif type(verdict) is Ask:
            request = Message.pickled(GetModule(fullname).to_value(), handle=GET_MODULE)
            receiver = self._parent.send_async(request)
            receiver.notify = lambda receiver: self._on_answer(fullname, receiver)

    def _on_answer(self, fullname: "str", receiver: "object") -> "None":
        msg = receiver.get(block=False, throw_dead=False)
        try:
            answers = self._cache.store(LoadModule.from_value(msg.unpickle()))
        except Error as exc:
            # No answer rather than a refusal, which would be final: the parent may have been out
            # of reach for a moment only.
            for answer in self._cache.fail(fullname, None):
                answer.who.reply(Message.dead(str(exc)))
            return
        self._perform(answers)

    def _remember(self, peer_id: "int") -> "None":
        if peer_id not in self._peers and peer_id != self._router.identity.context_id:
            self._peers.add(peer_id)
            context = self._router.context_by_id(peer_id)
            context.listen("disconnect", lambda: self._forget(peer_id))

    def _forget(self, peer_id: "int") -> "None":
        self._peers.discard(peer_id)
        self._cache.forget_peer(peer_id)

    def _perform(self, answers: "list") -> "None":
        for answer in answers:
            answer.who.reply(answer.record.to_value())
