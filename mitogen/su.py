"""The documented import path of what can go wrong with ``router.su()``."""

from mitogen.errors import PasswordError

__all__ = ["PasswordError"]
