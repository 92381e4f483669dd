"""Modules that say which Python they want, compared with the program that Ansible sends to it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import interpreters
from tests.target.conftest import Host
from tests.target.packed import Module, own, supported_pythons

_LOOKS = """\
from ansible.module_utils.basic import AnsibleModule
import json, os, sys
print(json.dumps([
    sys.executable, sys.version, sys.prefix, sys.flags.ignore_environment,
    sys.flags.dont_write_bytecode, os.environ.get("PATH"), os.environ.get("SET"),
    __name__, AnsibleModule({"x": {}}).params["x"],
]))
sys.exit(3)
"""


@pytest.fixture
def looks(library: Path) -> Module:
    """A module that says which interpreter runs it."""
    return own(library, _LOOKS, "looks")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A virtual environment of our own Python, by hand."""
    (tmp_path / "bin").mkdir()
    for name in ("python3", "python3.99"):
        (tmp_path / "bin" / name).symlink_to(os.path.realpath(sys.executable))
    home = Path(os.path.realpath(sys.executable)).parent
    (tmp_path / "pyvenv.cfg").write_text(f"home = {home}\n")
    return tmp_path / "bin"


def _is_as_stock(host: Host, module: Module, words: list[str], **environment: str) -> Any:
    prefix = [f"{name}='{value}'" for name, value in environment.items()]
    stock = module.run_stock(" ".join([*prefix, *words]), {"x": "y"})
    job = module.job({"x": "y"}, interpreter=words, environment=environment)
    assert host.outcome(job) == stock
    return stock


def test_our_own_by_another_name(host: Host, looks: Module, library: Path) -> None:
    """It runs as all do, in a fork of the zygote, under the name that it asked for."""
    ours = Path(host.python)
    names = [path for path in ours.parent.glob("python*") if path.samefile(ours)]
    assert len(names) > 1
    for path in names:
        shown = json.loads(_is_as_stock(host, looks, [str(path)]).stdout)
        assert shown[0] == str(path)
    text = (
        "import sys\nfrom ansible.module_utils import basic\nprint(basic.__loader__)\nsys.exit(0)"
    )
    job = own(library, text, "loaded").job({}, interpreter=[str(names[0])])
    assert b"ansible_mitogen.target.closure" in host.outcome(job).stdout


@pytest.mark.parametrize("version", supported_pythons(interpreters.available()))
def test_another_version(version: str, host: Host, looks: Module) -> None:
    """It runs in that one, or says that it is too old."""
    assert _is_as_stock(host, looks, [str(interpreters.find(version))]).stdout


def test_a_virtual_environment(host: Host, looks: Module, folder: Path) -> None:
    """The same program elsewhere is another interpreter."""
    for name in ("python3", "python3.99"):
        shown = json.loads(_is_as_stock(host, looks, [str(folder / name)]).stdout)
        assert shown[2] == str(folder.parent)


def test_options(host: Host, looks: Module) -> None:
    """Are the interpreter's."""
    shown = json.loads(_is_as_stock(host, looks, [host.python, "-E", "-B"], SET="yes").stdout)
    assert shown[3:5] == [1, 1]
    assert shown[6] == "yes"


def test_the_path_of_the_task(host: Host, looks: Module, folder: Path) -> None:
    """Is where env, and a shell, look for it."""
    path = f"{folder}:/usr/bin:/bin"
    for words in (["/usr/bin/env", "python3"], ["python3"]):
        shown = json.loads(_is_as_stock(host, looks, words, PATH=path).stdout)
        assert shown[0] == str(folder / "python3")


@pytest.mark.parametrize("words", [["/no/such/python3"], ["python3.1000"], ["/etc/passwd"]])
def test_what_cannot_be_started(
    words: list[str], host: Host, looks: Module, tmp_path: Path
) -> None:
    """A shell says so, in its words; no file is left behind."""
    stock = _is_as_stock(host, looks, words, TMPDIR=str(tmp_path))
    assert stock.rc in {126, 127}
    assert not list(tmp_path.iterdir())
