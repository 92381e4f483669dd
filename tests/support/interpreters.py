"""Old and new Pythons of this machine, in a place where every test user can run them.

Interpreters often sit below a home that only its owner may enter (root's, mode 0700), and carry the
absolute path of their shared library. A public copy is made of hard links where the file system
allows, with that path replaced by one relative to the executable.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

VERSIONS = ("3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
_RELATIVE_LIB = b"$ORIGIN/../lib"
_LEFT_OUT = shutil.ignore_patterns("test", "tests", "idlelib", "site-packages", "share", "*.a")


def _pyenv_versions() -> Path | None:
    root = os.environ.get("PYENV_ROOT")
    if root is None and shutil.which("pyenv") is not None:
        done = subprocess.run(["pyenv", "root"], capture_output=True, text=True, timeout=30)
        root = done.stdout.strip() or None
    folder = Path(root) / "versions" if root else None
    return folder if folder is not None and folder.is_dir() else None


def find(version: str) -> Path | None:
    """The interpreter of that version ("3.6") on this machine, runnable by the caller."""
    folder = _pyenv_versions()
    if folder is not None:
        for candidate in sorted(folder.glob(f"{version}.*/bin/python{version}")):
            return candidate
    named = shutil.which(f"python{version}")
    if named is None:
        return None
    # A version manager's shim exists for versions that are not selected, and fails.
    probe = [named, "-c", "import sys; print(sys.version_info[:2])"]
    done = subprocess.run(probe, capture_output=True, text=True, timeout=30)
    wanted = "({}, {})".format(*version.split("."))
    return Path(named) if done.stdout.strip() == wanted else None


def available() -> list[str]:
    """The versions from 3.6 up that this machine has."""
    return [version for version in VERSIONS if find(version) is not None]


def is_public(path: Path) -> bool:
    """Whether everybody may run the file at `path`."""
    resolved = path.resolve()
    return all(os.stat(folder).st_mode & 0o001 for folder in (resolved, *resolved.parents))


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def _make_relative(executable: Path, prefix: Path) -> None:
    """Rewrite the run path in the executable's string table, in place and padded."""
    data = executable.read_bytes()
    old = b"\0" + os.fsencode(prefix / "lib") + b"\0"
    new = (b"\0" + _RELATIVE_LIB).ljust(len(old), b"\0")
    if old in data and len(new) == len(old):
        mode = executable.stat().st_mode
        # A new file: the old one may be a hard link to the original.
        executable.unlink()
        executable.write_bytes(data.replace(old, new))
        executable.chmod(mode | 0o555)


def make_public(version: str, folder: Path) -> Path | None:
    """That version's interpreter at a path every user can run; None when there is none."""
    found = find(version)
    if found is None or is_public(found):
        return found
    executable = found.resolve()
    prefix = executable.parent.parent
    copy = folder / f"python{version}"
    name = re.sub(r"^python", "", executable.name)
    target = copy / "bin" / f"python{name}"
    if not target.exists():
        copy.mkdir(mode=0o755)
        (copy / "bin").mkdir(mode=0o755)
        shutil.copytree(
            prefix / "lib",
            copy / "lib",
            symlinks=True,
            ignore=_LEFT_OUT,
            copy_function=_link_or_copy,
        )
        (copy / "lib" / f"python{version}" / "site-packages").mkdir(exist_ok=True)
        shutil.copy2(executable, target)
        _make_relative(target, prefix)
    return target
