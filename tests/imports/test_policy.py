"""mitogen.imports.policy."""

from __future__ import annotations

import pytest

from mitogen.imports.policy import ImportPolicy, is_under


@pytest.mark.parametrize(
    ("fullname", "prefixes", "expected"),
    [
        ("a", ["a"], True),
        ("a.b.c", ["a.b"], True),
        ("ab", ["a"], False),
        ("a", ["a.b"], False),
        ("a", [], False),
        ("a", [""], True),
        ("b", ["a", "b"], True),
    ],
)
def test_is_under(fullname, prefixes, expected):
    """A prefix is a package or module, never a part of a name; the empty one is everything."""
    assert is_under(fullname, prefixes) is expected


def test_everything_is_served_by_default():
    """Without lists any name is served, after the target's own copy."""
    policy = ImportPolicy()
    assert policy.is_served("anything.at.all")
    assert not policy.goes_first("anything")
    assert not policy.has_first()


def test_blacklist():
    """What is on the blacklist is refused, inside of packages too, and the reason says so."""
    policy = ImportPolicy(blacklist=["secrets_of"])
    assert not policy.is_served("secrets_of")
    assert "blacklist" in policy.refusal_of("secrets_of.mine")
    assert policy.is_served("secrets_off")


def test_whitelist():
    """With a whitelist nothing else is served, and what is on it comes first."""
    policy = ImportPolicy(whitelist=["app"])
    assert policy.is_served("app.part")
    assert policy.goes_first("app")
    assert "whitelist" in policy.refusal_of("other")
    assert not policy.goes_first("other")


@pytest.mark.parametrize("fullname", ["__main__", "mitogen.controller.connector"])
def test_what_no_whitelist_has_to_name(fullname):
    """A whitelist keeps neither the program's functions nor our own layers from children."""
    policy = ImportPolicy(whitelist=["app"])
    assert policy.is_served(fullname)
    assert not policy.goes_first(fullname)


def test_blacklist_beats_whitelist():
    """A name on both lists is refused."""
    assert not ImportPolicy(["app"], ["app.private"]).is_served("app.private.key")


def test_empty_prefixes_are_no_restriction():
    """`whitelist_prefix("")` allows everything, without preferring it."""
    policy = ImportPolicy([""], [""])
    assert policy.is_served("x")
    assert not policy.has_first()


def test_overrides():
    """An override is served and comes first, also for a name of the standard library."""
    policy = ImportPolicy(["app"], overrides=["json"], stdlib=["json"])
    assert policy.is_served("json.decoder")
    assert policy.goes_first("json")


def test_stdlib_is_never_asked_for():
    """Known names of the standard library, and of other platforms' ones, are refused."""
    policy = ImportPolicy(stdlib=["json"])
    assert "standard library" in policy.refusal_of("json.tool")
    assert not policy.is_served("msvcrt")
    assert not policy.is_served("org.python.core")
