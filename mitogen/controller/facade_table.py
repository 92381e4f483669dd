"""Turns a module of ours that only hands on names into a table of them.

See `mitogen.imports.reexport` for what that is good for.
"""

from __future__ import annotations

import ast


def table_of(source: str) -> dict[str, str] | None:
    """Name to ``module:attribute`` of a module that consists of imports; else None."""
    names: dict[str, str] = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.ImportFrom) and not statement.level and statement.module:
            if statement.module == "__future__":
                continue
            if any(alias.name == "*" for alias in statement.names):
                return None
            for alias in statement.names:
                names[alias.asname or alias.name] = f"{statement.module}:{alias.name}"
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif not _says_nothing(statement):
            return None
    return names


def _says_nothing(statement: ast.stmt) -> bool:
    """Docstrings, and assignments of `__all__`."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Assign):
        return [ast.unparse(target) for target in statement.targets] == ["__all__"]
    return False


def lazy_source(fullname: str, names: dict[str, str]) -> str:
    """The module as a call of `mitogen.imports.reexport.install`; runs on Python 3.6."""
    return (
        "from mitogen.imports.reexport import install\n"
        f"install({fullname!r}, {dict(sorted(names.items()))!r})\n"
    )
