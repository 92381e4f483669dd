"""Users' programs, run as they run them: a file, an interpreter, nothing prepared.

A `Program` ends on its own or by a signal; everything below it is checked by the leak fixture,
since the test process is the subreaper of what the program leaves behind.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

REPOSITORY = Path(__file__).resolve().parent.parent.parent
TIMEOUT = 60.0


@dataclass(frozen=True)
class Outcome:
    """How a program ended."""

    status: int
    out: str
    err: str
    seconds: float


class Program:
    """A running program; a context manager that ends it in any case."""

    def __init__(
        self,
        path: Path,
        *arguments: str,
        environment: dict[str, str] | None = None,
        interpreter: str = sys.executable,
    ) -> None:
        self._started = time.monotonic()
        self._out = b""
        self.process = subprocess.Popen(
            [interpreter, str(path), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=path.parent,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})},
        )

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait_line(self) -> str:
        """The next line it prints.

        :raises AssertionError: it ended, or said nothing in time.
        """
        assert self.process.stdout is not None
        end = time.monotonic() + TIMEOUT
        while b"\n" not in self._out:
            fd = self.process.stdout.fileno()
            ready, _, _ = select.select([fd], [], [], max(0.0, end - time.monotonic()))
            data = os.read(fd, 65536) if ready else b""
            if not data:
                self.process.kill()
                _, err = self.process.communicate()
                raise AssertionError(f"no line came; stderr: {err.decode()}")
            self._out += data
        line, _, self._out = self._out.partition(b"\n")
        return line.decode()

    def finish(self, timeout: float = TIMEOUT) -> Outcome:
        """Wait for its end.

        :raises subprocess.TimeoutExpired: it does not end.
        """
        out, err = self.process.communicate(timeout=timeout)
        seconds = time.monotonic() - self._started
        text = (self._out + out).decode(errors="replace")
        return Outcome(self.process.returncode, text, err.decode(errors="replace"), seconds)


def write_tree(folder: Path, files: dict[str, str]) -> Path:
    """Write the files, texts dedented, and return the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return folder


def start(folder: Path, source: str, *arguments: str) -> Program:
    """Start a program of one file."""
    return Program(write_tree(folder, {"program.py": source}) / "program.py", *arguments)


def run(folder: Path, source: str, *arguments: str) -> Outcome:
    """Run a program of one file to its end."""
    with start(folder, source, *arguments) as program:
        return program.finish()
