"""A context asked to start children loads what that takes, on a thread of its own.

The code comes over the wire, through the broker thread, which can therefore not wait for it; and
the main thread may be busy with somebody's function for hours.
"""

import threading

from mitogen.errors import CallError
from mitogen.runtime.message import has_parent_authority

START_CHILD = 111


class Parenthood:
    """Serves START_CHILD. Broker thread, apart from the loading."""

    def __init__(self, router: "object") -> "None":
        self._router = router
        self._waiting = []
        self._connector = None
        router.add_handler(self._on_request, START_CHILD, policy=has_parent_authority)

    def _on_request(self, msg: "object") -> "None":
        if msg.is_dead:
            return
        if self._connector is not None:
            self._connector.start_for(msg)
            return
        self._waiting.append(msg)
        if len(self._waiting) == 1:
            threading.Thread(target=self._load, name="mitogen.load", daemon=True).start()

    def _load(self) -> "None":
        try:
            connector = self._router.connector()
        except Exception as exc:
            self._router.broker.defer(self._on_failed, exc)
        else:
            self._router.broker.defer(self._on_loaded, connector)

    def _on_loaded(self, connector: "object") -> "None":
        self._connector = connector
        waiting, self._waiting = self._waiting, []
        for msg in waiting:
            connector.start_for(msg)

    def _on_failed(self, exc: "Exception") -> "None":
        waiting, self._waiting = self._waiting, []
        for msg in waiting:
            msg.reply(CallError.from_exception(exc))
