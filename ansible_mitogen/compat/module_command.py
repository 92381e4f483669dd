"""The command that runs a module: up to 2.18 the shell takes the interpreter's name apart."""

from __future__ import annotations

import functools
import importlib
from typing import Any


@functools.cache
def quotes_interpreters() -> bool:
    """Whether an interpreter is one word, blanks and all; else it may have arguments."""
    plugin: Any = importlib.import_module("ansible.plugins.shell.sh")
    command: str = plugin.ShellModule().build_module_command("", "#!a b", "")
    return command.strip() != "a b"
