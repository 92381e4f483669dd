"""Modules asked for here or by a child of this context: from the cache, else from the parent.

Everything runs on the broker thread, the requests of this process's own imports included, which
arrive as messages to itself: one path, no lock.
"""

from mitogen.errors import ChannelError
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
        router.add_handler(self._on_request, GET_MODULE)

    def request(self, wanted: "GetModule") -> "LoadModule":
        """Fetch a module for this process. Any thread but the broker's.

        :raises mitogen.core.TimeoutError: the parent did not answer in time.
        :raises mitogen.core.ChannelError: the parent is gone.
        """
        msg = Message.pickled(wanted.to_value(), handle=GET_MODULE)
        value = self._router.myself().send_await(msg, REQUEST_TIMEOUT)
        return LoadModule.from_value(value)
