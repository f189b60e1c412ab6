# SPDX-License-Identifier: Apache-2.0
"""What is changed in Python: comparisons, logic, constants, conditions, statements.

Texts of failures and docstrings stay: they are for people.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from mutation.mutant import Edit, Mutant, describe

_COMPARES: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}
_BINARY: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
}


class _File:
    def __init__(self, source: str, file: str) -> None:
        self.source = source
        self.file = file
        self.tree = ast.parse(source)
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def place(self, line: int, column: int) -> int:
        """Return the offset of a place; columns are counted in bytes of UTF-8."""
        start = self.starts[line - 1]
        text = self.source[start : self.starts[line]]
        return start + len(text.encode()[:column].decode())

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return where a node begins and ends."""
        end_line, end_column = node.end_lineno or 0, node.end_col_offset or 0
        begin = self.place(node.lineno, node.col_offset)
        return begin, self.place(end_line, end_column)

    def between(
        self, left: ast.expr, right: ast.expr, change: tuple[str, str]
    ) -> Iterator[Edit]:
        """Change the operator that stands between two operands."""
        start, stop = self.span(left)[1], self.span(right)[0]
        at = self.source[start:stop].find(change[0])
        if at >= 0:
            first = start + at
            yield Edit("operator", first, first + len(change[0]), change[1])

    def edits(self, node: ast.AST) -> Iterator[Edit]:
        """Return the changes of one node."""
        yield from self.operators(node)
        yield from self.conditions(node)
        yield from self.values(node)

    def operators(self, node: ast.AST) -> Iterator[Edit]:
        """Change what stands between operands."""
        match node:
            case ast.Compare(left=left, ops=ops, comparators=others):
                for a, op, b in zip([left, *others], ops, others, strict=False):
                    yield from self.between(a, b, _COMPARES[type(op)])
            case ast.BoolOp(op=op, values=values):
                pair = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
                for a, b in pairwise(values):
                    yield from self.between(a, b, pair)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                yield from self.between(left, right, _BINARY[type(op)])
            case _:
                pass

    def conditions(self, node: ast.AST) -> Iterator[Edit]:
        """Ask the opposite, leave a statement out, return nothing."""
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield Edit("negation", *self.span(node), self.text(operand))
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                yield Edit("condition", *self.span(test), f"(not ({self.text(test)}))")
            case ast.Expr(value=ast.Call()) | ast.Raise() | ast.Assign():
                yield Edit("statement", *self.span(node), "pass")
            case ast.Return(value=ast.expr() as value):
                yield Edit("return", *self.span(value), "None")
            case _:
                pass

    def values(self, node: ast.AST) -> Iterator[Edit]:
        """Change a constant or the reason of a refusal."""
        match node:
            case ast.Constant(value=bool(value)):
                yield Edit("constant", *self.span(node), str(not value))
            case ast.Constant(value=int(value)):
                for other in (value + 1, value - 1):
                    yield Edit("constant", *self.span(node), str(other))
            case ast.Attribute(value=ast.Name(id="Reason"), attr=attr):
                if attr != "INTERNAL":
                    yield Edit("code", *self.span(node), "Reason.INTERNAL")
            case _:
                pass

    def text(self, node: ast.expr) -> str:
        """Return the source of an expression."""
        start, stop = self.span(node)
        return self.source[start:stop]


def _silent(tree: ast.AST) -> set[ast.AST]:
    """Return the nodes that only people read, and annotations."""
    silent: set[ast.AST] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        if isinstance(node, ast.FunctionDef):
            parts += [a for a in (node.returns,) if a is not None]
            parts += [a.annotation for a in node.args.args if a.annotation is not None]
            parts += node.decorator_list
        if isinstance(node, ast.AnnAssign):
            parts.append(node.annotation)
        if isinstance(node, ast.ClassDef):
            parts += node.decorator_list
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            # What was seen instead, in words.
            parts += [node] if node.targets[0].id == "seen" else []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            # All but the reason is text.
            parts += node.args[1:] if node.func.id == "_refuse" else []
        for part in parts:
            silent.update(ast.walk(part))
    return silent


def mutants(source: str, file: str) -> list[Mutant]:
    """Return all mutants of a Python file, in the order of their places."""
    parsed = _File(source, file)
    silent = _silent(parsed.tree)
    found: dict[tuple[int, int, str], Mutant] = {}

    def walk(node: ast.AST, function: str) -> None:
        if node in silent:
            return
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            function = node.name if function == "(file)" else f"{function}.{node.name}"
        for edit in parsed.edits(node):
            first = source.rfind("\n", 0, edit.start) + 1
            last = source.find("\n", max(edit.start, edit.end - 1))
            made = describe(source, file, function, edit, (first, last))
            found.setdefault((edit.start, edit.end, edit.text), made)
        for child in ast.iter_child_nodes(node):
            walk(child, function)

    walk(parsed.tree, "(file)")
    return [found[place] for place in sorted(found)]
