"""Clients of container managers that cannot run here, as programs that stand in for them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_NAMES = ("kubectl", "lxc", "incus", "jls", "jexec", "lxc-attach", "buildah")


@dataclass(frozen=True)
class Clients:
    """A folder for `PATH`, and what its programs were asked for."""

    folder: Path

    def take_asked(self) -> set[tuple[str, str, str]]:
        """Program, container and options of all commands since the last time."""
        notes = self.folder / "asked.jsonl"
        lines = [json.loads(line) for line in notes.read_text().splitlines()]
        notes.unlink()
        return {
            (name, target, repr(options)) for name, verb, target, options in lines
            if verb in {"exec", "run"}
        }  # fmt: skip


def make(folder: Path) -> Clients:
    """The programs, below that folder."""
    for name in _NAMES:
        shutil.copyfile(_HERE / "client", folder / name)
        (folder / name).chmod(0o755)
    shutil.copyfile(_HERE / "lxc.py", folder / "lxc.py")
    (folder / "inside").mkdir()
    (folder / "inside").chmod(0o777)
    return Clients(folder)
