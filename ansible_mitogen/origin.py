"""Make sure that plugins use the very packages they were unpacked with.

Ansible loads plugin files by path, so an ``ansible.cfg`` may point into any unpacked tree. This
file is itself run by path, before anything of the tree is imported: with another ``mitogen``
installed, a plain import would mix two versions.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

PACKAGES = ("mitogen", "ansible_mitogen")


class ForeignPackageError(ImportError):
    """A package of another tree was loaded first."""

    def __init__(self, package: str, wanted: Path, found: str) -> None:
        super().__init__(
            f"the plugins in {wanted} need the {package!r} package beside them, but another one "
            f"is loaded already: {found}. Uninstall one of the two, or let ansible.cfg name the "
            f"plugins of the other (python -m ansible_mitogen config prints the lines).",
            name=package,
            path=found,
        )


def claim(root: Path) -> None:
    """Import our packages from *root*, the directory that holds both.

    :raises ForeignPackageError: one of them is loaded from elsewhere; names both paths.
    """
    sys.path.insert(0, str(root))
    try:
        modules = [importlib.import_module(name) for name in PACKAGES]
    finally:
        # Only the packages are wanted from there: a tree also holds `tests`, `docs` and so on.
        sys.path.remove(str(root))
    for name, module in zip(PACKAGES, modules, strict=True):
        found = os.path.dirname(os.path.realpath(module.__file__ or ""))
        if found != os.path.realpath(root / name):
            raise ForeignPackageError(name, root, found)
