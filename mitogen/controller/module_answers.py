"""The answers to children that ask for modules.

With a module goes what it imports, directly or not, so that a program of many modules costs one
round trip. What a child need not have is left out: the standard library, what is in the bundle
every child is booted with, and our own layers that only a context with children needs.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from mitogen.bootstrap import bundle
from mitogen.controller import facade_table
from mitogen.controller.import_scan import ImportStatement, scan
from mitogen.controller.module_finder import FoundModule, ModuleFinder, NotFound, decode
from mitogen.imports.forwarder import with_related
from mitogen.imports.policy import ImportPolicy, is_under
from mitogen.imports.records import Resource, pack
from mitogen.wire.control import LoadModule

#: Packages whose insides are ours: not sent along with a module of somebody else.
_OURS = ("mitogen", "ansible_mitogen")

#: What a documented import path needs in a child, see `facade_table`.
_LAZY = "mitogen.imports.reexport"

#: Limits of what is sent along: number of modules, and bytes of their packed source. Scanning as
#: much takes half a second, once.
MAX_RELATED = 150
MAX_RELATED_BYTES = 512 * 1024

#: Bytes of a data file; the message has to fit into a router's limit.
MAX_RESOURCE = 96 * 1024 * 1024


class _Prepared(NamedTuple):
    """A module ready to be sent, and what it imports."""

    record: LoadModule
    imports: list[ImportStatement]


class ModuleAnswers:
    """Makes answers; one thread at a time."""

    def __init__(self) -> None:
        self._finder = ModuleFinder()
        self._policy = ImportPolicy()
        self._overrides: dict[str, FoundModule] = {}
        self._prepared: dict[str, _Prepared] = {}

    def set_policy(self, policy: ImportPolicy) -> None:
        """Serve only what `policy` allows."""
        self._policy = policy

    def override(self, fullname: str, path: str, source: bytes, is_package: bool) -> None:
        """Serve `source` as the module `fullname`."""
        self._overrides[fullname] = FoundModule(fullname, is_package, path, source, ())
        self._prepared.pop(fullname, None)

    def answer(self, fullname: str, sent_already: set[str]) -> LoadModule:
        """The module, with what belongs to it and is not in `sent_already`."""
        record = self._prepare(fullname).record
        return with_related(record, self._related(fullname, sent_already))

    def _prepare(self, fullname: str) -> _Prepared:
        prepared = self._prepared.get(fullname)
        if prepared is None:
            found = self._find(fullname)
            if isinstance(found, NotFound):
                # Not kept: it may be installed, or allowed, later.
                return _Prepared(_refusal(fullname, found.reason), [])
            prepared = _prepared_module(found)
            self._prepared[fullname] = prepared
        reason = self._policy.refusal_of(fullname)
        return prepared if reason is None else _Prepared(_refusal(fullname, reason), [])

    def _find(self, fullname: str) -> FoundModule | NotFound:
        reason = self._policy.refusal_of(fullname)
        if reason is None and fullname not in self._overrides and self._is_bundled(fullname):
            reason = "every context is booted with it"
        if reason is not None:
            return NotFound(fullname, reason)
        override = self._overrides.get(fullname)
        return override if override is not None else self._finder.find(fullname)

    def _is_bundled(self, fullname: str) -> bool:
        if fullname in _OURS or fullname in bundle.MODULES:
            return True
        return is_under(fullname, bundle.PACKAGES) and fullname not in bundle.FETCHED_LATER

    def _is_facade(self, name: str) -> bool:
        """Whether `name` is a documented import path, such as mitogen.master.

        A program's modules have it at their top, so it is sent along; what it hands on is not,
        since most children have no use for it.
        """
        if not _may_be_facade(name) or self._is_bundled(name):
            return False
        record = self._prepare(name).record
        return record.error is None and not record.is_package

    def _related(self, fullname: str, sent_already: set[str]) -> list[LoadModule]:
        """What `fullname` imports, nearest first, in the order in which it will be wanted."""
        is_layer = is_under(fullname, _OURS)
        related: list[LoadModule] = []
        seen = {fullname}
        queue = [fullname]
        size = 0
        while queue:
            importing = queue.pop(0)
            for statement in self._prepare(importing).imports:
                for name in statement.candidates():
                    if name in seen or self._is_left_out(name, is_layer):
                        continue
                    seen.add(name)
                    record = self._prepare(name).record
                    if record.error is not None and _is_guess(statement, name):
                        continue
                    queue.append(name)
                    if name in sent_already:
                        continue
                    size += len(record.source or b"")
                    if len(related) == MAX_RELATED or size > MAX_RELATED_BYTES:
                        return related
                    related.append(record)
        return related

    def _is_left_out(self, name: str, is_asked_by_layer: bool) -> bool:
        if name == "__main__" or self._policy.refusal_of(name) is not None:
            return True
        if self._finder.is_stdlib_name(name):
            return True
        if is_under(name, _OURS):
            if self._is_bundled(name):
                return True
            return not (is_asked_by_layer or name == _LAZY or self._is_facade(name))
        return False

    def answer_resource(self, resource: Resource) -> LoadModule:
        """A data file of a package, or the names in a folder of it."""
        address = resource.address()
        reason = self._policy.refusal_of(resource.package)
        if reason is not None:
            return _refusal(address, reason)
        if not resource.is_inside():
            return _refusal(address, "only files of the package can be read")
        for folder in self._finder.folders_of(resource.package):
            data = _read_resource(folder, resource)
            if data is not None:
                return LoadModule(
                    fullname=address,
                    is_package=False,
                    path=os.path.join(folder, resource.path),
                    source=pack(data, 1),
                    code=None,
                    magic=None,
                    error=None,
                    related=[],
                )
        return _refusal(address, f"the package {resource.package} has no {resource.path!r}")


def _may_be_facade(name: str) -> bool:
    return name.startswith("mitogen.") and name.count(".") == 1


def _is_guess(statement: ImportStatement, name: str) -> bool:
    """Whether `name` need not be a module: in ``from a import b``, b may be anything."""
    return statement.name is not None and name == f"{statement.module}.{statement.name}"


def _refusal(fullname: str, reason: str) -> LoadModule:
    return LoadModule(
        fullname=fullname,
        is_package=False,
        path="",
        source=None,
        code=None,
        magic=None,
        error=reason,
        related=[],
    )


def _prepared_module(found: FoundModule) -> _Prepared:
    source = found.source
    imports: list[ImportStatement] = []
    if source is not None:
        try:
            text = decode(source)
        except SyntaxError:
            text = ""  # whoever imports it will see the error
        imports = scan(text, found.fullname, found.is_package)
        if _may_be_facade(found.fullname) and not found.is_package:
            names = facade_table.table_of(text)
            imports = []
            if names is not None:
                source = facade_table.lazy_source(found.fullname, names).encode()
                imports = [ImportStatement(_LAZY, None)]
    record = LoadModule(
        fullname=found.fullname,
        is_package=found.is_package,
        path=found.path,
        source=None if source is None else pack(source),
        code=None,
        magic=None,
        error=None,
        related=[],
    )
    return _Prepared(record, imports)


def _read_resource(folder: str, resource: Resource) -> bytes | None:
    path = os.path.join(folder, resource.path)
    try:
        if resource.is_folder:
            return json.dumps(sorted(_listing(path))).encode()
        if os.path.isfile(path) and os.path.getsize(path) <= MAX_RESOURCE:
            with open(path, "rb") as stream:
                return stream.read()
    except OSError:
        return None
    return None


def _listing(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name + ("/" if entry.is_dir() else "") for entry in entries]
