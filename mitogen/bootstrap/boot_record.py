"""What a new context is told about itself, by its parent, with the boot code."""

from mitogen.wire.values import decode, encode


class BootRecord:
    """The settings of one context. Plain values; written by the parent, read by the child.

    ``context_id, parent_ids`` (nearest first), ``name`` (its title in the process table),
    ``nonce`` (of its start), ``log_level, max_message_size, unidirectional, early_hook``
    (``package.module:function`` or None), ``whitelist, blacklist, overrides`` (import prefixes),
    ``debug``. `link_fds` is for the child itself: the descriptors of its link.
    """

    _FIELDS = (
        "context_id",
        "parent_ids",
        "name",
        "nonce",
        "log_level",
        "max_message_size",
        "unidirectional",
        "early_hook",
        "whitelist",
        "blacklist",
        "overrides",
        "debug",
    )
    __slots__ = (*_FIELDS, "link_fds")

    def __init__(
        self,
        context_id: "int",
        parent_ids: "list",
        name: "str",
        nonce: "str",
        log_level: "int" = 20,
        max_message_size: "int" = 128 * 1024 * 1024,
        unidirectional: "bool" = False,
        early_hook: "str | None" = None,
        whitelist: "tuple" = (),
        blacklist: "tuple" = (),
        overrides: "tuple" = (),
        debug: "bool" = False,
    ) -> "None":
        self.context_id = context_id
        self.parent_ids = list(parent_ids)
        self.name = name
        self.nonce = nonce
        self.log_level = log_level
        self.max_message_size = max_message_size
        self.unidirectional = unidirectional
        self.early_hook = early_hook
        self.whitelist = list(whitelist)
        self.blacklist = list(blacklist)
        self.overrides = list(overrides)
        self.debug = debug
        self.link_fds = ()

    def to_bytes(self) -> "bytes":
        """As it travels behind the boot code."""
        return encode([getattr(self, name) for name in self._FIELDS])

    @classmethod
    def from_bytes(cls, data: "bytes") -> "BootRecord":
        """What `to_bytes` wrote."""
        return cls(*decode(data))

    def __repr__(self) -> "str":
        return "BootRecord(%d, %r)" % (self.context_id, self.name)
