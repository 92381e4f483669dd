"""A connection plugin that nobody but this playbook knows: runs here, and marks what it runs."""

from __future__ import annotations

import shlex
from typing import Any

from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: courier
short_description: runs here
description: As `local`, with a word of its own in the environment of every command.
author: nobody
options:
  word:
    description: the word
    default: default
    vars:
      - name: ansible_courier_word
"""


class Connection(LocalConnection):  # type: ignore[misc]
    """As the class says."""

    transport = "courier"

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        """With the word."""
        word = shlex.quote(self.get_option("word"))
        return super().exec_command(f"COURIER={word} {cmd}", in_data, sudoable)
