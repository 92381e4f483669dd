"""Closures: a module with everything it imports from Ansible, as the core itself collects it.

Collecting costs 180 to 700 ms of CPU, so closures are kept: in this process; on disk from run to
run, if all that they were made from can be told and is as it was then (`closure_origins`); and
otherwise on disk until the run ends, as the core keeps what it packs. What is on disk is never
trusted if somebody else could have written it.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_mitogen import caches, closure_origins
from ansible_mitogen.cache_folder import CacheFolder
from ansible_mitogen.closure_origins import Stamps, UnknownOriginError
from ansible_mitogen.compat import module_zip
from ansible_mitogen.compat.core import VERSION, constants, module_common

#: Part of every key: changes whenever the layout of what is stored does.
LAYOUT = 3
_COMPRESSION = 6
#: What was made longer ago is made anew, so that what nobody uses any more goes.
_LIFETIME = 90 * 86400.0


class UnknownFileError(LookupError):
    """The cache no longer has the content of a file."""


@dataclasses.dataclass(frozen=True)
class Closure:
    """A module and what it needs.

    `files` maps paths below the closure's root to digests (SHA-256, hex) of their contents; `entry`
    is the module's own. `profile` names how arguments and results are serialised, from 2.19 on.
    `foreign` are those of the `files` that the core's own `module_utils` folder does not hold so.
    """

    fqn: str
    entry: str
    profile: str | None
    files: Mapping[str, str]
    foreign: list[str]


@dataclasses.dataclass(frozen=True)
class Source:
    """A module as found on the controller."""

    name: str
    fqn: str
    path: str
    data: bytes

    @property
    def entry(self) -> str:
        """Its path in the closure."""
        return self.fqn.replace(".", "/") + ".py"


def fqn_of(name: str, path: str) -> str:
    """The name under which the module runs, as in the core."""
    try:
        return str(module_common._get_ansible_module_fqn(path))
    except ValueError:
        return module_zip.fallback_fqn(name)


class _Archive:
    """Takes what the core would put into a zip file."""

    def __init__(self) -> None:
        self.compression = 0
        self.contents: dict[str, bytes] = {}

    def writestr(self, info: Any, data: str | bytes) -> None:
        name = str(getattr(info, "filename", info))
        self.contents[name] = data.encode() if isinstance(data, str) else bytes(data)

    def namelist(self) -> list[str]:
        return list(self.contents)


class ClosureStore:
    """Finds, makes and keeps closures. One thread, many processes.

    :param lasting: folder for what holds from run to run.
    :param of_run: folder for the rest; ends with the run.
    """

    def __init__(self, lasting: Path, of_run: Path) -> None:
        self._lasting = CacheFolder(lasting)
        self._of_run = CacheFolder(of_run)
        self._known: dict[str, Closure] = {}
        #: By digest, compressed: what this process collected. It can do without the disk.
        self._collected: dict[str, bytes] = {}

    def closure_of(self, source: Source) -> Closure:
        """The closure of *source*.

        :raises ansible.errors.AnsibleError: what it imports cannot be found or parsed.
        """
        key = _key(source)
        closure = self._known.get(key) or self._stored(key)
        if closure is None:
            with self._of_run.locked(key):
                closure = self._stored(key) or self._collect(key, source)
        self._known[key] = closure
        return closure

    def contents_of(self, digests: Iterable[str]) -> dict[str, bytes]:
        """The compressed contents of files, by digest.

        :raises UnknownFileError: one of them is not kept any more, or damaged.
        """
        found = {}
        for digest in digests:
            data = self._collected.get(digest) or self._content(digest)
            if data is None:
                raise UnknownFileError(digest)
            found[digest] = data
        return found

    def restore(self, source: Source) -> Closure:
        """Collect *source* anew, and with it those of its files that are lost or damaged."""
        key = _key(source)
        with self._of_run.locked(key):
            closure = self._known[key] = self._collect(key, source)
        return closure

    def _content(self, digest: str) -> bytes | None:
        for folder in (self._lasting, self._of_run):
            data = folder.read(digest)
            if data is not None and _is_intact(digest, data):
                return data
        return None

    def _stored(self, key: str) -> Closure | None:
        for folder in (self._of_run, self._lasting):
            data = folder.read(key)
            closure = data and _closure_from(data)
            if closure:
                return closure
        return None

    def _collect(self, key: str, source: Source) -> Closure:
        archive = _Archive()
        profile = module_zip.collect(
            source.name,
            source.fqn,
            source.path,
            source.data,
            archive,
            module_zip.extension_manager({}),
        )
        files = {name: _digest(data) for name, data in archive.contents.items()}
        foreign = closure_origins.foreign_utils(archive.contents)
        closure = Closure(source.fqn, source.entry, profile, files, foreign)
        for name, data in archive.contents.items():
            self._collected[files[name]] = zlib.compress(data, _COMPRESSION)
        self._lasting.remove_older(time.time() - _LIFETIME)
        try:
            stamps = closure_origins.stamps_of(archive.contents, source.entry, source.path)
        except UnknownOriginError:
            self._keep(self._of_run, key, closure, {})
        else:
            if not self._keep(self._lasting, key, closure, stamps):
                self._keep(self._of_run, key, closure, stamps)
        return closure

    def _keep(self, folder: CacheFolder, key: str, closure: Closure, stamps: Stamps) -> bool:
        for digest in set(closure.files.values()):
            known = folder.read(digest)
            if known is not None and _is_intact(digest, known):
                continue
            if not folder.write(digest, self._collected[digest]):
                return False
        # Last: whoever finds this finds the contents.
        return folder.write(key, json.dumps([dataclasses.asdict(closure), stamps]).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_intact(digest: str, data: bytes) -> bool:
    try:
        return _digest(zlib.decompress(data)) == digest
    except zlib.error:
        return False


def _key(source: Source) -> str:
    parts = [LAYOUT, VERSION, source.fqn, source.path, _digest(source.data)]
    return "closure-" + _digest(json.dumps([parts, closure_origins.search_paths()]).encode())


def _closure_from(data: bytes) -> Closure | None:
    """What `ClosureStore._keep` wrote, if the files it was made from are still the same."""
    try:
        fields, stamps = json.loads(data)
        closure = Closure(**fields)
        is_current = closure.entry in closure.files and closure_origins.are_current(stamps)
    except (ValueError, TypeError, AttributeError):
        return None
    return closure if is_current else None


@functools.cache
def default_store() -> ClosureStore:
    """The store of this process, and of those forked from it."""
    return ClosureStore(
        caches.lasting_folder(),
        Path(constants.DEFAULT_LOCAL_TMP) / "mitogen_modules",
    )
