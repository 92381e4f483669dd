"""mitogen.bootstrap.minify: the same program in fewer bytes."""

from __future__ import annotations

import ast
import subprocess

import pytest

from mitogen.bootstrap import bundle
from mitogen.bootstrap.minify import minify
from tests.support import interpreters


def run(source: str) -> dict[str, object]:
    namespace: dict[str, object] = {}
    exec(compile(source, "x", "exec", dont_inherit=True), namespace)
    return namespace


def test_what_only_people_read_is_gone():
    """Comments, docstrings and annotations."""
    source = '''
"""Module."""
class C:  # a comment
    """Class."""
    x: "int" = 5
    y: "int"
    def f(self, a: "int", *b: "x", k: "int" = 3, **c: "y") -> "None":
        """Function."""
        z: "int"
        return a, b, k, c
async def g() -> "int":
    """Only this."""
'''
    small = minify(source)
    for word in ("Module", "Class", "Function", "Only", "comment", "int", "None", '"'):
        assert word not in small
    names = run(small)
    assert names["C"].x == 5
    assert names["C"]().f(1, 2, z=4) == (1, (2,), 3, {"z": 4})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("f'{x}'", "7"),
        ("f'{x!r:>5}|{y!s:<4}|'", "    7|ab  |"),
        ("f'{{{x}}}'", "{7}"),
        ("f'{x:{w}.{w}f}'", "7.000"),
        ("f'{y[0]}{y[1]}'", "ab"),
        ("f'{x + 1:03d}' 'tail'", "008tail"),
        ("f'a' 'b'", "ab"),
        ("'line\\n    indented\\n        more'", "line\n    indented\n        more"),
    ],
)
def test_strings_stay_what_they_are(expression: str, expected: str):
    """F-strings become format calls; white space inside a string is not indentation."""
    names = run(
        minify(f"x = 7; y = 'ab'; w = 3\ndef f():\n    if 1:\n        return {expression}\n")
    )
    assert names["f"]() == expected


def test_blocks_keep_their_structure():
    """One blank per level is still a level."""
    source = "def f(n):\n    for i in range(n):\n        if i == 3:\n            return i\n    else:\n        return 'none'\n"
    f = run(minify(source))["f"]
    assert f(10) == 3
    assert f(2) == "none"


def test_local_variables_get_short_names():
    """Parameters, globals, builtins and whatever could be seen from elsewhere keep theirs."""
    source = """
import os as system
constant = 3
def plain(argument, *, option=1):
    total = argument
    for number in range(option):
        total += number
    try:
        pairs = [first + second for first, second in [(1, 2)]]
        key = sorted([3, 1], key=lambda item: -item)
    except ValueError as error:
        raise error
    with open(system.devnull) as stream:
        content = stream.read()
    return total, pairs, key, content, constant
def seen():
    variable = 1
    return sorted(locals())
def outer():
    variable = 1
    def inner():
        nonlocal variable
        variable += 1
        return variable
    return inner()
def assigns():
    global constant
    constant = 4
def shadows():
    max = 5
    return max
"""
    small = minify(source)
    for word in ("total", "number", "pairs", "first", "second", "error ", "stream", "content"):
        assert word not in small
    names = run(small)
    assert names["plain"](5, option=3) == (8, [3], [3, 1], "", 3)
    assert names["seen"]() == ["variable"]
    assert names["outer"]() == 2
    names["assigns"]()
    assert names["constant"] == 4
    assert names["shadows"]() == 5


def test_our_modules_mean_the_same():
    """What is sent of each module is its own program: the trees are equal but for annotations."""
    for part in bundle.listing():
        source = part.loader.get_source(part.name)
        once = minify(source)
        assert minify(once) == once, part.name
        assert len(once) <= len(source), part.name
        ast.parse(once)


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.13"])
def test_our_modules_compile_on_every_target(version: str):
    """The oldest supported Python accepts what this one wrote."""
    python = interpreters.find(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    program = "import sys\nfor s in sys.stdin.read().split('\\0'): compile(s, 'x', 'exec')"
    sources = "\0".join([minify(part.loader.get_source(part.name)) for part in bundle.listing()])
    done = subprocess.run(
        [python, "-W", "error", "-c", program],
        input=sources,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
