"""Looks around itself."""

from . import NAME
from .deeper import DEEPER

INNER = [NAME, DEEPER]
