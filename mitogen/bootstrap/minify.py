"""Makes our own source smaller for the wire: same program, no comments, docstrings, annotations.

The result compiles on 3.6 whatever Python produced it; f-strings, whose unparsed form depends on
the version, become `str.format` calls, and local variables get short names. Only for code of ours:
nobody reads its docstrings or annotations at run time.
"""

from __future__ import annotations

import ast
import re

from mitogen.bootstrap.short_names import shorten_locals

_INDENT = re.compile(r"^(?: {4})+", re.MULTILINE)


def minified_tree(source: str) -> ast.Module:
    """The program without docstrings and annotations; line numbers are those of *source*."""
    tree = ast.parse(source)
    _Stripper().visit(tree)
    return tree


def minify(source: str) -> str:
    """The same program in fewer bytes."""
    tree = ast.fix_missing_locations(_Formatter().visit(minified_tree(source)))
    shorten_locals(tree)
    # A string constant never spans lines in unparsed code without docstrings, so what looks like
    # indentation is.
    return _INDENT.sub(lambda match: " " * (len(match.group()) // 4), ast.unparse(tree)) + "\n"


class _Stripper(ast.NodeTransformer):
    """Removes what only people and type checkers read."""

    def _without_docstring(self, node: ast.AST) -> ast.AST:
        self.generic_visit(node)
        body = getattr(node, "body")  # noqa: B009  # not every node has one
        if body and isinstance(body[0], ast.Expr) and _is_text(body[0].value):
            del body[0]
        if not body and not isinstance(node, ast.Module):
            body.append(ast.copy_location(ast.Pass(), node))
        return node

    # N815: ast.NodeVisitor finds methods by these names.
    visit_Module = visit_ClassDef = _without_docstring  # noqa: N815

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self._without_docstring(node)

    visit_FunctionDef = visit_AsyncFunctionDef = _function  # noqa: N815

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], node.value, lineno=node.lineno), node)


class _Formatter(ast.NodeTransformer):
    """Turns f-strings into format calls."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        values: list[ast.expr] = []
        template = self._template(node, values)
        method = ast.Attribute(ast.Constant(template), "format", ast.Load())
        return ast.copy_location(ast.Call(method, values, []), node)

    def _template(self, node: ast.JoinedStr, values: list[ast.expr]) -> str:
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value).replace("{", "{{").replace("}", "}}"))
            elif isinstance(part, ast.FormattedValue):
                values.append(self.visit(part.value))
                conversion = "" if part.conversion < 0 else "!" + chr(part.conversion)
                spec = part.format_spec
                suffix = (
                    ":" + self._template(spec, values) if isinstance(spec, ast.JoinedStr) else ""
                )
                parts.append("{" + conversion + suffix + "}")
        return "".join(parts)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
