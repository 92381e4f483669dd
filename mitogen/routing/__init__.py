"""Who is who in the tree, and which way a frame goes; pure."""


class Identity:
    """What a context is: its id and those of its parents, nearest first."""

    __slots__ = ("context_id", "parent_ids")

    def __init__(self, context_id: "int", parent_ids: "tuple") -> "None":
        self.context_id = context_id
        self.parent_ids = parent_ids


class Forward:
    """Verdict: the frame goes to a neighbour."""

    __slots__ = ("neighbour_id",)

    def __init__(self, neighbour_id: "int") -> "None":
        self.neighbour_id = neighbour_id


class Refuse:
    """Verdict: the sender is told that, and why, nobody gets the frame."""

    __slots__ = ("reason",)

    def __init__(self, reason: "str") -> "None":
        self.reason = reason


class Discard:
    """Verdict: nobody gets the frame, and nobody is told."""

    __slots__ = ("reason",)

    def __init__(self, reason: "str") -> "None":
        self.reason = reason


class Deliver:
    """Verdict: the frame is for this context."""

    __slots__ = ()


DELIVER = Deliver()


class RouteTable:
    """Which neighbour leads to which context.

    Changed by one thread; `via` may be asked by any, being one dictionary look-up.
    """

    def __init__(self) -> "None":
        self._via = {}

    def add(self, context_id: "int", via_id: "int") -> "None":
        """*context_id* is reached through the neighbour *via_id*."""
        self._via[context_id] = via_id

    def remove(self, context_id: "int") -> "None":
        """Forget the way; harmless when there is none."""
        self._via.pop(context_id, None)

    def via(self, context_id: "int") -> "int | None":
        """The neighbour that leads to *context_id*; None when no way down is known."""
        return self._via.get(context_id)

    def routes_through(self, neighbour_id: "int") -> "list":
        """The contexts reached through *neighbour_id*, itself included."""
        return [key for key, via in list(self._via.items()) if via == neighbour_id]


_NO_ROUTE = Refuse("no route")
_FORGED = Discard("it does not come from where it claims")
_UNIDIRECTIONAL = Refuse("only traffic with a parent is allowed (unidirectional)")


def route(
    frame: "object",
    ingress: "int | None",
    identity: "Identity",
    table: "RouteTable",
    unidirectional: "bool",
) -> "object":
    """Decide where *frame* goes.

    :param ingress: the neighbour it came from; None when it was made here.
    :returns: `Forward`, `Deliver`, `Refuse` (tell the sender) or `Discard`.
    """
    dst_id = frame.dst_id
    parents = identity.parent_ids
    is_from_parent = bool(parents) and ingress == parents[0]
    if ingress is not None and not is_from_parent:
        via = table.via
        if via(frame.src_id) != ingress:
            return _FORGED
        if frame.auth_id != frame.src_id and via(frame.auth_id) != ingress:
            return _FORGED
    if dst_id == identity.context_id:
        return DELIVER
    neighbour = table.via(dst_id)
    if neighbour is None:
        if not parents:
            return Refuse("no route to context %d" % (dst_id,))
        neighbour = parents[0]
    if neighbour == ingress:
        # What would go back where it came from has no route.
        return Refuse("no route to context %d" % (dst_id,))
    if unidirectional and ingress is not None and not is_from_parent and neighbour not in parents:
        return _UNIDIRECTIONAL
    return Forward(neighbour)


def has_parent_authority(auth_id: "int", identity: "Identity") -> "bool":
    """Whether *auth_id* is this context or one of its parents."""
    return auth_id == identity.context_id or auth_id in identity.parent_ids
