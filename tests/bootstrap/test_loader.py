"""mitogen.bootstrap.loader: modules from memory, in a real new interpreter."""

from __future__ import annotations

import ast
import sys

import pytest

from mitogen.bootstrap import loader
from mitogen.bootstrap.handshake import InterpreterInfo
from tests.bootstrap.driver import started
from tests.support import interpreters

REPORT = """
import os, sys
from mitogen.bootstrap.markers import up_marker
def main(boot):
    os.write(1, up_marker(boot.nonce) + repr(report()).encode() + b"\\n")
    while os.read(0, 4096):
        pass
    os._exit(0)
def report():
"""


def report(body: str, version: str | None = None) -> object:
    """What an expression's value is in a booted child."""
    python = sys.executable if version is None else interpreters.find(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    lines = "".join([f"    {line}\n" for line in body.splitlines()])
    with started(python=str(python), main=REPORT + lines) as child:
        assert child.error is None
        assert child.up is not None
        leftover = child.up.leftover
        while b"\n" not in leftover:
            child.process.link.setblocking(True)
            leftover += child.process.link.recv(65536)
        return ast.literal_eval(leftover.decode())


VERSIONS = pytest.mark.parametrize("version", ["3.6", "3.9", "3.11", "3.13"])


@VERSIONS
def test_modules_look_like_any_other(version: str):
    """Spec, loader, file, package, parent attribute."""
    body = """
import mitogen.wire.frame as frame, mitogen.wire, mitogen.bootstrap.loader as loader
return [
    frame.__name__, frame.__package__, frame.__spec__.name, frame.__file__ == frame.__spec__.origin,
    mitogen.wire.frame is frame, mitogen.wire.__path__, mitogen.bootstrap.loader is loader,
    loader.__spec__.name, loader.__package__, loader.__loader__ is loader.boot_importer(),
    sys.modules["mitogen.bootstrap.loader"] is loader]
"""
    assert report(body, version) == [
        "mitogen.wire.frame", "mitogen.wire", "mitogen.wire.frame", True, True, [], True,
        "mitogen.bootstrap.loader", "mitogen.bootstrap", True, True,
    ]  # fmt: skip


@VERSIONS
def test_tracebacks_show_our_lines(version: str):
    """Also of code that never was on a disk there."""
    body = """
import traceback
from mitogen.wire.values import decode
try:
    decode(b"nonsense")
except Exception:
    return traceback.format_exc().splitlines()
"""
    lines = report(body, version)
    at = [n for n, line in enumerate(lines) if "mitogen/wire/values.py" in line]
    assert at
    assert all(lines[n + 1].startswith("    ") for n in at)


def test_what_is_not_in_it_is_left_to_others():
    """No finder behind it is cut off, and asking it for what it has not is an ImportError."""
    body = """
from mitogen.bootstrap import loader
importer = loader.boot_importer()
import colorsys
try:
    importer.get_code("mitogen.nothing")
except ImportError as exc:
    name = exc.name
try:
    import mitogen.controller.nothing
except ImportError as exc:
    missing = type(exc).__name__
return [importer.find_spec("mitogen.nothing"), name, missing, importer.is_package("mitogen.wire"),
        importer.is_package("mitogen.errors"), importer.create_module(None)]
"""
    assert report(body) == [None, "mitogen.nothing", "ModuleNotFoundError", True, False, None]


def test_a_context_keeps_what_it_was_booted_from():
    """For children of its own with the same kind of Python."""
    body = """
import marshal, zlib
from mitogen.bootstrap import loader
modules = marshal.loads(zlib.decompress(loader.boot_bundle()))
class Other:
    magic, optimize = "330d0d0a", 0
class Same:
    magic, optimize = modules[loader.FORM]
return ["mitogen.child.main" in modules, loader.boot_bundle_fits(Other),
        loader.boot_bundle_fits(Same)]
"""
    assert report(body) == [True, False, True]


def test_source_fits_any_interpreter():
    """What was booted from source can boot anything."""
    body = """
from mitogen.bootstrap import loader
class Other:
    magic, optimize = "330d0d0a", 2
return [loader.boot_bundle_fits(Other), loader.boot_importer().get_source("mitogen.errors") != None]
"""
    assert report(body, "3.6") == [True, True]


def test_the_arguments_are_ours_to_show():
    """Programs that look at sys.argv see the title, not our boot code."""
    assert report("return sys.argv") == ["mitogen:alice@control:77"]
    assert report("return '' in sys.path") is False


def test_a_program_that_was_not_booted_has_no_importer():
    """The master imports the same modules from disk."""
    assert loader.boot_importer() is None
    assert InterpreterInfo((3, 6, 0), "", 0, "").optimize == 0
