"""Short names for local variables, which nobody outside their function can know.

Done only where it is simple to be sure: in a function without functions or classes inside it, for
a name that is bound there and is no parameter, no import and nothing that the module or Python
itself defines. Parameters keep their names, since a caller may use them.
"""

from __future__ import annotations

import ast
import builtins
import string

_INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: Functions that use one of these see the names of their variables.
_REFLECTION = frozenset(("locals", "vars", "eval", "exec", "dir"))


def shorten_locals(tree: ast.Module) -> None:
    """Rename variables in place."""
    known = _module_names(tree) | set(dir(builtins))
    for node in ast.walk(tree):
        if isinstance(node, _FUNCTIONS) and _is_simple(node):
            _rename(node, _shorter_names(node, known))


def _module_names(tree: ast.Module) -> set[str]:
    """Everything that may be a global; too many do no harm."""
    names: set[str] = set()
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, _FUNCTIONS) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, _INNER):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Global):
            names.update(node.names)
        elif isinstance(node, ast.Name) and id(node) not in inside:
            names.add(node.id)
    return names


def _is_simple(function: ast.AST) -> bool:
    for node in ast.walk(function):
        if isinstance(node, (*_INNER, ast.Global, ast.Nonlocal)) and node is not function:
            return False
        if isinstance(node, ast.Name) and node.id in _REFLECTION:
            return False
    return True


def _shorter_names(function: ast.AST, known: set[str]) -> dict[str, str]:
    bound: dict[str, None] = {}
    parameters = set()
    used = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            used.add(node.id)
            if isinstance(node.ctx, ast.Store):
                bound[node.id] = None
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound[node.name] = None
        elif isinstance(node, ast.arg):
            parameters.add(node.arg)
    free = [c for c in string.ascii_lowercase if c not in used | parameters | known]
    old = [name for name in bound if len(name) > 1 and name not in parameters | known]
    return dict(zip(old, free, strict=False))


def _rename(function: ast.AST, names: dict[str, str]) -> None:
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            node.name = names.get(node.name, node.name)
