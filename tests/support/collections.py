"""Collections of Ansible for tests, from PyPI, where Galaxy cannot be reached.

The distribution `ansible` holds them all. It is fetched once, checked, and the collections that are
wanted are unpacked below ``.work/``.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.support.ansible_run import REPOSITORY

_VERSION = "12.3.0"
_DIGEST = "cd156f82fa87f7a899212b0efa9f7ca3a24d609212de9f78428a572eb01e5414"
_COLLECTIONS = (
    "amazon/aws", "ansible/netcommon", "ansible/utils", "community/docker", "community/general",
    "containers/podman", "kubernetes/core",
)  # fmt: skip
_PARTS = (
    "MANIFEST.json", "meta/", "plugins/become/", "plugins/connection/", "plugins/doc_fragments/",
    "plugins/module_utils/", "plugins/plugin_utils/",
)  # fmt: skip
#: Of both, so that what another version of this file unpacked is not taken for it.
_CHOICE = hashlib.sha256(repr((_VERSION, _COLLECTIONS, _PARTS)).encode()).hexdigest()[:8]


class UnavailableError(Exception):
    """They cannot be had here; the text says why."""


def collections_path() -> Path:
    """The folder to name as ``collections_path``.

    :raises UnavailableError: PyPI cannot be reached.
    """
    work = REPOSITORY / ".work"
    work.mkdir(exist_ok=True)
    folder = work / f"collections-{_CHOICE}"
    with open(work / "collections.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=work) as made:
                _unpack(_wheel(Path(made)), Path(made) / "new")
                shutil.move(Path(made) / "new", folder)
    return folder


def _wheel(folder: Path) -> Path:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(folder),
    ]
    done = subprocess.run(
        [*command, f"ansible=={_VERSION}"], capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        raise UnavailableError(f"the collections cannot be had: {done.stderr[-300:]}")
    (wheel,) = folder.glob("*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != _DIGEST:
        raise RuntimeError(f"{wheel.name} is not what it was: {digest}")
    return wheel


def _unpack(wheel: Path, folder: Path) -> None:
    starts = tuple(f"ansible_collections/{name}/{part}" for name in _COLLECTIONS for part in _PARTS)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(starts)])
