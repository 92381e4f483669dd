"""mitogen.controller.main_guard."""

from __future__ import annotations

import pytest

from mitogen.controller.main_guard import UnguardedMainError, importable_part

BODY = "import os\n\ndef f():\n    return 1\n\n"


@pytest.mark.parametrize(
    "guard",
    [
        'if __name__ == "__main__":\n    f()\n',
        "if __name__ == '__main__': f()\n",
        'if "__main__" == __name__:\n    f()\n',
        'if __name__=="__main__" and os.environ:\n    f()\n',
        'if (\n    __name__ == "__main__"\n):\n    f()\nx = 1\n',
    ],
)
def test_cut_at_the_guard(guard):
    """Everything from the guard on is left out, every other line stays where it is."""
    assert importable_part(BODY + guard) == BODY


@pytest.mark.parametrize(
    "decorator", ["@mitogen.main()", "@mitogen.main(log_level='DEBUG')", "@mitogen.main"]
)
def test_mitogen_main(decorator):
    """A decorated function needs no guard: in children the decorator does nothing."""
    source = f"import mitogen\n{decorator}\ndef main(router):\n    pass\n"
    assert importable_part(source) == source


@pytest.mark.parametrize(
    "source",
    [
        BODY,
        "",
        'if __name__ != "__main__":\n    pass\n',
        'if name == "__main__":\n    pass\n',
        'if True:\n    if __name__ == "__main__":\n        pass\n',
        "@other.main()\ndef main():\n    pass\n",
    ],
)
def test_refused_with_advice(source):
    """Without a guard the whole program would run again: the advice says what to do."""
    with pytest.raises(UnguardedMainError, match=r"if __name__ == .*mitogen\.main"):
        importable_part(source)


def test_a_docstring_that_mentions_the_guard_is_no_guard():
    """Text that looks like a guard does not cut."""
    text = 'X = """\nif __name__ == "__main__":\n"""\n'
    assert importable_part(text + 'if __name__ == "__main__":\n    pass\n') == text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("from . import x", "from pkg.sub import x"),
        ("from .a.b import x as y", "from pkg.sub.a.b import x as y"),
        ("from .. import x, y", "from pkg import x, y"),
        ("from   . a  import  x", "from pkg.sub.a import  x"),
        ("import os; from .a import (x)", "import os; from pkg.sub.a import (x)"),
        ("from .a import x; from . import y", "from pkg.sub.a import x; from pkg.sub import y"),
        ("y = 'ä'; from .a import x", "y = 'ä'; from pkg.sub.a import x"),
        ("from .... import x", "from .... import x"),
        ("import os", "import os"),
    ],
)
def test_relative_imports_of_a_packages_script(line, expected):
    """A script run with `python -m` is alone in the child: its imports are made absolute."""
    guard = 'if __name__ == "__main__":\n    from . import never\n'
    assert importable_part(line + "\n" + guard, "pkg.sub") == expected + "\n"


def test_strange_line_ends():
    """Form feeds and the like do not end lines."""
    text = "x = 1\f\ny = '\x1c\u2028'\n"
    assert importable_part(text + 'if __name__ == "__main__":\n    pass\n') == text


def test_syntax_error():
    """A script that is no Python is refused as such."""
    with pytest.raises(SyntaxError):
        importable_part("def")
