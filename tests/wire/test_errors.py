"""`mitogen.errors`: the tree, and what travels of an exception."""

from __future__ import annotations

import builtins

from mitogen import errors
from mitogen.errors import CallError


def _drawn() -> dict[str, str]:
    """Class to base, as the module's docstring draws it."""
    assert errors.__doc__ is not None
    bases: dict[int, str] = {0: "Error"}
    found = {}
    for line in errors.__doc__.splitlines():
        for mark in ("|-- ", "`-- "):
            if mark in line:
                depth = line.index(mark) // 4
                name = line.split(mark)[1].split()[0]
                bases[depth] = name
                found[name] = bases[depth - 1] if depth > 1 else "Error"
    return found


def test_the_tree_is_as_drawn() -> None:
    """Every class is in the docstring, under its base."""
    drawn = _drawn()
    classes = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.Error) and kind is not errors.Error
    }
    assert set(drawn) == set(classes)
    for name, base in drawn.items():
        assert classes[name].__bases__[0] is getattr(errors, base)


def test_builtin_relatives() -> None:
    """Who catches what Python would raise catches ours."""
    assert issubclass(errors.TimeoutError, builtins.TimeoutError)
    assert issubclass(errors.ConnectTimeoutError, builtins.TimeoutError)
    assert issubclass(errors.EncodeError, TypeError)


class _Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _raised(exc: Exception) -> Exception:
    try:
        raise exc
    except Exception as caught:
        return caught


def test_a_call_error_tells_of_an_exception() -> None:
    """Its type, text and traceback; both stacks of one that was itself a CallError."""
    error = CallError.from_exception(_raised(KeyError("x")))
    assert (error.type_name, error.message) == ("KeyError", "'x'")
    assert "raise exc" in error.traceback_text
    assert str(error).startswith("KeyError: 'x'\nTraceback")
    outer = CallError.from_exception(_raised(error))
    assert outer.type_name == "mitogen.errors.CallError"
    assert str(outer).count("Traceback") > 1


def test_an_exception_without_a_text() -> None:
    """Is told of nevertheless."""
    error = CallError.from_exception(_raised(_Silent()))
    assert error.type_name.endswith("_Silent")
    assert "cannot be made" in error.message
