"""What was run how, one JSON line for each, into the file that MITOGEN_TRACE_FILE names."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Literal

Way = Literal["module", "command", "operation", "stock"]


@dataclasses.dataclass(frozen=True)
class TraceLine:
    """One thing that a connection was asked to do."""

    host: str
    task: str
    action: str
    way: Way
    reason: str = ""
    #: A module that went straight to the interpreter that it would have restarted itself under.
    interpreter: str = ""
    #: Messages to the host and from it.
    sent: int = 0
    received: int = 0


def trace(line: TraceLine) -> None:
    """Append *line*, when the user asked for it."""
    path = os.environ.get("MITOGEN_TRACE_FILE")
    if not path:
        return
    # One write in append mode: lines of parallel workers do not mix.
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, json.dumps(dataclasses.asdict(line)).encode() + b"\n")
    finally:
        os.close(fd)
