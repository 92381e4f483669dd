"""Fixtures of the import tests."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.imports.near_side import Child, copy_target_layers
from tests.support import interpreters


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what is in every child's bundle."""
    return copy_target_layers(tmp_path_factory.mktemp("layers"))


@pytest.fixture(params=interpreters.available())
def child(request: pytest.FixtureRequest, layers: Path) -> Child:
    """A child of each Python version of this machine in turn."""
    return Child(str(interpreters.find(request.param)), layers)


@pytest.fixture
def own_child(layers: Path) -> Child:
    """A child of the Python the tests run on."""
    return Child(sys.executable, layers)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """`tree({"pkg/__init__.py": "..."})` writes files into a folder of this process's path."""
    monkeypatch.syspath_prepend(tmp_path)
    modules = set(sys.modules)

    def write(files: dict[str, str | bytes]) -> Path:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        importlib.invalidate_caches()
        return tmp_path

    yield write
    for name in set(sys.modules) - modules:
        del sys.modules[name]
