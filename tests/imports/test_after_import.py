"""What is done as soon as a module has been imported."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest

from mitogen.imports.after_import import call_after_import

#: Of the standard library, and small; it is imported anew by each test.
NAME = "this"


@pytest.fixture(autouse=True)
def as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module is not there yet, and no hook outlives the test."""
    monkeypatch.delitem(sys.modules, NAME, raising=False)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))


def test_once() -> None:
    """With the module, when it is done; not when it is imported again."""
    called: list[ModuleType] = []
    call_after_import(NAME, called.append)
    assert not called
    module = importlib.import_module(NAME)
    assert called == [module]
    assert type(module.__loader__).__module__ != call_after_import.__module__
    del sys.modules[NAME]
    importlib.import_module(NAME)
    assert called == [module]


def test_of_one_that_is_there() -> None:
    """At once."""
    called: list[ModuleType] = []
    call_after_import("sys", called.append)
    assert called == [sys]


def test_an_import_beside_it_misses_no_finder() -> None:
    """Another thread may be in the middle of the list that all imports go through."""
    call_after_import(NAME, lambda _module: None)
    expected = list(sys.meta_path)
    passing = iter(sys.meta_path)
    passed = [next(passing)]
    importlib.import_module(NAME)
    assert passed + list(passing) == expected
