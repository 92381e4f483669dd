"""The early hook of contexts on Ansible's targets: splits the zygote off before any thread runs."""

import os
import sys
from _socket import socketpair  # socket's, without its import

from ansible_mitogen.target.attachment import Attachment
from ansible_mitogen.target.folder import StartFolder


def start(boot: "object") -> "Attachment":  # noqa: ARG001 -- hooks are given it
    """Fork the zygote; return what the context talks to it with.

    :param boot: the context's BootRecord. The descriptors of its link, like all others, are closed
        in the zygote: a module that leaves a daemon behind must not keep ssh from ending.
    """
    _forget_coerced_locale()
    folder = StartFolder()
    folder.leave()
    ours, theirs = socketpair()
    pid = os.fork()
    if not pid:
        try:
            # Only that half needs these; they are imported while the context goes on booting.
            from ansible_mitogen.target.zygote import become_zygote

            become_zygote(theirs, folder)
        except BaseException:
            # Descriptor 2 is the context's still, which logs what arrives there.
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)
    theirs.close()
    return Attachment(ours, pid, folder)


def _forget_coerced_locale() -> "None":
    """Undo what the interpreter did to the environment in the C locale (PEP 538).

    Programs that are started from here, such as sudo, are to find what they would without it. A
    runner does it anew.
    """
    name, given = "LC_CTYPE", os.environ
    if name not in given:
        return
    try:
        # As it was handed to the program.
        with open("/proc/self/environ", "rb") as source:
            items = source.read().split(b"\0")
    except OSError:
        items = [b""]
    for item in items:
        if item.startswith(b"LC_CTYPE="):
            given[name] = os.fsdecode(item.partition(b"=")[2])
            return
    # Where that cannot be seen: the mode is what the C locale means, unless asked for.
    is_coerced = getattr(sys.flags, "utf8_mode", 0) and "PYTHONUTF8" not in given
    if items != [b""] or (is_coerced and not given.get("LC_ALL")):
        del given[name]
