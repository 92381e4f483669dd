"""The early hook of contexts on Ansible's targets: splits the zygote off before any thread runs."""

import os
import sys
from _socket import socketpair  # socket's, without its import

from ansible_mitogen.target.attachment import Attachment


def start(boot: "object") -> "Attachment":  # noqa: ARG001 -- hooks are given it
    """Fork the zygote; return what the context talks to it with.

    :param boot: the context's BootRecord. The descriptors of its link, like all others, are closed
        in the zygote: a module that leaves a daemon behind must not keep ssh from ending.
    """
    _forget_coerced_locale()
    ours, theirs = socketpair()
    pid = os.fork()
    if not pid:
        try:
            # Only that half needs these; they are imported while the context goes on booting.
            from ansible_mitogen.target.zygote import become_zygote

            become_zygote(theirs)
        except BaseException:
            # Descriptor 2 is the context's still, which logs what arrives there.
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)
    theirs.close()
    return Attachment(ours, pid)


def _forget_coerced_locale() -> "None":
    """Undo what the interpreter did to the environment in the C locale (PEP 538).

    Programs that are started from here, such as sudo, are to find what they would without it. A
    runner does it anew.
    """
    given = os.environ
    if getattr(sys.flags, "utf8_mode", 0) and not given.get("LC_ALL") and "PYTHONUTF8" not in given:
        # That mode is what the C locale means, so that this variable is not the login's.
        given.pop("LC_CTYPE", None)
