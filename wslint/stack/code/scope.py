"""Scopes and bindings: which definitions of a name reach a place.

A scope's statements are indexed once: every binding with its place and the branch it stands in. Asking for a name at a
place walks the bindings before it backwards and stops at one that every path to the place must pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wslint.facts import model as m
from wslint.facts.walk import children
from wslint.stack.code.bindings import FINALLY, HOLDS_STATEMENTS, Binding, Branch, Definition, Index

if TYPE_CHECKING:
    from wslint.stack.code.link import Module


@dataclass(eq=False)
class Scope:
    """A module, class, function or lambda body and the names it binds."""

    module: Module
    node: Definition | None
    parent: Scope | None
    _index: Index | None = field(default=None, repr=False)

    @property
    def index(self) -> Index:
        if self._index is None:
            self._index = Index(self.node, self.body)
        return self._index

    @property
    def body(self) -> tuple[m.Stmt, ...]:
        """The statements; a lambda has none."""
        if self.node is None:
            return self.module.facts.body
        return () if isinstance(self.node, m.Lambda) else self.node.body

    @property
    def bindings(self) -> dict[str, list[Binding]]:
        """All bindings of this scope by name, in source order."""
        return self.index.bindings

    @property
    def is_function(self) -> bool:
        return isinstance(self.node, (m.FunctionDef, m.Lambda))

    def child(self, node: Definition) -> Scope:
        """The scope of a definition that stands in this one (the same object each time)."""
        return self.module.scope_of(node, self)

    def names_of(self, value: m.Expr) -> list[str]:
        """The names of this scope that are bound to just this expression."""
        return self.index.names.get(id(value), [])

    def owner(self, name: str) -> Scope | None:
        """The scope that binds a name read here, by Python's rules (class bodies are skipped from functions)."""
        scope: Scope | None = self
        while scope is not None:
            visible = scope is self or not isinstance(scope.node, m.ClassDef)
            if visible and name in scope.bindings and name not in scope.index.elsewhere:
                return scope
            scope = scope.parent
        return None

    def rebinders(self, name: str) -> Iterator[Scope]:
        """The functions inside that bind a name of this scope by `global` or `nonlocal`."""
        for scope in self.module.outward:
            if name in scope.index.elsewhere and name in scope.bindings:
                around = scope.parent
                if around is not None and around.owner(name) is self:
                    yield scope

    def comprehends(self, name: str, at: m.Span) -> bool:
        """Does a name at a place mean the variable of a comprehension?"""
        return any(
            (span.line, span.column) <= (at.line, at.column) < (span.end_line, span.end_column)
            for span in self.index.comprehended.get(name, ())
        )

    def reaching(self, name: str, at: m.Span | None = None) -> list[Binding]:
        """The bindings of a name of this scope that can reach a place in it (its end when None).

        In a function, all of them when none does: it is read where it looks unbound.
        """
        found, _ = self.reaching_surely(self.bindings.get(name, ()), at)
        return found or (self.bindings.get(name, []) if self.is_function or at is None else [])

    def reaching_surely(self, bindings: Iterable[Binding], at: m.Span | None) -> tuple[list[Binding], bool]:
        """Of bindings in source order those that can reach a place, and whether every path to it passes one of them."""
        bindings = list(bindings)
        if not bindings:
            return [], False
        place = (1 << 60, 0) if at is None else (at.line, at.column)
        use: Branch = () if at is None else self.branch_at(at)
        loops = [use[: depth + 1] for depth, arm in enumerate(use) if arm.kind == "loop"]
        found: list[Binding] = []
        covered: dict[tuple[Branch, int], set[int]] = {}
        for binding in reversed(bindings):
            if binding.place >= place or not _compatible(binding.branch, use) or self._left(binding.branch, use):
                continue
            while loops and not _dominates(loops[-1], binding.branch):
                found += _coming_back(bindings, loops.pop(), place, found)
            if _from_try(binding.branch, use):
                found.append(binding)
                continue
            if _shadowed(binding.branch, covered, use):
                continue
            found.append(binding)
            if _dominates(binding.branch, use) or self._complete(binding.branch, covered, use):
                return found, True
        while loops:
            found += _coming_back(bindings, loops.pop(), place, found)
        return found, False

    def branch_at(self, at: m.Span) -> Branch:
        """The branch that a place of this scope stands in."""
        return self.index.branch_at((at.line, at.column))

    def _left(self, binding: Branch, use: Branch) -> bool:
        """Does every path through a binding leave the scope before it comes to the use?"""
        for depth, arm in enumerate(binding):
            if arm.kind == "try":
                return False
            if arm.arm in self.index.ended.get(arm.number, ()) and not _dominates(binding[: depth + 1], use):
                return True
        return False

    def _complete(self, binding: Branch, covered: dict[tuple[Branch, int], set[int]], use: Branch) -> bool:
        """Note that an arm binds the name; do now all arms of a statement on the way to the use?"""
        for depth in range(len(binding) - 1, -1, -1):
            number, arm, arms, _ = binding[depth]
            seen = covered.setdefault((binding[:depth], number), set(self.index.ended.get(number, ())))
            seen.add(arm)
            if len(seen) < arms:
                return False
            if _dominates(binding[:depth], use):
                return True
        return False


def _compatible(binding: Branch, use: Branch) -> bool:
    """Can one run pass both? Not when they stand in two arms of one branching statement."""
    for one, other in zip(binding, use, strict=False):
        if one.number != other.number:
            return True
        if one.arm != other.arm:
            return one.kind == "try" and (one.arm == 0 or other.arm == FINALLY)
    return True


def _from_try(binding: Branch, use: Branch) -> bool:
    """Does the use stand in a handler or `finally` that the binding's block may have left for at any statement?"""
    for one, other in zip(binding, use, strict=False):
        if one != other:
            return one.number == other.number and one.kind == "try"
    return False


def _dominates(binding: Branch, use: Branch) -> bool:
    return binding == use[: len(binding)]


def _coming_back(
    bindings: list[Binding], loop: Branch, place: tuple[int, int], found: list[Binding]
) -> Iterator[Binding]:
    """The bindings behind a place that reach it in the next round of a loop."""
    return (
        binding
        for binding in bindings
        if binding.place >= place and _dominates(loop, binding.branch) and binding not in found
    )


def _shadowed(binding: Branch, covered: dict[tuple[Branch, int], set[int]], use: Branch) -> bool:
    """Is there a later binding in the same arm, seen before this one?"""
    return any(
        arm.arm in covered.get((binding[:depth], arm.number), ()) for depth, arm in enumerate(binding)
    ) and not _dominates(binding, use)


def definitions(scope: Scope) -> Iterator[m.FunctionDef | m.ClassDef]:
    """Functions and classes that stand directly in a scope (under `if`, `try` … too)."""
    work: list[m.Node] = list(reversed(scope.body))
    while work:
        node = work.pop()
        if isinstance(node, (m.FunctionDef, m.ClassDef)):
            yield node
        elif isinstance(node, HOLDS_STATEMENTS):
            work.extend(reversed([child for child in children(node) if isinstance(child, _MAY_HOLD)]))


def scopes(module: Module) -> Iterator[Scope]:
    """The module's scope and those of all functions and classes in it, outer ones first."""
    work = [module.scope]
    while work:
        scope = work.pop()
        yield scope
        work.extend(reversed([scope.child(node) for node in definitions(scope)]))


def binds_outward(scope: Scope) -> bool:
    """Does a function declare names `global` or `nonlocal`?"""
    work: list[m.Node] = list(scope.body) if isinstance(scope.node, m.FunctionDef) else []
    while work:
        node = work.pop()
        if isinstance(node, m.Scoped):
            return True
        if isinstance(node, HOLDS_STATEMENTS):
            work.extend(child for child in children(node) if isinstance(child, (m.Scoped, *HOLDS_STATEMENTS)))
    return False


_MAY_HOLD = (*HOLDS_STATEMENTS, m.FunctionDef, m.ClassDef)
