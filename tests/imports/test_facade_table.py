"""mitogen.controller.facade_table."""

from __future__ import annotations

import pytest

from mitogen.controller.facade_table import lazy_source, table_of


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Doc."""', {}),
        ("from a.b import c, d as e", {"c": "a.b:c", "e": "a.b:d"}),
        ("import a\nimport b.c\nimport d.e as f", {"a": "a", "b": "b", "f": "d.e"}),
        ("from __future__ import annotations\nfrom a import b", {"b": "a:b"}),
        ("from a import b\n__all__ = ['b']", {"b": "a:b"}),
        ("from a import *", None),
        ("from . import a", None),
        ("from a import b\nx = 1", None),
        ("from a import b\ndef f(): pass", None),
        ("if x:\n    from a import b", None),
    ],
)
def test_table(source, expected):
    """Only a module of nothing but imports becomes a table."""
    assert table_of(source) == expected


def test_lazy_source_is_python():
    """The table's source compiles, and names everything."""
    source = lazy_source("mitogen.x", {"b": "a:b"})
    compile(source, "x", "exec")
    assert "'a:b'" in source
