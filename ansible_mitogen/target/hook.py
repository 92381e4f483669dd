"""The early hook of contexts on Ansible's targets: splits the zygote off before any thread runs."""

import os
import socket

from ansible_mitogen.target.attachment import Attachment


def start(boot: "object") -> "Attachment":
    """Fork the zygote; return what the context talks to it with.

    :param boot: the context's BootRecord. The descriptors of its link, like all others, are closed
        in the zygote: a module that leaves a daemon behind must not keep ssh from ending.
    """
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if not pid:
        try:
            # Only that half needs these; they are imported while the context goes on booting.
            from ansible_mitogen.target.zygote import become_zygote

            become_zygote(theirs)
        finally:
            os._exit(1)
    theirs.close()
    return Attachment(ours, pid)
