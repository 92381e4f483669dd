"""The documented import path of waiting for several queues at once."""

from mitogen.errors import SelectError as Error
from mitogen.runtime.select import Event, Select

__all__ = ["Error", "Event", "Select"]
