"""The wheel carries everything a user needs and nothing of the tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The wheel of this tree, built without the network."""
    pytest.importorskip("setuptools")
    pytest.importorskip("wheel")
    folder = tmp_path_factory.mktemp("wheel")
    # A copy: setuptools leaves build/ and *.egg-info in the tree it builds.
    source = folder / "source"
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if not names:
        pytest.skip("needs a git checkout")
    for name in names:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    argv = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    done = subprocess.run(
        [*argv, "--wheel-dir", str(folder), str(source)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return zipfile.Path(built)


def _names(wheel: zipfile.Path) -> set[str]:
    return set(wheel.root.namelist())


def test_every_source_file_is_in_the_wheel(wheel: zipfile.Path) -> None:
    """All of mitogen and ansible_mitogen, plugin folders and shadow included."""
    wanted = {
        str(path.relative_to(ROOT))
        for package in ("mitogen", "ansible_mitogen")
        for path in (ROOT / package).rglob("*.py")
    }
    assert wanted - _names(wheel) == set()
    assert any(name.startswith("ansible_mitogen/plugins/strategy/") for name in wanted)
    assert any(name.startswith("ansible_mitogen/shadow/") for name in wanted)


def test_nothing_else_is_in_the_wheel(wheel: zipfile.Path) -> None:
    """Two packages and the metadata with the licence."""
    tops = {name.split("/")[0] for name in _names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mitogen", "ansible_mitogen"}
    assert any(name.endswith("LICENSE") for name in _names(wheel))


def test_metadata(wheel: zipfile.Path) -> None:
    """Name, version and the controller's oldest Python."""
    (name,) = (name for name in _names(wheel) if name.endswith("/METADATA"))
    text = wheel.root.read(name).decode()
    for line in ("Name: mitogen", "Version: 1.0.0.dev0", "Requires-Python: >=3.10"):
        assert line in text
