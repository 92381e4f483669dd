"""The become plugin as actions see it while the connection itself is the escalated account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class BecomeProxy:
    """Stands before the real become plugin and wraps nothing.

    The connection reaches the become user's own interpreter, so a command is run as it is. All
    else (options, prompts, names) is the real plugin's. Where the connection turns out to be
    stock, everything is.

    :param is_accelerated: answers at the moment of the call.
    """

    def __init__(self, plugin: Any, is_accelerated: Callable[[], bool]) -> None:
        self._plugin = plugin
        self._is_accelerated = is_accelerated

    def build_become_command(self, cmd: str, shell: Any) -> str:
        """*cmd* itself, or what the real plugin makes of it."""
        if self._is_accelerated():
            return cmd
        return str(self._plugin.build_become_command(cmd, shell))

    @property
    def pipelining(self) -> bool:
        """Whether modules may come by their stdin, which is nobody's but ours."""
        return self._is_accelerated() or bool(self._plugin.pipelining)

    @property
    def name(self) -> str:
        """The plugin's; up to 2.18 the core does not pipeline for one called ``su``."""
        name = str(self._plugin.name)
        return f"mitogen_{name}" if name == "su" and self._is_accelerated() else name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plugin, name)

    def __repr__(self) -> str:
        return f"BecomeProxy({self._plugin!r})"
