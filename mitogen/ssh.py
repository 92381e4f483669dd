"""The documented import path of what can go wrong with ``router.ssh()``."""

from mitogen.errors import HostKeyError, PasswordError

__all__ = ["HostKeyError", "PasswordError"]
