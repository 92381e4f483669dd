"""The documented import path of what makes a fork of one's own safe."""

from mitogen.controller.corker import Corker

__all__ = ["Corker"]
