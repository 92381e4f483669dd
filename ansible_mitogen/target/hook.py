"""The early hook of contexts on Ansible's targets: splits the zygote off before any thread runs."""

import os
import sys
from _socket import socketpair  # socket's, without its import

from ansible_mitogen.target.attachment import Attachment
from ansible_mitogen.target.coercion import forget_coerced


def start(boot: "object") -> "Attachment":  # noqa: ARG001 -- hooks are given it
    """Fork the zygote; return what the context talks to it with.

    :param boot: the context's BootRecord. The descriptors of its link, like all others, are closed
        in the zygote: a module that leaves a daemon behind must not keep ssh from ending.
    """
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
    forget_coerced()  # sudo would hand it on
    return Attachment(ours, pid)
