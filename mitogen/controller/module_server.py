"""Answers children that ask for modules, on a thread of its own.

The first request of a large program is half a second of parsing, for which the broker thread must
not stand still.
"""

import logging

from mitogen.controller.module_responder import ModuleResponder
from mitogen.controller.worker import Worker
from mitogen.errors import DecodeError, Error
from mitogen.runtime.message import Message
from mitogen.runtime.router import Router
from mitogen.wire.control import GetModule
from mitogen.wire.handles import GET_MODULE

LOG = logging.getLogger("mitogen")


class ModuleServer:
    """Serves GET_MODULE of the master's router. Broker thread, apart from the work itself.

    The thread is started by the first request and ends with the broker.
    """

    def __init__(self, router: Router, responder: ModuleResponder) -> None:
        self._router = router
        self._responder = responder
        self._worker: Worker | None = None
        # What each neighbour has been sent: it keeps that for the contexts behind it.
        self._sent: dict[int, set[str]] = {}
        router.add_handler(self._on_request, GET_MODULE)
        router.broker.listen("exit", self._on_exit)

    def _on_request(self, msg: Message) -> None:
        if msg.is_dead:
            return
        if self._worker is None:
            self._worker = Worker("mitogen.modules")
        self._worker.defer(self._try_to_serve, msg)

    def _on_exit(self) -> None:
        if self._worker is not None:
            self._worker.end()

    def _try_to_serve(self, msg: Message) -> None:
        try:
            self._serve(msg)
        except Error as exc:
            # The broker has ended, or the request is none. Who asked may ask again.
            LOG.debug("a module request of context %d is dropped: %s", msg.src_id, exc)

    def _serve(self, msg: Message) -> None:
        try:
            wanted = GetModule.from_value(msg.unpickle())
            answer = self._responder.respond(wanted, self._sent_through(msg.src_id))
        except DecodeError as exc:
            msg.reply(Message.dead(str(exc)))
        except Exception as exc:
            LOG.exception("a module request of context %d failed", msg.src_id)
            msg.reply(Message.dead("looking for the module failed: %s" % (exc,)))
        else:
            msg.reply(answer.to_value())

    def _sent_through(self, context_id: int) -> set[str]:
        """The names sent to the neighbour that leads to *context_id*."""
        neighbour_id = self._router.table.via(context_id)
        neighbour = self._router.context_by_id(neighbour_id, create=False)
        if neighbour is None:
            return set()  # lost meanwhile
        if neighbour_id not in self._sent:
            self._sent[neighbour_id] = set()
            neighbour.listen("disconnect", lambda: self._sent.pop(neighbour_id, None))
        return self._sent[neighbour_id]
