"""The documented import path of what can go wrong with ``router.doas()``."""

from mitogen.errors import PasswordError

__all__ = ["PasswordError"]
