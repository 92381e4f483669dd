"""What keeps the zygote and its runners apart from the context they were forked from."""

import binascii
import os
import sys

_OURS = ("mitogen", "ansible_mitogen")


def close_descriptors(kept: "int") -> "None":
    """Close all descriptors but the standard ones and *kept*."""
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except (OSError, ValueError):
        numbers = range(3, min(os.sysconf("SC_OPEN_MAX"), 4096))
    for fd in numbers:
        if fd > 2 and fd != kept:
            try:
                os.close(fd)
            except OSError:
                pass  # the listing's own


def leave_our_modules() -> "list":
    """Make our modules, and the boot code, something that no import finds; return the modules.

    A module sees what it brought and what the host has installed, as with stock Ansible.
    """
    names = [name for name in sys.modules if name.partition(".")[0] in _OURS]
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if type(finder).__module__.partition(".")[0] not in _OURS
    ]
    sys.path[:] = [path for path in sys.path if path not in ("", ".")]
    if hasattr(sys, "orig_argv"):
        sys.orig_argv[:] = sys.orig_argv[:1]
    return [sys.modules.pop(name) for name in names]


def virtual_root() -> "str":
    """The path of a zip file as stock Ansible makes it; there is none."""
    # Not tempfile.gettempdir: it remembers, and the environment of a task may say otherwise.
    folder = os.environ.get("TMPDIR") or "/tmp"
    name = "ansible_module_payload"
    token = binascii.hexlify(os.urandom(4)).decode()
    return "%s/%s_%s/%s.zip" % (folder.rstrip("/"), name, token, name)
