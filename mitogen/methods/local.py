"""A process on this machine, as this user."""

import sys

from mitogen.methods.declaration import Method


def _argv(_options: "object", remote_argv: "list", _remote_command: "str") -> "list":
    return remote_argv


def _default_python() -> "list | None":
    return [[sys.executable]] if sys.executable else None


METHOD = Method(
    name="local",
    doc="A process on this machine, as this user.",
    options=(),
    argv=_argv,
    default_name=lambda _options: "local",
    default_python=_default_python,
)
