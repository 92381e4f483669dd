"""The documented import path of what can go wrong with ``router.setns()``."""

from mitogen.errors import NamespaceError as Error

__all__ = ["Error"]
