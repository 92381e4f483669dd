"""Which files and folders a closure was made from: what has to be the same for it to hold.

The core's finder says what it found, not where. So each file is looked for in the places that the
finder looks in, and counts as found where the content is the same. What cannot be placed that way
makes the closure one of this run only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import ansible

from ansible_mitogen.compat.core import collection_config, loader

#: By path: time of content, size, time of anything, inode; None for what was not there.
Stamps = Mapping[str, "list[int] | None"]

_SITE = Path(ansible.__file__).resolve().parent.parent
_CORE_UTILS = "ansible/module_utils/"
_COLLECTIONS = "ansible_collections"
#: Made by the core itself; their content goes with its version.
_MADE_BY_CORE = frozenset({"ansible/__init__.py", "ansible/module_utils/__init__.py"})
#: Looks at comments too, for too many do no harm. Optional imports of what is not there count.
_COLLECTION_NAME = re.compile(rb"ansible_collections[./](\w+)[./](\w+)")
_MAX_FOLDERS = 500


class UnknownOriginError(LookupError):
    """A file of the closure is in none of the places it could be from."""


def search_paths() -> list[list[str]]:
    """Where the core looks: folders of `module_utils` but its own, and roots of collections."""
    own = _SITE / "ansible" / "module_utils"
    folders = [str(path) for path in loader.module_utils_loader._get_paths(subdirs=False)]
    others = [path for path in folders if os.path.realpath(path) != str(own)]
    roots = [str(path) for path in collection_config.collection_paths]
    return [others, roots]


def stamp(path: str) -> list[int] | None:
    """What tells whether a file or folder has changed."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size, status.st_ctime_ns, status.st_ino]


def are_current(stamps: Stamps) -> bool:
    """Whether all is as it was."""
    return all(stamp(path) == known for path, known in stamps.items())


def stamps_of(contents: Mapping[str, bytes], entry: str, entry_path: str) -> Stamps:
    """Stamps of all that decided about the *contents* of a closure.

    :param entry: the module among the contents.
    :param entry_path: where that is from.
    :raises UnknownOriginError: that cannot be told.
    """
    utils_folders, roots = search_paths()
    stamps = {folder: stamp(folder) for folder in _below(utils_folders)}
    stamps.update(_collection_stamps(contents, roots))
    for name, data in contents.items():
        if name in _MADE_BY_CORE:
            continue
        places = [entry_path] if name == entry else list(_places(name, utils_folders, roots))
        for place in places:
            known = stamp(place)  # before reading: what changes in between is noticed
            if known is not None and _read(place) == data:
                stamps[place] = known
                break
        else:
            if data:  # the core makes empty packages up
                raise UnknownOriginError(name)
    return stamps


def foreign_utils(contents: Mapping[str, bytes]) -> list[str]:
    """Those of the *contents* in the place of the core's `module_utils` that are not its own."""
    return [
        name
        for name, data in contents.items()
        if name.startswith(_CORE_UTILS)
        and name not in _MADE_BY_CORE
        and _read(str(_SITE / name)) != data
    ]


def _places(name: str, utils_folders: list[str], roots: list[str]) -> Iterator[str]:
    if name.startswith(_CORE_UTILS):
        for folder in utils_folders:
            yield os.path.join(folder, name[len(_CORE_UTILS) :])
    if name.startswith(f"{_COLLECTIONS}/"):
        for root in roots:
            yield os.path.join(root, name)
    else:
        yield str(_SITE / name)


def _collection_stamps(
    contents: Mapping[str, bytes], roots: list[str]
) -> dict[str, list[int] | None]:
    """Of the folders of all collections that are named: where one comes, imports may change."""
    names = set()
    for name, data in contents.items():
        names.update(_COLLECTION_NAME.findall(name.encode("utf-8", "surrogateescape") + b"\n"))
        names.update(_COLLECTION_NAME.findall(data))
    stamps: dict[str, list[int] | None] = {}
    for namespace, collection in names:
        for root in roots:
            base = f"{root}/{_COLLECTIONS}/{namespace.decode()}/{collection.decode()}"
            stamps[base] = stamp(base)
            if stamps[base] is not None:
                routing = f"{base}/meta/runtime.yml"
                stamps[routing] = stamp(routing)
                folders = _below([f"{base}/plugins/module_utils"])
                stamps.update((folder, stamp(folder)) for folder in folders)
    return stamps


def _below(folders: list[str]) -> list[str]:
    """The *folders* and all those in them: a new file in one may come before what was found."""
    found = []
    for folder in folders:
        found.append(folder)
        for parent, children, _files in os.walk(folder):
            children[:] = [name for name in children if name != "__pycache__"]
            found += [os.path.join(parent, name) for name in children]
            if len(found) > _MAX_FOLDERS:
                raise UnknownOriginError(folder)
    return found


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return None
