"""mitogen.imports.reexport, and our own modules that travel in its form."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.imports.near_side import RemoteError


@pytest.fixture
def facade(child):
    """A child whose program has one more documented path."""
    child.responder.add_source_override(
        "mitogen.thing",
        "/src/mitogen/thing.py",
        '"""Doc."""\nfrom mitogen.imports.policy import ImportPolicy as Policy\n'
        "import json\nfrom not_there import gone\n__all__ = []\n",
        False,
    )
    return child


def test_names_are_resolved_when_wanted(facade):
    """Importing it imports nothing else; each name leads to the original."""
    script = """
        import mitogen.thing
        from mitogen.thing import Policy
        from mitogen.imports.policy import ImportPolicy
        import json
        result = [
            Policy is ImportPolicy, mitogen.thing.Policy is ImportPolicy, mitogen.thing.json is json,
            mitogen.thing.__name__, mitogen.thing.__file__, "Policy" in dir(mitogen.thing),
            mitogen.thing.__all__, hasattr(mitogen.thing, "other"),
        ]
    """
    assert facade.run(dedent(script)) == [
        True, True, True, "mitogen.thing", "master:/src/mitogen/thing.py", True,
        ["Policy", "gone", "json"], False,
    ]  # fmt: skip
    assert facade.asked == ["mitogen.thing"]


def test_what_cannot_be_had(facade):
    """A name that cannot be resolved fails when it is used, with its own reason."""
    with pytest.raises(RemoteError, match="not_there"):
        facade.run("import mitogen.thing; mitogen.thing.gone")


@pytest.mark.parametrize("name", ["core", "master", "parent", "utils"])
def test_documented_paths_are_cheap(child, tree, name):
    """A program's modules import them at their top; in a child that is one small record."""
    tree({"prog.py": f"import mitogen.{name}\nx = 1"})
    assert child.run("import prog; result = prog.x") == 1
    assert child.asked == ["prog"]


def test_a_child_that_becomes_a_parent(child):
    """What starts children is had in one go, and runs on the oldest Python."""
    script = "import mitogen.controller.connector, mitogen.methods; result = 1"
    assert child.run(script) == 1
    assert child.asked == ["mitogen.controller", "mitogen.controller.connector"]


def test_decorators_of_a_program(child, tree):
    """A main script may decorate its functions with what only the program itself will use."""
    tree(
        {"decorated.py": "import mitogen.utils\n@mitogen.utils.with_router\ndef main(router): pass"}
    )
    assert child.run("import decorated; result = decorated.main.__name__") == "main"
