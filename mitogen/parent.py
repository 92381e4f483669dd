"""The documented import path of what starting children can end in."""

from mitogen.errors import CancelledError, EofError
from mitogen.runtime.context import CallChain, Context

__all__ = ["CallChain", "CancelledError", "Context", "EofError"]
