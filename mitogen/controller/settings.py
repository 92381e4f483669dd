"""What a process passes on to the children it starts."""

import logging

from mitogen.bootstrap.boot_record import BootRecord


class ChildSettings:
    """Settings that every child inherits.

    :param early_hook: ``package.module:function`` called in each child before any thread exists.
    :param whitelist, blacklist: import prefixes (see `mitogen.imports.policy`).
    :param fetch_bundle: ``fetch_bundle(interpreter, deliver)`` ends in ``deliver(bytes)``, or
        ``deliver(None)`` when there is none, on the broker thread.
    """

    def __init__(
        self,
        fetch_bundle: "object",
        early_hook: "str | None" = None,
        whitelist: "tuple" = (),
        blacklist: "tuple" = (),
    ) -> "None":
        self.fetch_bundle = fetch_bundle
        self.early_hook = early_hook
        self.whitelist = list(whitelist)
        self.blacklist = list(blacklist)

    def boot_record(
        self, router: "object", context_id: "int", options: "object", nonce: "str", title: "str"
    ) -> "BootRecord":
        """What the child is told about itself."""
        unidirectional = options.unidirectional
        return BootRecord(
            context_id=context_id,
            parent_ids=[router.identity.context_id, *router.identity.parent_ids],
            name=title,
            nonce=nonce,
            log_level=_log_level(router.debug or options.debug),
            max_message_size=options.max_message_size or router.max_message_size,
            unidirectional=router.unidirectional if unidirectional is None else unidirectional,
            early_hook=self.early_hook,
            whitelist=self.whitelist,
            blacklist=self.blacklist,
            debug=bool(router.debug or options.debug),
            profiling=bool(options.profiling),
        )


def _log_level(is_debugging: "bool") -> "int":
    """Children make no records that nobody here would see."""
    if is_debugging:
        return logging.DEBUG
    return min(logging.getLogger().getEffectiveLevel(),
               logging.getLogger("mitogen").getEffectiveLevel())
