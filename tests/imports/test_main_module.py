"""mitogen.imports.main_module."""

from __future__ import annotations

import sys
import types
from textwrap import dedent

import pytest

from tests.imports.near_side import RemoteError

GUARD = '\nif __name__ == "__main__":\n    raise SystemExit("ran again")\n'


@pytest.fixture
def program(tree, monkeypatch):
    """`program(source)` makes this process one with that main script."""

    def make(source, package=None):
        folder = tree({"program.py": source})
        module = types.ModuleType("__main__")
        module.__file__ = str(folder / "program.py")
        module.__package__ = package
        monkeypatch.setitem(sys.modules, "__main__", module)
        return folder

    return make


def test_functions_of_the_main_script(child, program):
    """A child finds the program's functions in `__main__`; what is guarded does not run."""
    folder = program(
        "import os\nruns = []\nruns.append(1)\ndef f():\n    return len(runs)\n" + GUARD
    )
    script = """
        import importlib, inspect
        main = importlib.import_module("__main__")
        import __main__ as same
        result = [main.f(), main is same, main.f.__module__, main.__file__, main.__name__,
                  inspect.getsource(main.f)]
    """
    assert child.run(dedent(script)) == [
        1, True, "__main__", f"master:{folder}/program.py", "__main__",
        "def f():\n    return len(runs)\n",
    ]  # fmt: skip


def test_not_before_somebody_looks(child, program):
    """Importing `__main__` alone, or what machinery asks of it, costs nothing."""
    program("x = 1" + GUARD)
    script = """
        import __main__, warnings, pickle
        result = [hasattr(__main__, "__file__"), __main__.__name__, repr(__main__)[:7]]
    """
    assert child.run(dedent(script)) == [False, "__main__", "<module"]
    assert child.asked == []


def test_missing_attribute(child, program):
    """What the script does not have is an AttributeError."""
    program("x = 1" + GUARD)
    script = """
        import __main__
        result = [hasattr(__main__, "y"), hasattr(__main__, "y"), __main__.x]
    """
    assert child.run(dedent(script)) == [False, False, 1]
    assert child.asked == ["__main__"]


def test_circular(child, program, tree):
    """A module the script imports may import the script."""
    tree({"circ_helper.py": "import __main__\ndef g():\n    return __main__.x"})
    program("x = 1\nimport circ_helper\ndef f():\n    return circ_helper.g()" + GUARD)
    assert child.run("import __main__; result = __main__.f()") == 1
    assert child.asked == ["__main__"]


def test_refused_with_advice(own_child, program):
    """Without a guard the error tells what to do."""
    program("def f(): pass")
    with pytest.raises(RemoteError, match=r"__main__.*@mitogen\.main\(\)") as caught:
        own_child.run("import __main__; __main__.f")
    assert caught.value.type_name == "ModuleNotFoundError"


def test_a_script_that_fails(child, program):
    """Its exception reaches whoever looked, and the next look tries again."""
    program("import sys\nif not hasattr(sys, 'ready'): raise ValueError('early')\nx = 1" + GUARD)
    script = """
        import sys, __main__
        try:
            __main__.x
        except ValueError:
            assert not hasattr(__main__, "__file__")
        sys.ready = True
        result = __main__.x
    """
    assert child.run(dedent(script)) == 1


def test_run_as_a_module(child, program, tree):
    """A script of a package keeps its relative imports."""
    tree({"mainpk/__init__.py": "", "mainpk/part.py": "x = 4"})
    program("from .part import x" + GUARD, "mainpk")
    assert child.run("import __main__; result = __main__.x") == 4


def test_threads(child, program):
    """Several threads that look at once see a complete module, loaded once."""
    program("import time\nruns = []\nruns.append(1)\nend = len(runs)" + GUARD)
    script = """
        import threading, __main__
        seen = []
        def look(): seen.append(__main__.end)
        threads = [threading.Thread(target=look) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        result = [seen, __main__.runs]
    """
    assert child.run(dedent(script)) == [[1] * 8, [1]]
