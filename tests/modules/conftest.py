"""Ansible's plugin loader, and sources of modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("ansible", reason="ansible-core is not installed")

from ansible import constants as C  # noqa: N812 -- its name everywhere in Ansible

from ansible_mitogen.compat.core import loader as loaders
from ansible_mitogen.modules import ClosureStore, Source, fqn_of


@pytest.fixture(scope="session", autouse=True)
def plugin_loader() -> None:
    """As the command line programs do."""
    if not getattr(loaders.init_plugin_loader, "was_called", False):
        loaders.init_plugin_loader()


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary folder that Ansible makes for each run."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(folder))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ClosureStore:
    """An empty store."""
    return ClosureStore(tmp_path / "lasting", tmp_path / "of_run")


@pytest.fixture
def builtin() -> Callable[[str], Source]:
    """`builtin("ping")`: the source of a module of the core."""

    def find(name: str) -> Source:
        path = loaders.module_loader.find_plugin(name)
        return Source(name, fqn_of(name, path), path, Path(path).read_bytes())

    return find
