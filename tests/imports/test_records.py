"""mitogen.imports.records."""

from __future__ import annotations

import zlib

import pytest

from mitogen.errors import DecodeError
from mitogen.imports import records
from mitogen.imports.records import Resource, pack, unpack


def test_address_round_trip():
    """A resource's address names it completely."""
    found = Resource.from_address(Resource("a.b", "c/d.txt").address())
    assert (found.package, found.path) == ("a.b", "c/d.txt")


def test_a_module_is_no_resource():
    """A name without a slash is a module's."""
    assert Resource.from_address("a.b") is None


@pytest.mark.parametrize(("path", "expected"), [("", True), ("x/", True), ("x", False)])
def test_folders(path, expected):
    """A folder's path is empty or ends with a slash."""
    assert Resource("a", path).is_folder is expected


@pytest.mark.parametrize("path", ["", "a", "a/b.txt", "a/", "...", "a..b"])
def test_inside(path):
    """Plain relative paths stay inside of the package."""
    assert Resource("p", path).is_inside()


@pytest.mark.parametrize(
    "path", ["..", "../x", "a/../../x", "/etc/passwd", "/", "a//b", "./a", "a\0"]
)
def test_outside(path):
    """Whatever could lead out of the package is noticed."""
    assert not Resource("p", path).is_inside()


@pytest.mark.parametrize("data", [b"", b"x" * 100000])
def test_packing(data):
    """What was packed comes out again."""
    assert unpack(pack(data)) == data


@pytest.mark.parametrize("data", [b"", b"nonsense", pack(b"hello")[:-1]])
def test_damaged(data):
    """Damaged data is the other side's fault, never a crash."""
    with pytest.raises(DecodeError):
        unpack(data)


def test_bomb(monkeypatch):
    """Data that unfolds to more than the limit is refused before it is in memory."""
    monkeypatch.setattr(records, "MAX_UNPACKED", 1000)
    with pytest.raises(DecodeError, match="larger than 1000"):
        unpack(zlib.compress(b"\0" * 1001))
    assert unpack(zlib.compress(b"\0" * 1000)) == b"\0" * 1000
