"""Scopes and bindings: which definitions of a name reach a place.

A scope's statements are indexed once: every binding with its place and the branch it stands in. Asking for a name at a
place walks the bindings before it backwards and stops at one that every path to the place must pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wslint.facts import model as m

if TYPE_CHECKING:
    from wslint.stack.link import Module

Branch = tuple[tuple[int, int, int], ...]
"""Where a statement stands: (number of the branching statement, arm, number of arms), outermost first."""


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


@dataclass(eq=False)
class Scope:
    """A module, class, function or lambda body and the names it binds."""

    module: Module
    node: m.FunctionDef | m.ClassDef | m.Lambda | None
    parent: Scope | None
    _bindings: dict[str, list[Binding]] | None = field(default=None, repr=False)
    _branches: list[tuple[m.Span, Branch]] = field(default_factory=list, repr=False)
    _globals: set[str] = field(default_factory=set, repr=False)

    @property
    def bindings(self) -> dict[str, list[Binding]]:
        """All bindings of this scope by name, in source order."""
        if self._bindings is None:
            _Indexer(self).run()
        assert self._bindings is not None
        return self._bindings

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, (m.FunctionDef, m.Lambda))

    def child(self, node: m.FunctionDef | m.ClassDef | m.Lambda) -> Scope:
        """The scope of a definition that stands in this one (the same object each time)."""
        return self.module.scope_of(node, self)

    def owner(self, name: str) -> Scope | None:
        """The scope that binds a name read here, by Python's rules (class bodies are skipped from functions)."""
        scope: Scope | None = self
        while scope is not None:
            visible = scope is self or not isinstance(scope.node, m.ClassDef)
            if visible and name in scope.bindings and name not in scope._globals:
                return scope
            scope = scope.parent
        return None

    def reaching(self, name: str, at: m.Span | None = None) -> list[Binding]:
        """The bindings of a name of this scope that can reach a place in it (its end when None).

        In a function, whose loops may come back, all of them when none stands before the place.
        """
        found, _ = self.reaching_surely(name, at)
        return found or (self.bindings.get(name, []) if self.is_function or at is None else [])

    def reaching_surely(self, name: str, at: m.Span | None = None) -> tuple[list[Binding], bool]:
        """The bindings that can reach a place, and whether every path to it passes one of them."""
        bindings = self.bindings.get(name, [])
        place = (1 << 60, 0) if at is None else (at.line, at.column)
        branch: Branch = () if at is None else self.branch_at(at)
        found: list[Binding] = []
        covered: dict[tuple[Branch, int], set[int]] = {}
        for binding in reversed(bindings):
            if binding.place >= place or not _compatible(binding.branch, branch):
                continue
            if _shadowed(binding.branch, covered, branch):
                continue
            found.append(binding)
            if _dominates(binding.branch, branch) or _complete(binding.branch, covered, branch):
                return found, True
        return found, False

    def branch_at(self, at: m.Span) -> Branch:
        """The branch that a place of this scope stands in."""
        if self._bindings is None:
            _Indexer(self).run()
        found: Branch = ()
        for span, branch in self._branches:
            inside = (span.line, span.column) <= (at.line, at.column) < (span.end_line, span.end_column)
            if inside and len(branch) > len(found):
                found = branch
        return found


def _compatible(binding: Branch, use: Branch) -> bool:
    """Can one run pass both? Not when they stand in two arms of one branching statement."""
    for (number, arm, _), (other, other_arm, _) in zip(binding, use, strict=False):
        if number != other:
            return True
        if arm != other_arm:
            return False
    return True


def _dominates(binding: Branch, use: Branch) -> bool:
    return binding == use[: len(binding)]


def _shadowed(binding: Branch, covered: dict[tuple[Branch, int], set[int]], use: Branch) -> bool:
    """Is there a later binding in the same arm, seen before this one?"""
    return any(
        arm in covered.get((binding[:depth], number), ()) for depth, (number, arm, _) in enumerate(binding)
    ) and not _dominates(binding, use)


def _complete(binding: Branch, covered: dict[tuple[Branch, int], set[int]], use: Branch) -> bool:
    """Note that an arm binds the name; do now all arms of a statement on the way to the use?"""
    for depth in range(len(binding) - 1, -1, -1):
        number, arm, arms = binding[depth]
        seen = covered.setdefault((binding[:depth], number), set())
        seen.add(arm)
        if len(seen) < arms:
            return False
        if _dominates(binding[:depth], use):
            return True
    return False


class _Indexer:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.bindings: dict[str, list[Binding]] = {}
        self.number = 0

    def run(self) -> None:
        scope = self.scope
        scope._bindings = self.bindings
        node = scope.node
        if isinstance(node, m.Lambda):
            self.params(node.params)
            self.walrus(node.body, ())
            return
        if isinstance(node, m.FunctionDef):
            self.params(node.params)
        body = scope.module.facts.body if node is None else node.body
        self.block(body, ())

    def params(self, params: Iterable[m.Parameter]) -> None:
        for param in params:
            self.bind(param.name, param, param.span, ())

    def bind(
        self,
        name: str,
        source: m.Node,
        span: m.Span,
        branch: Branch,
        value: m.Expr | None = None,
        path: tuple[int, ...] | None = (),
    ) -> None:
        place = (span.end_line, span.end_column) if value is not None else (span.line, span.column)
        self.bindings.setdefault(name, []).append(Binding(name, source, place, branch, value, path))

    def target(
        self,
        target: m.Expr,
        source: m.Node,
        branch: Branch,
        value: m.Expr | None,
        path: tuple[int, ...] | None = (),
    ) -> None:
        if isinstance(target, m.Name):
            self.bind(target.id, source, source.span, branch, value, path)
        elif isinstance(target, m.Sequence):
            starred = any(isinstance(item, m.Starred) for item in target.items)
            for index, item in enumerate(target.items):
                inner = None if path is None or starred else (*path, index)
                self.target(item.value if isinstance(item, m.Starred) else item, source, branch, value, inner)

    def walrus(self, node: m.Node, branch: Branch) -> None:
        from wslint.facts.walk import within

        for found in within((node,)):
            if isinstance(found, m.Walrus):
                self.target(found.target, found, branch, found.value)

    def arm(self, body: tuple[m.Stmt, ...], branch: Branch, number: int, arm: int, arms: int) -> None:
        if not body:
            return
        inner = (*branch, (number, arm, arms))
        first, last = body[0].span, body[-1].span
        self.scope._branches.append((m.Span(first.line, first.column, last.end_line, last.end_column), inner))
        self.block(body, inner)

    def block(self, body: tuple[m.Stmt, ...], branch: Branch) -> None:
        for statement in body:
            self.statement(statement, branch)

    def statement(self, node: m.Stmt, branch: Branch) -> None:
        match node:
            case m.Assign():
                if node.value is not None:
                    for target in node.targets:
                        self.target(target, node, branch, node.value)
                    self.walrus(node.value, branch)
            case m.AugmentedAssign():
                if isinstance(node.target, m.Name):
                    self.bind(node.target.id, node, node.span, branch, node.value)
            case m.Import():
                for imported in node.names:
                    if imported.name == "*":
                        self.bind("*", node, node.span, branch)
                    else:
                        name = imported.asname or (
                            imported.name if node.module is not None else imported.name.partition(".")[0]
                        )
                        self.bind(name, Imported(imported.span, node, imported), imported.span, branch)
            case m.FunctionDef() | m.ClassDef():
                self.bind(node.name, node, node.span, branch)
            case m.Scoped():
                self.scope._globals.update(node.names)
            case m.ExpressionStatement() | m.Return():
                if node.value is not None:
                    self.walrus(node.value, branch)
            case m.If():
                self.walrus(node.test, branch)
                self.number += 1
                number = self.number
                self.arm(node.body, branch, number, 0, 2)
                self.arm(node.orelse, branch, number, 1, 2)
            case m.While():
                self.number += 1
                self.arm(node.body, branch, self.number, 0, 2)
                self.block(node.orelse, branch)
            case m.For():
                self.number += 1
                number = self.number
                inner = (*branch, (number, 0, 2))
                self.target(node.target, node, inner, None, None)
                self.arm(node.body, branch, number, 0, 2)
                self.block(node.orelse, branch)
            case m.Try():
                self.number += 1
                number = self.number
                arms = 1 + len(node.handlers)
                self.arm((*node.body, *node.orelse), branch, number, 0, arms)
                for index, handler in enumerate(node.handlers, 1):
                    if handler.name is not None:
                        self.bind(handler.name, handler, handler.span, (*branch, (number, index, arms)))
                    self.arm(handler.body, branch, number, index, arms)
                self.block(node.finalbody, branch)
            case m.With():
                for item in node.items:
                    if item.target is not None:
                        self.target(item.target, item, branch, None, None)
                self.block(node.body, branch)
            case m.Match():
                self.number += 1
                number = self.number
                exhaustive = any(case.catch_all for case in node.cases)
                arms = len(node.cases) + (0 if exhaustive else 1)
                for index, case in enumerate(node.cases):
                    for name in case.names:
                        self.bind(name, case, case.span, (*branch, (number, index, arms)))
                    self.arm(case.body, branch, number, index, arms)
            case _:
                pass


class Imported(m.Node, frozen=True, eq=False):
    """A name bound by an import: the statement and the alias."""

    statement: m.Import
    alias: m.ImportedName
