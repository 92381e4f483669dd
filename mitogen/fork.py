"""The documented import path of what goes with ``router.fork()``."""

from mitogen.controller.forking import on_fork
from mitogen.errors import ForkError as Error

__all__ = ["Error", "on_fork"]
