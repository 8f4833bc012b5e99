"""Scopes and bindings: which definitions of a name reach a place.

A scope's statements are indexed once: every binding with its place and the branch it stands in. Asking for a name at a
place walks the bindings before it backwards and stops at one that every path to the place must pass.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from wslint.facts import model as m
from wslint.facts.walk import children, within

if TYPE_CHECKING:
    from wslint.stack.link import Module

Definition = m.FunctionDef | m.ClassDef | m.Lambda


class Arm(NamedTuple):
    """One arm of a branching statement; `kind` is "if", "match", "try", "loop" or "may" (may not be run)."""

    number: int
    arm: int
    arms: int
    kind: str


Branch = tuple[Arm, ...]
"""The arms that a statement stands in, outermost first."""

_FINALLY = -1


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
    node: Definition | None
    parent: Scope | None
    _index: _Index | None = field(default=None, repr=False)

    @property
    def index(self) -> _Index:
        if self._index is None:
            self._index = _Index(self)
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
            return one.kind == "try" and (one.arm == 0 or other.arm == _FINALLY)
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


def definitions(scope: Scope) -> Iterator[m.FunctionDef | m.ClassDef]:
    """Functions and classes that stand directly in a scope (under `if`, `try` … too)."""
    work: list[m.Node] = list(reversed(scope.body))
    while work:
        node = work.pop()
        if isinstance(node, (m.FunctionDef, m.ClassDef)):
            yield node
        elif isinstance(node, _HOLDS_STATEMENTS):
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
        if isinstance(node, _HOLDS_STATEMENTS):
            work.extend(child for child in children(node) if isinstance(child, (m.Scoped, *_HOLDS_STATEMENTS)))
    return False


_HOLDS_STATEMENTS = (m.If, m.While, m.For, m.Try, m.With, m.Match, m.Handler, m.Case)
_MAY_HOLD = (*_HOLDS_STATEMENTS, m.FunctionDef, m.ClassDef)


class _Index:
    """What a scope binds, and where its branches are."""

    def __init__(self, scope: Scope) -> None:
        self.bindings: dict[str, list[Binding]] = {}
        self.names: dict[int, list[str]] = {}
        self.elsewhere: set[str] = set()
        self.comprehended: dict[str, list[m.Span]] = {}
        self.ended: dict[int, set[int]] = {}
        self.number = 0
        self._branches: list[tuple[tuple[int, int], tuple[int, int], Branch, int]] = []
        self._open = -1
        node = scope.node
        if isinstance(node, (m.FunctionDef, m.Lambda)):
            for param in node.params:
                self.bind(param.name, param, param.span, ())
        if isinstance(node, m.Lambda):
            self.expression(node.body, ())
        self.block(scope.body, ())

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
        for found in within((node,)) if node is not None else ():
            if isinstance(found, m.Walrus):
                self.target(found.target, found, found.span, branch, found.value)
            elif isinstance(found, m.Comprehension):
                for generator in found.generators:
                    for name in within((generator.target,)):
                        if isinstance(name, m.Name):
                            self.comprehended.setdefault(name.id, []).append(found.span)

    def arm(self, body: tuple[m.Node, ...], branch: Branch, arm: Arm) -> None:
        """A block of statements, or the test of a loop, that runs in an arm."""
        if not body:
            return
        inner = (*branch, arm)
        first, last = body[0].span, body[-1].span
        outer, self._open = self._open, len(self._branches)
        self._branches.append(((first.line, first.column), (last.end_line, last.end_column), inner, outer))
        statements = tuple(node for node in body if isinstance(node, _STATEMENTS))
        self.block(statements, branch if arm.arm == _FINALLY else inner)
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
        self.arm(node.finalbody, branch, Arm(number, _FINALLY, arms, "try"))

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
        elif isinstance(node, _HOLDS_STATEMENTS):
            work.extend(child for child in children(node) if isinstance(child, (*_STATEMENTS, m.Handler, m.Case)))
    return False


class Imported(m.Node, frozen=True, eq=False):
    """A name bound by an import: the statement and the alias."""

    statement: m.Import
    alias: m.ImportedName
