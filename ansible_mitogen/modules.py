"""Closures: a module with everything it imports from Ansible, as the core itself collects it.

Collecting costs 180 to 400 ms of CPU, so closures are kept: in this process, for the run (like the
core's own cache, shared by all workers), and, where everything in one comes from the installed
core, on disk from run to run. What is on disk is taken only if all the files it was made from are
as they were then, and is never trusted if somebody else could have written it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ansible
from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible
from ansible.executor import module_common
from ansible.plugins.loader import module_utils_loader
from ansible.release import __version__ as core_version

from ansible_mitogen.compat import module_zip

#: Part of every key: changes whenever the layout of what is stored does.
LAYOUT = 1
_SITE = Path(ansible.__file__).resolve().parent.parent
_COMPRESSION = 6


class UnknownFileError(LookupError):
    """The cache no longer has the content of a file."""


@dataclasses.dataclass(frozen=True)
class Closure:
    """A module and what it needs.

    `files` maps paths below the closure's root to digests (SHA-256, hex) of their contents.
    """

    fqn: str
    entry: str
    profile: str | None
    files: Mapping[str, str]


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


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _own_utils_folders() -> list[str]:
    """Folders of `module_utils` that are not the core's."""
    core = str(_SITE / "ansible" / "module_utils")
    paths = (str(path) for path in module_utils_loader._get_paths(subdirs=False))
    return [path for path in paths if os.path.realpath(path) != core and os.path.isdir(path)]


def _stamp(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]


class _Folder:
    """Closures and contents below one folder. Safe with many writers: files appear whole.

    :param path: made with mode 0700; not used when it belongs to somebody else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @functools.cached_property
    def is_usable(self) -> bool:
        """Whether only we can write here."""
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self._path.stat()
        except OSError:
            return False
        return status.st_uid == os.geteuid() and not status.st_mode & 0o022

    def read(self, name: str) -> bytes | None:
        """The file *name*, if it is here."""
        if not self.is_usable:
            return None
        try:
            return (self._path / name).read_bytes()
        except OSError:
            return None

    def write(self, name: str, data: bytes) -> None:
        """Put *data* there. A full or read-only disk costs time, not the task."""
        target = self._path / name
        if not self.is_usable or target.exists():
            return
        with contextlib.suppress(OSError):
            self._write(target, data)

    def replace(self, name: str, data: bytes) -> None:
        """As `write`, over what is there."""
        if self.is_usable:
            with contextlib.suppress(OSError):
                self._write(self._path / name, data)

    def _write(self, target: Path, data: bytes) -> None:
        handle, temporary = tempfile.mkstemp(dir=self._path, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as sink:
                sink.write(data)
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise


class ClosureStore:
    """Finds, makes and keeps closures. One thread.

    :param lasting: folder for what holds from run to run.
    :param of_run: folder for the rest; ends with the run.
    """

    def __init__(self, lasting: Path, of_run: Path) -> None:
        self._lasting = _Folder(lasting)
        self._of_run = _Folder(of_run)
        self._known: dict[str, Closure] = {}

    def closure_of(self, source: Source, manager: Any = None) -> Closure:
        """The closure of *source*.

        :param manager: see `compat.module_zip.extension_manager`.
        :raises ansible.errors.AnsibleError: what it imports cannot be found or parsed.
        """
        key = self._key(source)
        closure = self._known.get(key) or self._stored(key)
        if closure is None:
            closure = self._collect(key, source, manager)
        self._known[key] = closure
        return closure

    def contents_of(self, digests: Iterable[str]) -> dict[str, bytes]:
        """The compressed contents of files, by digest.

        :raises UnknownFileError: one of them is not kept any more.
        """
        found = {}
        for digest in digests:
            data = self._lasting.read(digest) or self._of_run.read(digest)
            if data is None or not _is_intact(digest, data):
                raise UnknownFileError(digest)
            found[digest] = data
        return found

    def forget(self, source: Source) -> None:
        """Make the closure of *source* anew when it is next wanted."""
        key = self._key(source)
        self._known.pop(key, None)
        for folder in (self._lasting, self._of_run):
            folder.replace(key, b"")

    def _key(self, source: Source) -> str:
        parts = [LAYOUT, core_version, source.fqn, source.path, _digest(source.data)]
        return "closure-" + _digest(json.dumps([*parts, _own_utils_folders()]).encode())

    def _stored(self, key: str) -> Closure | None:
        for folder in (self._of_run, self._lasting):
            data = folder.read(key)
            if data:
                closure = _closure_from(data)
                if closure is not None:
                    return closure
        return None

    def _collect(self, key: str, source: Source, manager: Any) -> Closure:
        archive = _Archive()
        profile = module_zip.collect(
            source.name, source.fqn, source.path, source.data, archive, manager
        )
        files = {name: _digest(data) for name, data in archive.contents.items()}
        closure = Closure(source.fqn, source.entry, profile, files)
        stamps = _core_stamps(archive.contents, source)
        folder = self._of_run if stamps is None or not self._lasting.is_usable else self._lasting
        for name, data in archive.contents.items():
            folder.write(files[name], zlib.compress(data, _COMPRESSION))
        folder.replace(key, _to_bytes(closure, stamps or {}))
        return closure


def _is_intact(digest: str, data: bytes) -> bool:
    try:
        return _digest(zlib.decompress(data)) == digest
    except zlib.error:
        return False


def _core_stamps(contents: Mapping[str, bytes], source: Source) -> dict[str, list[int]] | None:
    """Times and sizes of the core's files in a closure; None when there are others in it.

    What the finder makes up (empty packages, shims of redirects) has no file of its own, and comes
    from the core too if its names do.
    """
    if _own_utils_folders():
        return None
    stamps: dict[str, list[int]] = {}
    for name, data in contents.items():
        if not name.startswith("ansible/"):
            return None
        path = Path(source.path) if name == source.entry else _SITE / name
        stamp = _stamp(path)
        if stamp is not None and path.is_file() and path.read_bytes() == data:
            stamps[str(path)] = stamp
        elif name.startswith("ansible/module_utils/") and data and path.name != "__init__.py":
            return None
    return stamps


def _to_bytes(closure: Closure, stamps: Mapping[str, list[int]]) -> bytes:
    return json.dumps([dataclasses.asdict(closure), stamps]).encode()


def _closure_from(data: bytes) -> Closure | None:
    """What `_to_bytes` wrote, if the files it was made from are still the same."""
    try:
        fields, stamps = json.loads(data)
        closure = Closure(**fields)
    except (ValueError, TypeError):
        return None
    if all(_stamp(Path(path)) == stamp for path, stamp in stamps.items()):
        return closure
    return None


@functools.cache
def default_store() -> ClosureStore:
    """The store of this process, and of those forked from it."""
    return ClosureStore(
        Path(C.ANSIBLE_HOME) / "mitogen" / "modules",  # type: ignore[attr-defined]
        Path(C.DEFAULT_LOCAL_TMP) / "mitogen_modules",  # type: ignore[attr-defined]
    )
