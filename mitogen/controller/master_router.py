"""The first context of a tree: broker with a watcher, router with everything only a master does."""

import atexit
import logging
import threading
from collections.abc import Callable

from mitogen.bootstrap.handshake import InterpreterInfo
from mitogen.controller.boot_code import BootCode, BundleCache
from mitogen.controller.connector import Connector
from mitogen.controller.ids import IdSource
from mitogen.controller.module_responder import ModuleResponder
from mitogen.controller.module_server import ModuleServer
from mitogen.controller.settings import ChildSettings
from mitogen.errors import DecodeError
from mitogen.routing import Identity
from mitogen.runtime.broker import Broker
from mitogen.runtime.message import Message
from mitogen.runtime.router import MAX_MESSAGE_SIZE, Router
from mitogen.wire.control import ForwardLog
from mitogen.wire.handles import FORWARD_LOG, GET_BUNDLE

LOG = logging.getLogger("mitogen")


class MasterBroker(Broker):
    """The I/O thread of a program.

    :param bool install_watcher: shut down when the thread that made the broker ends, so that a
        program whose main thread returns or raises ends although it forgot `shutdown`.
    """

    def __init__(self, install_watcher: bool = True) -> None:
        super().__init__()
        # At the end of the interpreter in any case: children get the chance to end in good order.
        atexit.register(self._end_with_interpreter)
        self.listen("exit", lambda: atexit.unregister(self._end_with_interpreter))
        creator = threading.current_thread()
        if install_watcher and creator is not threading.main_thread():
            threading.Thread(
                target=self._watch, args=(creator,), name="mitogen.watcher", daemon=True
            ).start()

    def _watch(self, creator: threading.Thread) -> None:
        creator.join()
        self.shutdown()

    def _end_with_interpreter(self) -> None:
        self.shutdown()
        self.join()


class MasterRouter(Router):
    """The router of a program.

    :param broker: the I/O thread; None makes one of its own, which `__exit__` shuts down.
    :param int max_message_size: bytes; larger messages are refused.
    :param early_hook: ``package.module:function`` that each child calls once it is booted and
        before it has any thread.
    :param bundle_extra: packages that are sent with the boot code, the hook's for example.
    :param bundle_cache: keeps boot code that takes long to make, see `BundleCache`; None: nobody.
    """

    def __init__(
        self,
        broker: Broker | None = None,
        max_message_size: int = MAX_MESSAGE_SIZE,
        early_hook: str | None = None,
        bundle_extra: tuple[str, ...] = (),
        bundle_cache: BundleCache | None = None,
    ) -> None:
        broker = MasterBroker() if broker is None else broker
        super().__init__(broker, Identity(0, ()), max_message_size, self._make_connector)
        self._early_hook = early_hook
        self._boot_code = BootCode(bundle_extra, bundle_cache)
        self._ids = IdSource(self)
        self.responder = ModuleResponder()
        self._modules = ModuleServer(self, self.responder)
        self.add_handler(self._on_log, FORWARD_LOG)
        self.add_handler(self._on_bundle_request, GET_BUNDLE)

    def _make_connector(self, router: Router) -> Connector:
        settings = ChildSettings(self._fetch_bundle, self.responder.policy, self._early_hook)
        return Connector(router, settings, self._ids)

    def _fetch_bundle(
        self, interpreter: InterpreterInfo, deliver: Callable[[bytes], object]
    ) -> None:
        deliver(self._boot_code.for_interpreter(interpreter))

    def _on_log(self, msg: Message) -> None:
        if msg.is_dead:
            return
        try:
            news = ForwardLog.from_value(msg.unpickle())
        except DecodeError as exc:
            LOG.warning("context %d sent an unreadable log record: %s", msg.src_id, exc)
            return
        context = self.context_by_id(msg.src_id, create=False)
        name = "ctx.%s" % (context.name if context is not None and context.name else msg.src_id)
        logging.getLogger(name).log(news.level, "%s: %s", news.logger, news.message)

    def _on_bundle_request(self, msg: Message) -> None:
        if not msg.is_dead:
            interpreter = InterpreterInfo.from_value(msg.unpickle())
            self._fetch_bundle(interpreter, msg.reply)

    def __enter__(self) -> "MasterRouter":
        return self

    def __exit__(self, *exc: object) -> None:
        self.broker.shutdown()
        self.broker.join()
