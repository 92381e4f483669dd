"""Stands in for the bindings of LXC, as far as its connection plugin uses them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from typing import Any

LXC_ATTACH_CLEAR_ENV = 1


def attach_run_command(argv: list[str]) -> None:
    """In the container: become that program."""
    os.execvp(argv[0], argv)


class Container:
    """A container: this machine, through the program that stands in for ``lxc-attach``."""

    def __init__(self, name: str) -> None:
        self.state = "STOPPED" if name == "none" else "RUNNING"
        self._enter = [str(shutil.which("lxc-attach")), "--clear-env", "--name", name, "--"]

    def attach(
        self,
        function: Callable[[list[str]], None],
        argv: list[str],
        *,
        stdout: int,
        stderr: int,
        stdin: int | None = None,
        env_policy: int,
    ) -> int:
        """The process that runs *argv* inside."""
        assert function is attach_run_command
        assert env_policy == LXC_ATTACH_CLEAR_ENV
        pid = os.fork()
        if pid == 0:
            if stdin is not None:
                os.dup2(stdin, 0)
            os.dup2(stdout, 1)
            os.dup2(stderr, 2)
            os.execv(self._enter[0], [*self._enter, *argv])
        for fd in (stdin, stdout, stderr):
            # The plugin makes its own ends so, and the program's with them.
            if fd is not None:
                os.set_blocking(fd, True)
        return pid

    def attach_wait(self, function: Callable[[Any], None], argument: Any) -> int:
        """Run a function inside, and wait for its end."""
        function(argument)
        return 0
