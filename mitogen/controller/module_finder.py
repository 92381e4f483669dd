"""The source of a module of this program, found without importing anything.

A child names the module; nothing a child names may run here. So parents are not imported to find
what is inside of them, as `importlib.util.find_spec` would; their folders are searched instead.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
import tokenize
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from io import BytesIO
from typing import NamedTuple

from mitogen.controller.main_guard import UnguardedMainError, importable_part

_EXTENSIONS = tuple(importlib.machinery.EXTENSION_SUFFIXES)


class FoundModule(NamedTuple):
    """A module that can be sent; `source` is None for a namespace package."""

    fullname: str
    is_package: bool
    path: str
    source: bytes | None
    folders: tuple[str, ...]


class NotFound(NamedTuple):
    """A module that cannot be sent, and why."""

    fullname: str
    reason: str


class _Location(NamedTuple):
    """Where a module is; `folders` is None unless it is a package."""

    loader: object
    loader_name: str
    origin: str | None
    folders: tuple[str, ...] | None


class ModuleFinder:
    """Finds modules as this process would import them; remembers where they are."""

    def __init__(self) -> None:
        self._stdlib_folder = os.path.dirname(os.path.realpath(os.__file__)) + os.sep
        self._locations: dict[str, _Location | None] = {}

    def find(self, fullname: str) -> FoundModule | NotFound:
        """The module's source as bytes, or the reason why there is none to be sent."""
        if fullname == "__main__":
            return _find_main()
        if not all(part.isidentifier() for part in fullname.split(".")):
            return NotFound(fullname, "that is no name of a module")
        if self.is_stdlib_name(fullname):
            return NotFound(fullname, "it belongs to the standard library, which is never sent")
        location = self._locate(fullname)
        if location is None:
            return NotFound(fullname, "the program does not have it either")
        return self._read(fullname, location)

    def is_stdlib_name(self, fullname: str) -> bool:
        """Whether every Python of this version has that module, or something in its package."""
        top = fullname.partition(".")[0]
        return top in sys.stdlib_module_names or top in sys.builtin_module_names

    def folders_of(self, package: str) -> tuple[str, ...]:
        """The folders of a package, for its data files; empty when there is no such package."""
        found = self.find(package)
        return found.folders if isinstance(found, FoundModule) else ()

    def _locate(self, fullname: str) -> _Location | None:
        location = _loaded(fullname)
        if location is not None:
            return location
        # What is not there now may be installed in the meantime: only success is remembered.
        location = self._locations.get(fullname)
        if location is None:
            location = self._search(fullname)
            if location is not None:
                self._locations[fullname] = location
        return location

    def _search(self, fullname: str) -> _Location | None:
        parent, _, tail = fullname.rpartition(".")
        folders: Sequence[str] | None = None
        if parent:
            outer = self._locate(parent)
            if outer is None or outer.folders is None:
                return None
            folders = outer.folders
        spec = _ask_finders(fullname, tail, folders)
        return None if spec is None else _location_of(spec)

    def _read(self, fullname: str, location: _Location) -> FoundModule | NotFound:
        origin = location.origin
        if origin is None:
            if location.folders:
                return FoundModule(fullname, True, "", None, location.folders)
            return NotFound(fullname, "it was made while the program ran, and has no source")
        if origin.endswith(_EXTENSIONS):
            return NotFound(fullname, "it is an extension module, built for another machine")
        if self._is_stdlib(origin):
            return NotFound(fullname, "it belongs to the standard library, which is never sent")
        source = _source_of(location, origin)
        if source is None:
            return NotFound(fullname, "its source is not available")
        folders = location.folders
        return FoundModule(fullname, folders is not None, origin, source, folders or ())

    def _is_stdlib(self, origin: str) -> bool:
        real = os.path.realpath(origin)
        if "site-packages" in real or "dist-packages" in real:
            return False
        return real.startswith(self._stdlib_folder)


def _find_main() -> FoundModule | NotFound:
    module = sys.modules["__main__"]
    path = getattr(module, "__file__", None)
    if path is None:
        return NotFound("__main__", "the program has no main script (is it an interactive one?)")
    source = _read_file(path)
    if source is None:
        loader = getattr(module, "__loader__", None)
        name = getattr(getattr(module, "__spec__", None), "name", "__main__")
        source = _source_of(_Location(loader, name, path, None), path)
    if source is None:
        return NotFound("__main__", "its source is not available")
    try:
        text = importable_part(decode(source), getattr(module, "__package__", None) or "")
    except (UnguardedMainError, SyntaxError) as exc:
        return NotFound("__main__", str(exc))
    return FoundModule("__main__", False, os.path.abspath(path), _encode(text), ())


def decode(source: bytes) -> str:
    """Source as text, by its own declaration of an encoding.

    :raises SyntaxError: the declaration, or the source, is wrong.
    """
    try:
        encoding, _ = tokenize.detect_encoding(BytesIO(source).readline)
        return source.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as exc:
        raise SyntaxError(str(exc)) from exc


def _encode(text: str) -> bytes:
    """Text as a source whose declaration, if it has one, stays true."""
    encoding, _ = tokenize.detect_encoding(BytesIO(text.encode("utf-8", "replace")).readline)
    return text.encode(encoding)


def _loaded(fullname: str) -> _Location | None:
    """Where an imported module came from; what is running is what children should get."""
    module = sys.modules.get(fullname)
    spec = getattr(module, "__spec__", None)
    if isinstance(spec, ModuleSpec):
        if spec.name != fullname:
            return None  # another module under this name, such as os.path
        location = _location_of(spec)
    else:
        path = getattr(module, "__file__", None)
        if not isinstance(path, str):
            return None
        location = _Location(None, fullname, path, None)
    folders = getattr(module, "__path__", None)
    if folders is not None:
        # May have grown since: pkgutil.extend_path and the like.
        location = location._replace(folders=tuple(map(str, folders)))
    return location


def _location_of(spec: ModuleSpec) -> _Location:
    folders = spec.submodule_search_locations
    return _Location(
        spec.loader, spec.name, spec.origin, None if folders is None else tuple(map(str, folders))
    )


def _ask_finders(fullname: str, tail: str, folders: Sequence[str] | None) -> ModuleSpec | None:
    for finder in list(sys.meta_path):
        # Folders are searched by the last part of the name alone: a namespace package that knew
        # its full name would look for its parent among the imported modules.
        is_plain = finder is importlib.machinery.PathFinder
        try:
            spec = finder.find_spec(tail if is_plain else fullname, folders)
        except Exception:
            # A foreign finder may expect its parent to be imported.
            continue
        if spec is not None:
            return spec
    return None


def _source_of(location: _Location, origin: str) -> bytes | None:
    if origin.endswith(".py"):
        source = _read_file(origin)
        if source is not None:
            return source
    get_source = getattr(location.loader, "get_source", None)
    try:
        text = get_source(location.loader_name) if get_source is not None else None
    except (ImportError, SyntaxError, OSError):
        return None
    return None if text is None else _encode(text)


def _read_file(path: str) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return None
