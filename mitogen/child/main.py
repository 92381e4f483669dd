"""The life of a context, from the end of its boot to the end of its process."""

import atexit
import os
import sys
import threading

import mitogen
from mitogen.bootstrap.markers import up_marker
from mitogen.child.dispatcher import Dispatcher
from mitogen.child.modules import ModuleGateway
from mitogen.child.parenthood import Parenthood
from mitogen.child.stdio import LineLogger, StandardDescriptors, print_line_by_line
from mitogen.errors import Error
from mitogen.imports.after_import import call_after_import
from mitogen.imports.finder import WireFinder
from mitogen.imports.policy import ImportPolicy
from mitogen.routing import Identity
from mitogen.runtime.broker import Broker
from mitogen.runtime.deadline import Deadline
from mitogen.runtime.journal import DEBUG
from mitogen.runtime.link import open_link
from mitogen.runtime.message import Message, has_parent_authority
from mitogen.runtime.router import Router
from mitogen.runtime.stream import Stream
from mitogen.wire.handles import DETACHING, SHUTDOWN

#: Seconds the main thread gets to leave a function, and exit handlers to run, once the parent is
#: gone or asked for the end. Nobody waits for a result any more.
GRACE = 1.0
DETACH_TIMEOUT = 30.0


class ExternalContext:
    """This process as a context: what functions that `takes_econtext` are given.

    `router`, `broker`, `context_id`, `parent` and `master` (Contexts), `importer`, `dispatcher`.
    `start_folder`: None, or what tells by ``where()`` which folder programs that lead to children
    start in, for a process that has left it.
    """

    def __init__(self, boot: "object", descriptors: "StandardDescriptors") -> "None":
        self.boot = boot
        self.context_id = boot.context_id
        self.is_detached = False
        self.start_folder = None
        self._main_is_done = threading.Event()
        self._patience = None
        self.broker = Broker()
        self.broker.shutdown_timeout = GRACE
        self.router = Router(
            self.broker,
            Identity(boot.context_id, tuple(boot.parent_ids)),
            boot.max_message_size,
            self._load_connector,
        )
        self.router.unidirectional = boot.unidirectional
        self.router.debug = boot.debug
        self.parent = self.router.context_by_id(boot.parent_ids[0], name="parent")
        self.master = self.router.context_by_id(0, name="master")
        call_after_import("logging", self._start_forwarding)
        if boot.log_level <= DEBUG:
            __import__("logging")
        self.modules = ModuleGateway(self.router, self.parent)
        self.import_policy = ImportPolicy(boot.whitelist, boot.blacklist, boot.overrides)
        self.importer = WireFinder(self.modules.request, self.import_policy)
        self.dispatcher = Dispatcher(self)
        self.parenthood = Parenthood(self.router)
        self.router.add_handler(self._on_shutdown, SHUTDOWN, policy=has_parent_authority)
        self._descriptors = descriptors
        self.broker.listen("shutdown", self._begin_end)
        self.broker.listen("exit", self._await_main)

    def _start_forwarding(self, _logging: "object") -> "None":
        from mitogen.child.logs import start_forwarding  # needs `logging`

        start_forwarding(self.master, self.boot.log_level)

    def start(self, attachment: "object") -> "None":
        """Begin to listen to the parent; *attachment* is what the early hook returned."""
        self.importer.install()
        self.broker.defer_sync(lambda: self._start_on_broker(attachment))

    def _start_on_broker(self, attachment: "object") -> "None":
        self._loggers = [
            LineLogger(self.broker, fd, name, self.boot.log_level)
            for name, fd in sorted(self._descriptors.output_fds.items())
        ]
        if attachment is not None:
            attachment.attach(self)
            self.broker.listen("shutdown", attachment.detach)
        link = open_link(self._descriptors.link_read, self._descriptors.link_write)
        self.stream = Stream(self.broker, self.router, self.parent.context_id, link)
        self.stream.listen("disconnect", self._on_parent_lost)
        self.router.register(self.parent, self.stream)
        self.stream.start()

    def detach(self) -> "None":
        """Finish what the main thread does also without the parent. Any thread but the broker's.

        :raises mitogen.core.TimeoutError: the parent does not answer.
        """
        self.is_detached = True
        self.parent.send_await(Message(handle=DETACHING), DETACH_TIMEOUT)

    def _on_parent_lost(self, _reason: "str") -> "None":
        # What waits in the queue is nobody's any more; what runs may be, see `detach`.
        self.dispatcher.close(drop_waiting=True)
        if not self.is_detached:
            self.broker.shutdown()

    def _on_shutdown(self, msg: "Message") -> "None":
        if not msg.is_dead:
            self.broker.shutdown()

    def _begin_end(self) -> "None":
        self._patience = Deadline(GRACE)
        self.dispatcher.close()
        for logger in self._loggers:
            logger.flush()
        if not self.stream.is_closed:
            self.broker.hold(self.stream)
            self.stream.listen("disconnect", lambda _reason: self.broker.release(self.stream))

    def _finish(self) -> "None":
        """The main thread has nothing more to say: let the last records out, then hang up."""
        for logger in self._loggers:
            logger.flush()
        self.stream.finish("the context ends")

    def _load_connector(self, _router: "Router") -> "object":
        # By name: most contexts never start children, and this layer lies below the controller's.
        name = "mitogen.controller.child_settings"
        __import__(name)
        return sys.modules[name].connector_for(self)

    def _await_main(self) -> "None":
        if not self._main_is_done.wait(self._patience.remaining()):
            os._exit(1)

    def run(self) -> "None":
        """Serve calls until the end; does not return. Main thread."""
        self.dispatcher.run()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self._main_is_done.set()
        try:
            self.broker.defer(self._finish)
        except Error:
            pass  # the broker has ended, and the link with it
        self.broker.join(2 * GRACE)
        os._exit(0)


def _call_early_hook(boot: "object") -> "object":
    if not boot.early_hook:
        return None
    module, _, function = boot.early_hook.partition(":")
    __import__(module)
    return getattr(sys.modules[module], function)(boot)


def describe_process(boot: "object") -> "None":
    """Say in the package what this process is."""
    mitogen.is_master = False
    mitogen.context_id = boot.context_id
    mitogen.parent_ids = list(boot.parent_ids)
    mitogen.parent_id = boot.parent_ids[0]


def main(boot: "object") -> "None":
    """Become the context that *boot* describes; called by the loader, does not return.

    :param boot: `mitogen.bootstrap.boot_record.BootRecord`.
    """
    descriptors = StandardDescriptors()
    boot.link_fds = (descriptors.link_read, descriptors.link_write)
    describe_process(boot)
    try:
        attachment = _call_early_hook(boot)
        print_line_by_line()
        context = ExternalContext(boot, descriptors)
    except Exception:
        # No process, thread or descriptor is left, say. Up to here the parent reads what is said.
        os.dup2(descriptors.link_write, 2)
        raise
    os.write(descriptors.link_write, up_marker(boot.nonce))
    context.start(attachment)
    context.run()
