"""From a place back to those who lead there: the statement around an expression, the call that enters a helper method,
and what a helper's parameters are on the way from an entry point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wslint.facts import model as m
from wslint.facts.walk import calls_within, children, contains
from wslint.stack.classes import Class, Method
from wslint.stack.values import Bound, Frame, FunctionValue, Literal, Parameter, SelfValue, Value

if TYPE_CHECKING:
    from wslint.stack.values import Values

MAX_CALLS = 6
"""How many calls deep a helper is looked for."""


@dataclass(frozen=True)
class Place:
    """The simple statement around an expression and its block; `outermost`: the block is the function's own."""

    statement: m.Stmt
    block: tuple[m.Stmt, ...]
    outermost: bool

    @property
    def is_last(self) -> bool:
        return self.block[-1] is self.statement


def place_of(body: tuple[m.Stmt, ...], node: m.Node) -> Place | None:
    """Where an expression stands in a function's body."""
    block, outermost = body, True
    while True:
        statement = next((found for found in block if contains(found.span, node.span)), None)
        if statement is None:
            return None
        inner = next((found for found in _blocks(statement) if _holds(found, node)), None)
        if inner is None:
            return Place(statement, block, outermost)
        block, outermost = inner, False


def _holds(block: tuple[m.Stmt, ...], node: m.Node) -> bool:
    return any(contains(statement.span, node.span) for statement in block)


def _blocks(statement: m.Node) -> Iterator[tuple[m.Stmt, ...]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, ())
        if isinstance(block, tuple):
            yield block
    for child in children(statement):
        if isinstance(child, (m.Handler, m.Case)):
            yield child.body


def own_calls(cls: Class, method: Method) -> Iterator[tuple[m.Call, Method]]:
    """The calls of `self.helper()` and `super().helper()` in a method, with the project method that each means."""
    first = method.node.params[0].name if method.node.params else None
    for call in calls_within(method.node.body):
        func = call.func
        if not isinstance(func, m.Attribute):
            continue
        target: Method | None = None
        if isinstance(func.value, m.Name) and func.value.id == first:
            target = cls.method(func.attr)
        elif isinstance(func.value, m.Call) and isinstance(func.value.func, m.Name) and func.value.func.id == "super":
            target = cls.method_after(method.owner, func.attr)
        if target is not None:
            yield call, target


def call_into(cls: Class, method: Method, target: m.FunctionDef) -> m.Call | None:
    """The first call in a method that leads into another method of the same object, through others if need be."""
    return next((call for call, reached in own_calls(cls, method) if _leads(cls, reached, target, MAX_CALLS)), None)


def _leads(cls: Class, method: Method, target: m.FunctionDef, depth: int) -> bool:
    if method.node is target:
        return True
    return depth > 0 and any(_leads(cls, inner, target, depth - 1) for _, inner in own_calls(cls, method))


def values_from(
    values: Values, cls: Class, entry: Method, method: Method, expr: m.Expr
) -> tuple[tuple[Value, ...], ...]:
    """What an expression of a method can be when it is reached from an entry method: one group of values per way.

    A way is a chain of `self.helper(…)` calls; the arguments of its calls are what the parameters are.
    """
    return tuple(
        values.of(expr, frame) for frame in _frames(values, cls, entry, method, _entry_frame(cls, entry), MAX_CALLS)
    )


def _entry_frame(cls: Class, entry: Method) -> Frame:
    """The frame of a method as an instance of a class, which may have inherited it, runs it."""
    plain = entry.frame
    if entry.owner is cls or not entry.node.params:
        return plain
    first = entry.node.params[0].name
    return Frame(plain.scope, {first: Bound(None, plain, SelfValue(cls))}, plain.parent, plain.owner)


def _frames(values: Values, cls: Class, current: Method, target: Method, frame: Frame, depth: int) -> Iterator[Frame]:
    if current.node is target.node:
        yield frame
        return
    if depth == 0:
        return
    for call, reached in own_calls(cls, current):
        if not _leads(cls, reached, target.node, depth - 1):
            continue
        function = FunctionValue(reached.node, reached.owner.frame, SelfValue(cls), reached.owner)
        inner = values.enter(function, call, frame)
        if inner is not None:
            yield from _frames(values, cls, reached, target, inner, depth - 1)


def surely_none(found: tuple[Value, ...]) -> bool:
    """Is a value None, whatever way it comes?"""
    return all(isinstance(value, Literal) and value.value is None for value in found)


def from_outside(found: tuple[Value, ...]) -> bool:
    """Does a value come from a caller that is not known?"""
    return any(isinstance(value, Parameter) for value in found)
