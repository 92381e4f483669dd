"""Connection methods: one file each, found by name."""

import importlib
import sys

from mitogen.methods.declaration import Method, Option, Options

__all__ = ["NAMES", "Method", "Option", "Options", "build_options", "find", "to_dict"]

#: Every method, in the order of the documentation. Each is loaded when it is first asked for: a
#: context that becomes a parent gets only the files of those it uses.
NAMES = (
    "local", "fork", "ssh", "sudo", "su", "doas", "docker", "podman", "buildah", "kubectl", "lxc",
    "lxd", "incus", "jail", "setns", "wrapped", "command",
)  # fmt: skip


def find(name: "str") -> "Method":
    """The method called *name*.

    One that is loaded is found without the import system: the broker thread may ask for it, and an
    import in another thread holds a lock while it waits for that one.

    :raises LookupError: there is none.
    """
    if name not in NAMES:
        raise LookupError("no connection method is called %r" % (name,))
    fullname = "mitogen.methods." + name
    loaded = getattr(sys.modules.get(fullname), "METHOD", None)
    return loaded or importlib.import_module(fullname).METHOD


def build_options(method: "Method", **given: "object") -> "Options":
    """The options record of *method* for keyword arguments.

    :raises TypeError: one is unknown or missing.
    :raises ValueError: a value cannot be.
    """
    return method.build_options(given)


def to_dict(options: "Options", name: "str") -> "dict":
    """Keyword arguments that make the same options elsewhere, under the context name *name*."""
    return dict(options.given, name=name)
