"""Strategies' part: hosts that name a stock connection get ours, while a play of ours runs.

One reversible patch of ``connection_loader.get_with_context``, which is where the executor asks
for connections, by whatever name: ``ssh``, ``ansible.builtin.ssh``, the default.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible
from ansible.plugins import loader as loaders
from ansible.utils.display import Display

from ansible_mitogen.compat import module_arguments
from ansible_mitogen.kinds import KINDS

display = Display()

#: Our plugin for each kind of stock one.
OURS = {"ssh": "mitogen_ssh", "local": "mitogen_local"} | {
    kind.name: kind.plugin for kind in KINDS.values()
}

_TWINS = {kind.twin: kind.name for kind in KINDS.values() if kind.twin is not None}

_NAMESPACES = ("ansible.builtin.", "ansible.legacy.")

PLUGIN_DIRECTORY = Path(__file__).resolve().parent / "plugins" / "connection"


def stock_kind(name: Any) -> str | None:
    """Which kind of stock connection *name* means, of those we stand in for."""
    text = str(name)
    if text in _TWINS and not text.startswith(_NAMESPACES):
        return _TWINS[text]
    for namespace in _NAMESPACES:
        text = text.removeprefix(namespace)
    if text == "smart":
        # Up to 2.18: ssh, unless it is too old for ControlPersist, which none is any more.
        text = "ssh"
    if text in KINDS:
        return text if _resolves(text) == KINDS[text].twin else None
    return text if text in OURS else None


@functools.cache
def _resolves(name: str) -> str:
    """The full name of the plugin that Ansible finds by *name*, which may be somebody's own."""
    loader: Any = loaders.connection_loader
    return str(loader.find_plugin_with_context(name).resolved_fqcn)


def is_for_task(kind: str, kwargs: dict[str, Any]) -> bool:
    """Whether a connection is asked for by the executor.

    Network plugins ask for ``local`` and look at ``ssh``'s class for purposes of their own;
    ``meta: reset_connection`` asks without saying for which task, and means the host.
    """
    if kwargs.get("class_only"):
        return False
    return "task_uuid" in kwargs or kind != "local"


@contextlib.contextmanager
def connections_taken_over() -> Iterator[None]:
    """Within, the executor gets our connections for stock names."""
    loader: Any = loaders.connection_loader
    loader.add_directory(str(PLUGIN_DIRECTORY))
    original = loader.get_with_context

    @functools.wraps(original)
    def get_with_context(name: Any, *args: Any, **kwargs: Any) -> Any:
        kind = stock_kind(name)
        if kind is None or not is_for_task(kind, kwargs):
            if kind is None and "task_uuid" in kwargs:
                _say_foreign(str(name), *args)
            return original(name, *args, **kwargs)
        result = original(OURS[kind], *args, **kwargs)
        if result.object is not None:
            _answer_to_stock_names(result.object, kind)
        return result

    loader.get_with_context = get_with_context
    try:
        yield
    finally:
        # What was found on the class before was no attribute of the instance.
        del loader.get_with_context


def _say_foreign(name: str, play_context: Any = None, *_more: Any) -> None:
    if name not in OURS.values():
        message = f"Mitogen leaves this connection to Ansible: the plugin {name} is none of ours"
        display.vvv(message, host=getattr(play_context, "remote_addr", None))


def _answer_to_stock_names(connection: Any, kind: str) -> None:
    """Let *connection* be taken for the stock one.

    It is used again for the next loop item only when it matches the name that the task has, and
    results name it.
    """
    names = [KINDS[kind].twin if kind in KINDS else f"ansible.builtin.{kind}", kind]
    connection.ansible_aliases = [*names, *(connection.ansible_aliases or [])]
    connection.ansible_name = names[0]
    connection.mitogen_stock_name = kind


@functools.cache
def warm(name: str) -> None:
    """The same for what connections of that *name* take, of which a run may have none."""
    kind = stock_kind(name)
    if kind is not None and kind in KINDS:
        loader: Any = loaders.connection_loader
        loader.get(OURS[kind], class_only=True)
        C.config.get_plugin_vars("connection", OURS[kind])


def warm_parent() -> None:
    """Make Ansible load in the parent, before it forks, what each worker would load itself."""
    loader: Any = loaders.connection_loader
    for kind in ("ssh", "local"):
        loader.get(OURS[kind], class_only=True)
    C.config.get_plugin_vars("connection", OURS["ssh"])
    module_arguments.load_coders()
