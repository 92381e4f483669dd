"""Ansible's own connection plugins, loaded by path.

Not through the loader: where ours shadows a name, the loader gives ours. Not under their own
module name either: the loader takes a module of that name for the plugin it looks for.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import ansible.plugins.become
import ansible.plugins.connection
from ansible.plugins.loader import connection_loader

_BUILTIN = "ansible.builtin."


@functools.cache
def connection_module(kind: str) -> ModuleType:
    """The module of the built-in connection plugin *kind*."""
    return _load(ansible.plugins.connection, kind)


def plugin_class(name: str | None) -> type | None:
    """The class of the connection plugin of that full name; None where it is not installed."""
    if name is None:
        return None
    if name.startswith(_BUILTIN):
        kind = name.removeprefix(_BUILTIN)
        if not (_directory(ansible.plugins.connection) / f"{kind}.py").is_file():
            return None
        builtin: type = connection_module(kind).Connection
        return builtin
    if not _has_collection(name):
        return None  # which some versions of Ansible would warn of
    found: type | None = connection_loader.get(name, class_only=True)
    return found


def _has_collection(name: str) -> bool:
    """Whether the collection of the plugin *name* is installed."""
    namespace, collection, _plugin = name.split(".", 2)
    try:
        return importlib.util.find_spec(f"ansible_collections.{namespace}.{collection}") is not None
    except ImportError:
        return False


def is_stock_become(plugin: Any, name: str) -> bool:
    """Whether *plugin* is the built-in become plugin *name*, not somebody's own of that name."""
    module = sys.modules.get(type(plugin).__module__)
    path = getattr(module, "__file__", None) or ""
    return Path(path).resolve() == (_directory(ansible.plugins.become) / f"{name}.py").resolve()


def _directory(package: ModuleType) -> Path:
    return Path(package.__file__ or "").parent


def _load(package: ModuleType, kind: str) -> ModuleType:
    path = _directory(package) / f"{kind}.py"
    loaded = sys.modules.get(f"{package.__name__}.{kind}")
    if loaded is not None and Path(loaded.__file__ or "").resolve() == path.resolve():
        return loaded
    name = f"ansible_mitogen_stock_{kind}"
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[name] = module
    loader.exec_module(module)
    return module
