"""The part of a program's main script that its children may run.

A child imports `__main__` to find the functions it is asked to call. What the script does when it
is run must not happen there again, so everything from the execution guard on is cut off.
"""

from __future__ import annotations

import ast

ADVICE = (
    "it has no execution guard, so that importing it in a child would run the whole program "
    'again: put what starts the program below `if __name__ == "__main__":`, or into a function '
    "decorated with `@mitogen.main()`"
)


class UnguardedMainError(Exception):
    """The script cannot be imported without being run."""

    def __init__(self) -> None:
        super().__init__(ADVICE)


def importable_part(source: str, package: str = "") -> str:
    """The script up to its guard, every line in its place.

    :param package: the package it was run in (``python -m package``): its relative imports are
        made absolute, since it is alone in the child.
    :raises UnguardedMainError: there is neither a guard nor `mitogen.main`.
    :raises SyntaxError: it is no Python.
    """
    tree = ast.parse(source)
    # As the parser counts them; str.splitlines knows more kinds of line ends.
    lines = source.split("\n")
    for statement in tree.body:
        if _is_guard(statement):
            lines = [*lines[: statement.lineno - 1], ""]
            break
    else:
        if not any(_is_decorated_main(statement) for statement in tree.body):
            raise UnguardedMainError
    if package:
        lines = _with_absolute_imports(tree, lines, package)
    return "\n".join(lines)


def _is_guard(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.If):
        return False
    test: ast.expr = statement.test
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        test = test.values[0]
    if not isinstance(test, ast.Compare) or len(test.ops) != 1:
        return False
    sides = [test.left, test.comparators[0]]
    names = [side.id for side in sides if isinstance(side, ast.Name)]
    texts = [side.value for side in sides if isinstance(side, ast.Constant)]
    return isinstance(test.ops[0], ast.Eq) and names == ["__name__"] and texts == ["__main__"]


def _is_decorated_main(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.FunctionDef):
        return False
    for decorator in statement.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(target) == "mitogen.main":
            return True
    return False


def _with_absolute_imports(tree: ast.Module, lines: list[str], package: str) -> list[str]:
    lines = list(lines)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    # From the end of each line to its start, so that columns stay true.
    for node in sorted(imports, key=lambda node: node.col_offset, reverse=True):
        absolute = _absolute(node, package)
        if absolute is None or node.lineno > len(lines):
            continue
        # Columns count UTF-8 bytes; what precedes `from` on its line is blank or a statement.
        line = lines[node.lineno - 1].encode()
        head, rest = line[: node.col_offset].decode(), line[node.col_offset :].decode()
        lines[node.lineno - 1] = head + _replace_source(rest, node, absolute)
    return lines


def _absolute(node: ast.ImportFrom, package: str) -> str | None:
    """What a relative import means; None beyond the top, where it fails there as it does here."""
    base = package.split(".")
    if node.level > len(base):
        return None
    base = base[: len(base) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _replace_source(text: str, node: ast.ImportFrom, absolute: str) -> str:
    """`from ..a.b import` to `from <absolute> import`, however it is spaced."""
    rest = text[len("from") :].lstrip(" \t")
    while rest[:1] in {".", " ", "\t"}:
        rest = rest[1:]
    if node.module and rest.startswith(node.module):
        rest = rest[len(node.module) :]
    return f"from {absolute} {rest.lstrip()}"
