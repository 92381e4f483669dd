"""What a process passes on to the children it starts."""

import logging

from mitogen.bootstrap.boot_record import BootRecord


class ChildSettings:
    """Settings that every child inherits.

    :param early_hook: ``package.module:function`` called in each child before any thread exists.
    :param import_policy: ``import_policy() -> ImportPolicy``, asked for each child anew, since a
        program may add to it at any time.
    :param fetch_bundle: ``fetch_bundle(interpreter, deliver)`` ends in ``deliver(bytes)``, or
        ``deliver(None)`` when there is none, on the broker thread.
    :param folder: ``folder() -> str | None``: where programs that lead to children start; None for
        where this process is.
    """

    def __init__(
        self,
        fetch_bundle: "object",
        import_policy: "object",
        early_hook: "str | None" = None,
        folder: "object" = lambda: None,
    ) -> "None":
        self.fetch_bundle = fetch_bundle
        self.folder = folder
        self.early_hook = early_hook
        self._import_policy = import_policy

    def boot_record(
        self, router: "object", context_id: "int", options: "object", nonce: "str", title: "str"
    ) -> "BootRecord":
        """What the child is told about itself."""
        unidirectional = options.unidirectional
        policy = self._import_policy()
        return BootRecord(
            context_id=context_id,
            parent_ids=[router.identity.context_id, *router.identity.parent_ids],
            name=title,
            nonce=nonce,
            log_level=_log_level(router.debug or options.debug),
            max_message_size=options.max_message_size or router.max_message_size,
            unidirectional=router.unidirectional if unidirectional is None else unidirectional,
            early_hook=self.early_hook,
            whitelist=policy.whitelist,
            blacklist=policy.blacklist,
            overrides=policy.overrides,
            debug=bool(router.debug or options.debug),
        )


def _log_level(is_debugging: "bool") -> "int":
    """Children make no records that nobody here would see."""
    if is_debugging:
        return logging.DEBUG
    return min(logging.getLogger().getEffectiveLevel(),
               logging.getLogger("mitogen").getEffectiveLevel())
