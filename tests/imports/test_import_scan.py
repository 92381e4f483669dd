"""mitogen.controller.import_scan."""

from __future__ import annotations

import pytest

from mitogen.controller.import_scan import ImportStatement, scan


def found(source, fullname="pkg.mod", is_package=False):
    """What a scan finds, as text."""
    return [
        statement.module if statement.name is None else f"{statement.module}:{statement.name}"
        for statement in scan(source, fullname, is_package)
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a", ["a"]),
        ("import a.b.c as d, e", ["a.b.c", "e"]),
        ("from a.b import c, d as e", ["a.b:c", "a.b:d"]),
        ("from a import *", ["a:*"]),
        ("import a\nimport a", ["a"]),
        ("from . import x", ["pkg:x"]),
        ("from .x import y", ["pkg.x:y"]),
        ("from .. import x", []),
        ("from ...x import y", []),
        (
            "try:\n import a\nexcept ImportError:\n import b\nelse:\n import c\nfinally:\n import d",
            ["a", "c", "d", "b"],
        ),
        ("if x:\n import a\nelif y:\n import b\nelse:\n import c", ["a", "b", "c"]),
        ("with x:\n import a", ["a"]),
        ("for x in y:\n import a\nwhile x:\n import b", ["a", "b"]),
        ("class C:\n import a", ["a"]),
        ("def f():\n import a", []),
        ("async def f():\n import a", []),
        ("class C:\n def f(self):\n  import a", []),
        ("if TYPE_CHECKING:\n import a\nelse:\n import b", ["b"]),
        ("if typing.TYPE_CHECKING:\n import a", []),
        ("not python", []),
        ("import a\0", []),
        ("", []),
    ],
)
def test_scan(source, expected):
    """Imports that run with the module are found, whatever they are nested in."""
    assert found(source) == expected


def test_relative_to_a_package():
    """In a package's own module one dot is the package itself."""
    assert found("from . import x\nfrom .y import z", "pkg", True) == ["pkg:x", "pkg.y:z"]


def test_relative_without_package():
    """A top level module has nothing to be relative to."""
    assert found("from . import x", "mod") == []


def test_deeply_nested_source():
    """A source that is too much for the parser has no imports."""
    assert found("(" * 100000) == []


def test_candidates():
    """Packages come before what is inside of them; an imported name may be a module."""
    assert ImportStatement("a.b", "c").candidates() == ["a", "a.b", "a.b.c"]
    assert ImportStatement("a.b", "*").candidates() == ["a", "a.b"]
    assert ImportStatement("a", None).candidates() == ["a"]
