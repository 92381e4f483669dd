"""What a module imports as soon as it is imported itself.

Imports inside of functions are left out: they are lazy on purpose, and often optional.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple


class ImportStatement(NamedTuple):
    """One imported name: ``import module`` or ``from module import name``."""

    module: str
    name: str | None

    def candidates(self) -> list[str]:
        """Names of modules this may import, in the order in which Python imports them."""
        parts = self.module.split(".")
        names = [".".join(parts[: index + 1]) for index in range(len(parts))]
        if self.name is not None and self.name != "*":
            names.append(f"{self.module}.{self.name}")
        return names


def scan(source: str, fullname: str, is_package: bool) -> list[ImportStatement]:
    """The import statements that run when the module is imported, in order, each once.

    :param fullname: its name, which relative imports refer to.
    :returns: nothing when the source is no Python of this version.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    package = fullname if is_package else fullname.rpartition(".")[0]
    found: dict[ImportStatement, None] = {}
    for node in _executed(tree.body):
        if isinstance(node, ast.Import):
            found.update((ImportStatement(alias.name, None), None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = _absolute(node, package)
            if module:
                found.update((ImportStatement(module, alias.name), None) for alias in node.names)
    return list(found)


def _absolute(node: ast.ImportFrom, package: str) -> str | None:
    if not node.level:
        return node.module
    base = package.split(".") if package else []
    if node.level > len(base):
        return None
    base = base[: len(base) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _executed(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run on import, those inside of `if`, `try`, `with` and classes included."""
    for statement in statements:
        yield statement
        if isinstance(statement, ast.If) and _is_typing_only(statement.test):
            yield from _executed(statement.orelse)
            continue
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _executed(getattr(statement, field, None) or [])
        for handler in getattr(statement, "handlers", ()):
            yield from _executed(handler.body)


def _is_typing_only(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"
