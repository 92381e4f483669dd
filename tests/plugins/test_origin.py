"""Plugins insist on the packages that they were unpacked with."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import ansible
import pytest

ORIGIN = Path(__file__).resolve().parents[2] / "ansible_mitogen" / "origin.py"


def tree(folder):
    """A folder with packages of our names."""
    for name in ("mitogen", "ansible_mitogen"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("")
    return folder


def claim(root, *search_path):
    """What happens when a plugin in *root* is loaded with *search_path* in front."""
    program = (
        f"import runpy, sys, pathlib; sys.path[:0] = {[str(p) for p in search_path]!r}\n"
        f"claim = runpy.run_path({str(ORIGIN)!r})['claim']\n"
        f"if {bool(search_path)}: import mitogen\n"
        f"before = list(sys.path)\n"
        f"claim(pathlib.Path({str(root)!r}))\n"
        f"assert sys.path == before\n"
        f"print(sys.modules['ansible_mitogen'].__file__)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=root.parent
    )


def test_an_unpacked_tree_is_used(tmp_path):
    """Nothing has to be installed."""
    root = tree(tmp_path / "ours")
    result = claim(root)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(root / "ansible_mitogen" / "__init__.py")


def test_another_mitogen_is_refused(tmp_path):
    """A mitogen that was loaded from elsewhere is named, together with the plugins' own tree."""
    ours, other = tree(tmp_path / "ours"), tree(tmp_path / "other")
    result = claim(ours, other)
    assert result.returncode != 0
    assert str(other / "mitogen") in result.stderr
    assert str(ours) in result.stderr


def test_the_same_through_a_link(tmp_path):
    """An ansible.cfg may point through a symbolic link."""
    ours = tree(tmp_path / "ours")
    link = tmp_path / "link"
    link.symlink_to(ours)
    assert claim(link, ours).returncode == 0


@pytest.mark.parametrize(
    ("loader", "folder", "name"),
    [
        ("strategy", "plugins/strategy", "mitogen_linear"),
        ("connection", "plugins/connection", "mitogen_ssh"),
        ("connection", "shadow", "ssh"),
    ],
)
def test_plugins_load_beside_ansible(tmp_path: Path, loader: str, folder: str, name: str) -> None:
    """Installed into its `site-packages`, where Ansible takes part in imports of all `ansible*`."""
    for package in (ORIGIN.parent, ORIGIN.parent.parent / "mitogen"):
        shutil.copytree(package, tmp_path / package.name)
    (tmp_path / "ansible").symlink_to(Path(ansible.__file__).parent)
    script = (
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from ansible.plugins import loader\n"
        "loader.init_plugin_loader()\n"
        f"plugins = loader.{loader}_loader\n"
        f"plugins.add_directory({str(tmp_path / 'ansible_mitogen' / folder)!r})\n"
        f"print(plugins.get({name!r}, class_only=True).__module__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
