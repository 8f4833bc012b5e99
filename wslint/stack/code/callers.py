"""From a place back to those who lead there: the statement around an expression, the call that enters a helper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import calls_within, children, contains, holds
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.supers import is_super, super_method


@dataclass(frozen=True)
class Place:
    """The simple statement around an expression and its block; `outermost`: the block is the function's own."""

    statement: m.Stmt
    block: tuple[m.Stmt, ...]
    outermost: bool

    @property
    def is_last(self) -> bool:
        return self.block[-1] is self.statement

    def is_all(self, node: m.Node) -> bool:
        """Is the statement nothing but this expression, awaited or not?"""
        value = self.statement.value if isinstance(self.statement, m.ExpressionStatement) else None
        return value is node or (isinstance(value, m.Await) and value.value is node)


def place_of(body: tuple[m.Stmt, ...], node: m.Node) -> Place | None:
    """Where an expression stands in a function's body."""
    block, outermost = body, True
    while True:
        statement = next((found for found in block if contains(found.span, node.span)), None)
        if statement is None:
            return None
        inner = next((found for found in _blocks(statement) if holds(found, node)), None)
        if inner is None:
            return Place(statement, block, outermost)
        block, outermost = inner, False


def preceding(body: tuple[m.Stmt, ...], node: m.Node) -> Iterator[m.Stmt]:
    """The statements that run before the one around a node: in its block and in those around it."""
    at = next((index for index, found in enumerate(body) if contains(found.span, node.span)), None)
    if at is None:
        return
    yield from body[:at]
    inner = next((found for found in _blocks(body[at]) if holds(found, node)), None)
    if inner is not None:
        yield from preceding(inner, node)


def following(body: tuple[m.Stmt, ...], node: m.Node) -> tuple[m.Stmt, ...]:
    """The statements of a function's body that can still run after the one around a node, the nearest first.

    Inside a loop that is the whole loop once more; a block that ends in `return` or `raise` goes no further.
    """
    return _after(body, node)[0]


def _after(block: tuple[m.Stmt, ...], node: m.Node) -> tuple[tuple[m.Stmt, ...], bool]:
    """The statements that follow in a block and those inside it, and whether they leave the function."""
    at = next((index for index, found in enumerate(block) if contains(found.span, node.span)), None)
    if at is None:
        return (), False
    inner = next((found for found in _blocks(block[at]) if holds(found, node)), None)
    found, leaves = ((), False) if inner is None else _after(inner, node)
    if inner is not None and isinstance(block[at], (m.For, m.While)):
        found += inner
    if leaves:
        return found, True
    return (*found, *block[at + 1 :]), isinstance(block[-1], (m.Return, m.Raise))


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
        elif is_super(func.value):
            target = super_method(cls, func.attr, func.value, method.owner, method.frame)
        if target is not None:
            yield call, target


def calls_into(cls: Class, method: Method, target: m.FunctionDef) -> list[tuple[m.Call, Method]]:
    """The calls in a method that lead into another method of the same object, with the method that each enters."""
    return [(call, reached) for call, reached in own_calls(cls, method) if _leads(cls, reached, target)]


def _leads(cls: Class, method: Method, target: m.FunctionDef) -> bool:
    seen: set[int] = set()
    work = [method]
    while work:
        found = work.pop()
        if found.node is target:
            return True
        if id(found.node) not in seen:
            seen.add(id(found.node))
            work.extend(reached for _, reached in own_calls(cls, found))
    return False
