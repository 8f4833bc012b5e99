"""One pass over a scope's statements: what each binds, and in which branch it stands."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from wslint.facts import model as m
from wslint.facts.walk import children, within

Definition = m.FunctionDef | m.ClassDef | m.Lambda


class Arm(NamedTuple):
    """One arm of a branching statement; `kind` is "if", "match", "try", "loop" or "may" (may not be run)."""

    number: int
    arm: int
    arms: int
    kind: str


Branch = tuple[Arm, ...]
"""The arms that a statement stands in, outermost first."""

FINALLY = -1


@dataclass(eq=False)
class Binding:
    """One definition of a name; `source` says how, `value` is what is bound when that is an expression.

    `path` leads into the value for tuple targets; None when the element is not known.
    """

    name: str
    source: m.Node
    place: tuple[int, int]
    branch: Branch
    value: m.Expr | None = None
    path: tuple[int, ...] | None = ()


class Imported(m.Node, frozen=True, eq=False):
    """A name bound by an import: the statement and the alias."""

    statement: m.Import
    alias: m.ImportedName


class Index:
    """What a scope binds, and where its branches are."""

    def __init__(self, node: Definition | None, body: tuple[m.Stmt, ...]) -> None:
        self.bindings: dict[str, list[Binding]] = {}
        self.names: dict[int, list[str]] = {}
        self.elsewhere: set[str] = set()
        self.comprehended: dict[str, list[m.Span]] = {}
        self.ended: dict[int, set[int]] = {}
        self.number = 0
        self._branches: list[tuple[tuple[int, int], tuple[int, int], Branch, int]] = []
        self._open = -1
        if isinstance(node, (m.FunctionDef, m.Lambda)):
            for param in node.params:
                self.bind(param.name, param, param.span, ())
        if isinstance(node, m.Lambda):
            self.expression(node.body, ())
        self.block(body, ())

    def branch_at(self, place: tuple[int, int]) -> Branch:
        index = bisect_right(self._branches, place, key=lambda entry: entry[0]) - 1
        while index >= 0:
            _, end, branch, outer = self._branches[index]
            if place < end:
                return branch
            index = outer
        return ()

    def bind(
        self,
        name: str,
        source: m.Node,
        span: m.Span,
        branch: Branch,
        value: m.Expr | None = None,
        path: tuple[int, ...] | None = (),
        *,
        behind: bool = False,
    ) -> None:
        late = behind or value is not None
        place = (span.end_line, span.end_column) if late else (span.line, span.column)
        self.bindings.setdefault(name, []).append(Binding(name, source, place, branch, value, path))
        if value is not None and path == () and not isinstance(source, m.AugmentedAssign):
            self.names.setdefault(id(value), []).append(name)

    def target(
        self,
        target: m.Expr,
        source: m.Node,
        span: m.Span,
        branch: Branch,
        value: m.Expr | None = None,
        path: tuple[int, ...] | None = (),
    ) -> None:
        if isinstance(target, m.Name):
            self.bind(target.id, source, span, branch, value, path, behind=True)
        elif isinstance(target, m.Sequence):
            starred = any(isinstance(item, m.Starred) for item in target.items)
            for index, item in enumerate(target.items):
                inner = None if path is None or starred else (*path, index)
                self.target(item.value if isinstance(item, m.Starred) else item, source, span, branch, value, inner)

    def expression(self, node: m.Node | None, branch: Branch) -> None:
        """Names that an expression binds: `:=`, and the variables of comprehensions (theirs alone)."""
        named: list[m.Walrus] = []
        work: list[m.Node] = [node] if node is not None else []
        while work:
            found = work.pop()
            if type(found) in _LEAVES:
                continue
            if isinstance(found, m.Walrus):
                named.append(found)
            elif isinstance(found, m.Comprehension):
                for generator in found.generators:
                    for name in within((generator.target,)):
                        if isinstance(name, m.Name):
                            self.comprehended.setdefault(name.id, []).append(found.span)
            work.extend(children(found))
        for walrus in sorted(named, key=lambda walrus: walrus.span):
            self.target(walrus.target, walrus, walrus.span, branch, walrus.value)

    def arm(self, body: tuple[m.Node, ...], branch: Branch, arm: Arm) -> None:
        """A block of statements, or the test of a loop, that runs in an arm."""
        if not body:
            return
        inner = (*branch, arm)
        first, last = body[0].span, body[-1].span
        outer, self._open = self._open, len(self._branches)
        self._branches.append(((first.line, first.column), (last.end_line, last.end_column), inner, outer))
        statements = tuple(node for node in body if isinstance(node, _STATEMENTS))
        self.block(statements, branch if arm.arm == FINALLY else inner)
        if ends(statements) and not (arm.kind == "try" and arm.arm == 0):
            self.ended.setdefault(arm.number, set()).add(arm.arm)
        self._open = outer

    def block(self, body: tuple[m.Stmt, ...], branch: Branch) -> None:
        for statement in body:
            self.statement(statement, branch)

    def next(self) -> int:
        self.number += 1
        return self.number

    def statement(self, node: m.Stmt, branch: Branch) -> None:
        match node:
            case m.Assign():
                self.expression(node.value, branch)
                for target in node.targets if node.value is not None else ():
                    self.target(target, node, node.span, branch, node.value)
            case m.AugmentedAssign():
                self.expression(node.value, branch)
                if isinstance(node.target, m.Name):
                    self.bind(node.target.id, node, node.span, branch, node.value)
            case m.Import():
                self.imports(node, branch)
            case m.FunctionDef() | m.ClassDef():
                self.bind(node.name, node, node.span, branch)
            case m.Scoped():
                self.elsewhere.update(node.names)
            case m.ExpressionStatement() | m.Return():
                self.expression(node.value, branch)
            case m.Raise():
                self.expression(node.exception, branch)
            case m.Assert():
                self.expression(node.test, branch)
            case m.If():
                self.expression(node.test, branch)
                number = self.next()
                self.arm(node.body, branch, Arm(number, 0, 2, "if"))
                self.arm(node.orelse, branch, Arm(number, 1, 2, "if"))
            case m.While() | m.For():
                self.loop(node, branch)
            case m.Try():
                self.attempt(node, branch)
            case m.With():
                for item in node.items:
                    self.expression(item.value, branch)
                    if item.target is not None:
                        self.target(item.target, item, item.span, branch, None, None)
                if _suppresses(node):
                    self.arm(node.body, branch, Arm(self.next(), 0, 2, "may"))
                else:
                    self.block(node.body, branch)
            case m.Match():
                self.expression(node.subject, branch)
                number = self.next()
                arms = len(node.cases) + (0 if any(case.catch_all for case in node.cases) else 1)
                for index, case in enumerate(node.cases):
                    arm = Arm(number, index, arms, "match")
                    for name in case.names:
                        self.bind(name, case, case.span, (*branch, arm))
                    self.arm(case.body, branch, arm)
            case _:
                pass

    def loop(self, node: m.While | m.For, branch: Branch) -> None:
        arm = Arm(self.next(), 0, 2, "loop")
        if isinstance(node, m.For):
            self.expression(node.iterable, branch)
            self.target(node.target, node, node.iterable.span, (*branch, arm), None, None)
            self.arm(node.body, branch, arm)
        else:
            self.expression(node.test, branch)
            self.arm((node.test, *node.body), branch, arm)
        if _breaks(node.body):
            self.arm(node.orelse, branch, Arm(self.next(), 0, 2, "may"))
        else:
            self.block(node.orelse, branch)

    def attempt(self, node: m.Try, branch: Branch) -> None:
        number, arms = self.next(), 1 + len(node.handlers)
        first = Arm(number, 0, arms, "try")
        self.arm(node.body, branch, first)
        for index, handler in enumerate(node.handlers, 1):
            arm = Arm(number, index, arms, "try")
            if handler.name is not None:
                self.bind(handler.name, handler, handler.span, (*branch, arm))
            self.arm(handler.body, branch, arm)
        self.arm(node.orelse, branch, first)
        self.arm(node.finalbody, branch, Arm(number, FINALLY, arms, "try"))

    def imports(self, node: m.Import, branch: Branch) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.bind("*", node, node.span, branch)
            else:
                first = alias.name if node.module is not None else alias.name.partition(".")[0]
                self.bind(alias.asname or first, Imported(alias.span, node, alias), alias.span, branch)


_STATEMENTS = (
    m.ExpressionStatement, m.Assign, m.AugmentedAssign, m.Return, m.Raise, m.Assert, m.Delete, m.Jump, m.Import,
    m.Scoped, m.If, m.While, m.For, m.Try, m.With, m.Match, m.FunctionDef, m.ClassDef,
)  # fmt: skip


_LEAVES = frozenset({m.Name, m.Constant, m.Bytes, m.Lambda})
"""Expressions that bind nothing around them."""


def _suppresses(node: m.With) -> bool:
    """`with suppress(…)`: the block may be left at any statement and the program goes on behind it."""
    for item in node.items:
        match item.value:
            case m.Call(func=m.Name(id="suppress") | m.Attribute(attr="suppress")):
                return True
            case _:
                pass
    return False


def _breaks(body: tuple[m.Stmt, ...]) -> bool:
    """Does a loop's body hold a `break` of that loop?"""
    work: list[m.Node] = list(body)
    while work:
        node = work.pop()
        if isinstance(node, m.Jump) and node.kind == "break":
            return True
        if isinstance(node, (m.While, m.For)):
            work.extend(node.orelse)
        elif isinstance(node, HOLDS_STATEMENTS):
            work.extend(child for child in children(node) if isinstance(child, (*_STATEMENTS, m.Handler, m.Case)))
    return False


def ends(body: tuple[m.Stmt, ...]) -> bool:
    """Does a block always leave its function (`return`, `raise`)?"""
    match body[-1] if body else None:
        case m.Return() | m.Raise():
            return True
        case m.If(body=first, orelse=second):
            return ends(first) and ends(second)
        case m.Try(body=inner, handlers=handlers, orelse=orelse, finalbody=final):
            return ends(final) or (ends(orelse or inner) and all(ends(handler.body) for handler in handlers))
        case m.With(body=inner) as block:
            return ends(inner) and not _suppresses(block)
        case m.While(test=m.Constant(value=test), body=inner):
            return bool(test) and not _breaks(inner)
        case m.Match(cases=cases):
            return any(case.catch_all for case in cases) and all(ends(case.body) for case in cases)
        case _:
            return False


HOLDS_STATEMENTS = (m.If, m.While, m.For, m.Try, m.With, m.Match, m.Handler, m.Case)
