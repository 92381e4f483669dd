"""Having Ansible collect what a module needs.

Up to 2.18 the finder takes a time tuple and returns nothing; from 2.19 it takes a datetime and a
manager of debugging extensions, wants the source tagged with its origin, and returns the module's
metadata, which names the profile that arguments and results are serialised with.
"""

from __future__ import annotations

import datetime as dt
import functools
import importlib
import inspect
from typing import Any

from ansible_mitogen.compat.core import module_common

#: Where the time that goes into the archive does not matter: ours is taken apart at once.
_DATE = dt.datetime(1980, 1, 1, tzinfo=dt.timezone.utc)


@functools.cache
def has_extension_managers() -> bool:
    """Whether this is 2.19 or newer."""
    return "extension_manager" in inspect.signature(module_common.recursive_finder).parameters


def fallback_fqn(name: str) -> str:
    """The name of a module that is neither the core's nor a collection's."""
    package = "ansible.legacy" if has_extension_managers() else "ansible.modules"
    return f"{package}.{name}"


def extension_manager(task_vars: dict[str, Any]) -> Any:
    """The debugging extensions that are switched on; None where there are no such things."""
    if not has_extension_managers():
        return None
    return module_common._builder.ExtensionManager.create(task_vars=task_vars)


def has_extensions(manager: Any) -> bool:
    """Whether any debugging extension is switched on."""
    return manager is not None and bool(manager.extension_names)


def collect(
    name: str, fqn: str, path: str, source: bytes, archive: Any, manager: Any
) -> str | None:
    """Write the module and all it imports into *archive*.

    :param archive: has `writestr`, `namelist` and `compression`, like a ZipFile.
    :returns: the serialisation profile; None where there are no profiles.
    """
    if manager is None:
        date = _DATE.timetuple()[:6]
        module_common.recursive_finder(name, fqn, source, archive, date)
        module_common._add_module_to_zip(archive, date, fqn, source)
        return None
    tags: Any = importlib.import_module("ansible._internal._datatag._tags")
    tagged = tags.Origin(path=path).tag(source)
    metadata = module_common.recursive_finder(name, fqn, tagged, archive, _DATE, manager)
    module_common._add_module_to_zip(archive, _DATE, fqn, source, path, manager)
    return str(metadata.serialization_profile)
