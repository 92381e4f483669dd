"""Where another collection's file has moved to."""

from .neighbour import NEIGHBOUR

ARRIVED = [__name__, NEIGHBOUR]
