"""Small changes of a module's expressions, one at a time: what `make mutate` puts to the tests."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}
METHODS = {"minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Place:
    """Where one change may be made: the how manieth of its file, in which function, of what kind.

    ``scope`` is the dotted name of the function or class around it, empty for the module.
    """

    number: int
    line: int
    kind: str
    scope: str
    inside: bool


@dataclass(frozen=True)
class Mutant:
    """One change of a file, and its line before and after."""

    path: str
    place: Place
    before: str
    after: str

    @property
    def key(self) -> str:
        """A name that survives moves of the line."""
        return f"{self.path} {self.place.scope or '(module)'}: {self.before} -> {self.after}"


class _Changer(ast.NodeTransformer):
    """Counts the places that may be changed, and changes the ``wanted``-th."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted = wanted
        self.found: list[Place] = []
        self._scope: list[tuple[str, bool]] = []

    def _here(self, node: ast.expr | ast.stmt, kind: str) -> bool:
        number = len(self.found)
        names = ".".join(name for name, _ in self._scope)
        inside = any(function for _, function in self._scope)
        self.found.append(Place(number, node.lineno, kind, names, inside))
        return number == self.wanted

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if type(node.ops[0]) in COMPARISONS and self._here(node, "comparison"):
            node.ops[0] = COMPARISONS[type(node.ops[0])]()
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        textual = any(
            isinstance(side, ast.JoinedStr)
            or (isinstance(side, ast.Constant) and isinstance(side.value, str))
            for side in (node.left, node.right)
        )
        if not textual and type(node.op) in ARITHMETIC and self._here(node, "arithmetic"):
            node.op = ARITHMETIC[type(node.op)]()
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        if type(node.op) in ARITHMETIC and self._here(node, "arithmetic"):
            node.op = ARITHMETIC[type(node.op)]()
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        if self._here(node, "and, or"):
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not | ast.USub) and self._here(node, "sign, not"):
            return node.operand
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, bool):
            if self._here(node, "constant"):
                return ast.copy_location(ast.Constant(not node.value), node)
        elif isinstance(node.value, int | float) and self._here(node, "constant"):
            moved = node.value + 1 if isinstance(node.value, int) else node.value * 1.5 + 1e-3
            return ast.copy_location(ast.Constant(moved), node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func
        if isinstance(name, ast.Name) and name.id in CALLS and self._here(node, "call"):
            name.id = CALLS[name.id]
        elif isinstance(name, ast.Attribute) and name.attr in METHODS and self._here(node, "call"):
            name.attr = METHODS[name.attr]
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.generic_visit(node)
        if self._here(node, "condition"):
            node.test = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if self._here(node, "condition"):
            node.body, node.orelse = node.orelse, node.body
        return node

    # What no engine computes: annotations, texts, decorators, default values of arguments, what
    # only asserts (`assert`, `zip(strict=...)`), and what a fault of ours says.
    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        return node

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        return node if node.arg == "strict" else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._body(node, function=True)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._body(node, function=False)

    def _body(self, node: ast.FunctionDef | ast.ClassDef, *, function: bool) -> ast.AST:
        self._scope.append((node.name, function))
        node.body = [self.visit(statement) for statement in node.body]
        self._scope.pop()
        return node


def changed(source: str, number: int | None) -> tuple[ast.Module, list[Place]]:
    """The syntax tree of ``source`` with its ``number``-th place changed, and all places."""
    changes = _Changer(number)
    tree = changes.visit(ast.parse(source))
    ast.fix_missing_locations(tree)
    return tree, changes.found


def mutant(root: Path, path: str, place: Place) -> Mutant:
    """The change of ``place`` in the file ``path`` under ``root``."""
    source = (root / path).read_text(encoding="utf-8")
    trees = (ast.parse(source), changed(source, place.number)[0])
    at = next(k for k, part in enumerate(trees[0].body) if (part.end_lineno or 0) >= place.line)
    before, after = (ast.unparse(tree.body[at]).splitlines() for tree in trees)
    pairs = [(a, b) for a, b in zip(before, after, strict=False) if a != b]
    was, is_now = pairs[0] if pairs else ("", "")
    return Mutant(path, place, was.strip(), is_now.strip())
