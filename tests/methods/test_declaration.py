"""mitogen.methods and its declarations: options, defaults, secrets."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from mitogen import methods
from mitogen.methods.declaration import COMMON, python_candidates
from mitogen.wire.values import Secret

ALL = pytest.mark.parametrize("name", methods.NAMES)
REQUIRED: dict[str, dict[str, object]] = {
    "ssh": {"hostname": "web1"},
    "docker": {"container": "c1"},
    "podman": {"container": "c1"},
    "buildah": {"container": "c1"},
    "kubectl": {"pod": "p1"},
    "lxc": {"container": "c1"},
    "lxd": {"container": "c1"},
    "incus": {"container": "c1"},
    "jail": {"container": "c1"},
    "setns": {"container": "c1", "kind": "docker"},
    "wrapped": {"command": "exec PLACE", "place": "PLACE"},
    "command": {"argv": ["nice"]},
}


def options(name: str, **given: object) -> methods.Options:
    return methods.build_options(methods.find(name), **REQUIRED.get(name, {}), **given)


@ALL
def test_every_method_is_complete(name: str):
    """One file, one METHOD, with a line of doc for itself and for each option."""
    method = methods.find(name)
    assert method.name == name
    assert method.doc.endswith(".")
    assert all(option.doc.endswith((".", ")")) for option in method.options)
    assert {option.name for option in COMMON} <= {option.name for option in method.options}
    assert name in repr(method)


@pytest.mark.parametrize("name", [name for name in methods.NAMES if name != "fork"])
def test_every_method_makes_a_command_line(name: str):
    """It ends in what shall run there, and is made of strings."""
    method = methods.find(name)
    record = options(name)
    argv = method.argv(record, ["sh", "-c", "BODY"], "sh -c 'BODY'")
    assert all(type(word) is str for word in argv)
    assert argv[-1] == "BODY" or argv[-1].endswith("sh -c 'BODY'")
    assert method.needs_tty(record) is False
    assert method.default_name(record).startswith(name)


@ALL
def test_unknown_options_are_refused_by_name(name: str):
    """A typing error must not be taken for a default."""
    with pytest.raises(TypeError, match=rf"{name}\(\) has no option user_name"):
        options(name, user_name="x")


def test_missing_options_are_named():
    """What has no default has to be given."""
    for given in ({}, {"hostname": None}):
        with pytest.raises(TypeError, match="needs hostname"):
            methods.build_options(methods.find("ssh"), **given)


@pytest.mark.parametrize(
    ("name", "option"),
    [(name, o.name) for name in methods.NAMES for o in methods.find(name).options if o.is_operand],
)
@pytest.mark.parametrize("value", ["", "-x", "--rm"])
def test_a_name_is_never_an_option(name: str, option: str, value: str):
    """Where the program would take it for one, it is refused."""
    with pytest.raises(ValueError, match=option):
        methods.build_options(methods.find(name), **{**REQUIRED.get(name, {}), option: value})


def test_an_unknown_method_is_refused():
    """By name, and nothing outside the list is imported."""
    with pytest.raises(LookupError):
        methods.find("declaration")


@pytest.mark.parametrize("name", ["ssh", "sudo", "su", "doas"])
@pytest.mark.parametrize("kind", [str, Secret])
def test_secrets_show_nowhere(name: str, kind: type):
    """Neither in a repr nor in the command line."""
    record = options(name, password=kind("s3cret"), username="bob")
    assert "s3cret" not in repr(record)
    assert "bob" in repr(record)
    assert record.secrets() == ["s3cret"]
    assert "s3cret" not in repr(methods.find(name).argv(record, ["sh", "-c", "B"], "sh -c B"))


@ALL
def test_options_travel(name: str):
    """Another context makes the same connection from the dict, under the name given here."""
    record = options(name, python_path="/opt/python")
    values = methods.to_dict(record, "ctx.name")
    again = methods.build_options(methods.find(name), **values)
    assert again.name == "ctx.name"
    assert again.python_path == [["/opt/python"]] or again.python_path == ["/opt/python"]
    assert {**again.given, "name": None} == {**record.given, "name": None}


def test_the_default_interpreter_is_the_starting_ones():
    """A local child of a far context runs *its* Python, not ours: it is not resolved here."""
    record = options("local")
    assert methods.to_dict(record, "x")["python_path"] is None
    assert record.python_path == [[sys.executable]]
    assert options("sudo").python_path is None


def test_no_interpreter_of_our_own_is_known(monkeypatch: pytest.MonkeyPatch):
    """An embedded Python does not know its executable: the usual names are tried."""
    monkeypatch.setattr(sys, "executable", "")
    assert options("local").python_path is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("python3", ["python3"]),
        ("/usr/bin/env python3", ["/usr/bin/env python3"]),
        (["/usr/bin/env", "python3"], [["/usr/bin/env", "python3"]]),
        (["python3", "-E"], [["python3", "-E"]]),
        (["nice", "-n", "5", "python3"], [["nice", "-n", "5", "python3"]]),
        (["python3", "/usr/bin/python"], ["python3", "/usr/bin/python"]),
        (("pypy3", "python3"), ["pypy3", "python3"]),
        ([["python3", "-E"], "python"], [["python3", "-E"], "python"]),
    ],
)
def test_what_a_python_path_names(given: object, expected: object):
    """One command, or candidates."""
    assert python_candidates(given) == expected


@pytest.mark.parametrize("given", [5, [], {}, b"python3"])
def test_what_is_no_python_path(given: object):
    """Said at once, at the caller."""
    with pytest.raises(TypeError, match="python_path"):
        options("local", python_path=given)


def test_an_attribute_that_is_no_option():
    """Is an AttributeError, as for any object."""
    assert getattr(options("local"), "password", "none") == "none"


@ALL
def test_declarations_are_pure(name: str):
    """A method describes; it starts nothing, opens nothing."""
    tree = ast.parse(Path(sys.modules["mitogen.methods." + name].__file__).read_text())
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in ([ast.alias(node.module)] if isinstance(node, ast.ImportFrom) else node.names)
    }
    assert imported <= {"re", "sys", "mitogen"}
