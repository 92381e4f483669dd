"""A context asked to start children loads what that takes, on a thread of its own.

The code comes over the wire, through the broker thread, which can therefore not wait for it; and
the main thread may be busy with somebody's function for hours.
"""

import threading

from mitogen.errors import CallError
from mitogen.runtime.message import has_parent_authority
from mitogen.wire.handles import START_CHILD

#: Name of the threads that load.
LOADING = "mitogen.load"


class Parenthood:
    """Serves START_CHILD. Broker thread, apart from the loading."""

    def __init__(self, router: "object") -> "None":
        self._router = router
        self._ready = set()
        self._waiting = {}
        router.add_handler(self._on_request, START_CHILD, policy=has_parent_authority)

    def _on_request(self, msg: "object") -> "None":
        if msg.is_dead:
            return
        method = str(msg.unpickle()[1])
        if method in self._ready:
            self._router.connector().start_for(msg)
        elif method in self._waiting:
            self._waiting[method].append(msg)
        else:
            threading.Thread(
                target=self._load, args=(method,), name=LOADING, daemon=True
            ).start()
            # Where no thread can be had, the next request tries again.
            self._waiting[method] = [msg]

    def _load(self, method: "str") -> "None":
        error = None
        try:
            self._router.connector().load_method(method)
        except Exception as exc:
            error = CallError.from_exception(exc)
        self._router.broker.defer(self._on_loaded, method, error)

    def _on_loaded(self, method: "str", error: "CallError | None") -> "None":
        waiting = self._waiting.pop(method)
        if error is None:
            self._ready.add(method)
        for msg in waiting:
            if error is None:
                self._router.connector().start_for(msg)
            else:
                msg.reply(error)
