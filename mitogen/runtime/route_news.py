"""Who is where in the tree, as told by neighbours.

News of a new context travel up to the master. News of a loss travel up, and down to every
neighbour whose side has ever sent to the lost context, so that nobody waits for it.
"""

from mitogen.runtime.message import Message
from mitogen.wire.control import AddRoute, DelRoute
from mitogen.wire.handles import ADD_ROUTE, DEL_ROUTE


class RouteNews:
    """Keeps the route table of *router* and passes the news on. Broker thread only."""

    def __init__(self, router: "object") -> "None":
        self._router = router
        router.add_handler(self._on_add_route, ADD_ROUTE)
        router.add_handler(self._on_del_route, DEL_ROUTE)

    def _is_parent(self, context_id: "int") -> "bool":
        return context_id in self._router.identity.parent_ids

    def add_neighbour(self, context: "object") -> "None":
        """A stream to *context* is up."""
        if self._is_parent(context.context_id):
            return
        self._router.table.add(context.context_id, context.context_id)
        self._tell_parent(ADD_ROUTE, AddRoute(context.context_id, context.name))

    def neighbour_lost(self, stream: "object", reason: "str") -> "None":
        """The stream to a neighbour has closed: everything behind it is lost."""
        if self._is_parent(stream.remote_id):
            for context_id in self._router.identity.parent_ids:
                self._router.context_lost(context_id, reason)
            return
        lost = set(self._router.table.routes_through(stream.remote_id))
        for context_id in sorted(lost | {stream.remote_id}):
            self._lose(context_id, reason, stream.remote_id)

    def _lose(self, context_id: "int", reason: "str", from_id: "int") -> "None":
        if self._router.table.via(context_id) is not None:
            self._router.table.remove(context_id)
            self._tell_parent(DEL_ROUTE, DelRoute(context_id))
        for stream in self._router.get_streams():
            if stream.remote_id != from_id and context_id in stream.talked_to:
                stream.talked_to.discard(context_id)
                if not self._is_parent(stream.remote_id):
                    self._tell(stream.remote_id, DEL_ROUTE, DelRoute(context_id))
        self._router.context_lost(context_id, reason)

    def _tell_parent(self, handle: "int", record: "object") -> "None":
        if self._router.identity.parent_ids:
            self._tell(self._router.identity.parent_ids[0], handle, record)

    def _tell(self, context_id: "int", handle: "int", record: "object") -> "None":
        msg = Message.pickled(record.to_value(), handle=handle)
        msg.dst_id = context_id
        self._router.send(msg)

    def _on_add_route(self, msg: "Message") -> "None":
        if msg.is_dead:
            return
        news = AddRoute.from_value(msg.unpickle())
        router = self._router
        is_neighbour = router.table.via(msg.src_id) == msg.src_id
        is_free = (
            router.table.via(news.context_id) in (None, msg.src_id)
            and news.context_id != router.identity.context_id
            and not self._is_parent(news.context_id)
        )
        if not is_neighbour:
            return
        if router.is_awaited(news.context_id):
            # Asked for by this context, which adds the route itself, behind what waits for it.
            self._tell_parent(ADD_ROUTE, news)
            return
        if not is_free:
            return  # nobody may claim what is somebody else's
        router.table.add(news.context_id, msg.src_id)
        router.context_by_id(news.context_id, via_id=msg.src_id, name=news.name)
        self._tell_parent(ADD_ROUTE, news)

    def _on_del_route(self, msg: "Message") -> "None":
        if msg.is_dead:
            return
        lost_id = DelRoute.from_value(msg.unpickle()).context_id
        router = self._router
        reason = "context %d was lost" % (lost_id,)
        if self._is_parent(msg.src_id):
            if not self._is_parent(lost_id) and router.table.via(lost_id) is None:
                self._lose(lost_id, reason, msg.src_id)
        elif (
            router.table.via(msg.src_id) == msg.src_id == router.table.via(lost_id)
            and lost_id != msg.src_id
        ):
            self._lose(lost_id, reason, msg.src_id)
