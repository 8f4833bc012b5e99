"""What an expression is made of when it comes from a library: `openai.AsyncOpenAI().chat.completions.create()`.

Names, imports, attributes of `self` and the values of project functions are followed; calls are written `()`, without
their arguments. `async with X() as x` and `await X()` are taken to give what X gives.
"""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.stack.code.values import (
    AttributeValue,
    CallValue,
    Display,
    ExternalValue,
    Frame,
    Parameter,
    Unknown,
    Value,
    Values,
)

MAX_DEPTH = 12


def spellings(expr: m.Expr, frame: Frame, values: Values) -> set[str]:
    """Every spelling an expression can have; empty when nothing is known of it."""
    return set(_expr(expr, frame, values, 0))


def _expr(expr: m.Expr, frame: Frame, values: Values, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        return
    for value in values.of(expr, frame):
        yield from _value(value, expr, frame, values, depth)


def _value(value: Value, expr: m.Expr, frame: Frame, values: Values, depth: int) -> Iterator[str]:
    match value:
        case ExternalValue():
            yield value.dotted
        case CallValue(callee=ExternalValue(dotted="builtins.aiter" | "builtins.iter"), node=m.Call(args=(first, *_))):
            yield from _expr(first.value, value.frame, values, depth + 1)
        case CallValue():
            for callee in _expr(value.node.func, value.frame, values, depth + 1):
                yield f"{callee}()"
        case AttributeValue():
            for owner in _value(value.value, value.node.value, value.frame, values, depth + 1):
                yield f"{owner}.{value.attr}"
        case Display(node=m.BinaryOp(op="|", left=left, right=right), frame=home):
            for side in (left, right):
                for piped in _expr(side, home, values, depth + 1):
                    yield f"{piped.partition('.')[0]}|"
        case Unknown() | Parameter() if isinstance(expr, m.Name):
            yield from _entered(expr, frame, values, depth)
        case _:
            pass


def _entered(name: m.Name, frame: Frame, values: Values, depth: int) -> Iterator[str]:
    """A name that `with X() as name` binds."""
    scope = frame.scope.owner(name.id)
    home = frame
    while home.scope is not scope and home.parent is not None:
        home = home.parent
    if scope is None or home.scope is not scope:
        return
    for binding in scope.reaching(name.id, name.span if scope is frame.scope else None):
        if isinstance(binding.source, m.WithItem):
            yield from _expr(binding.source.value, home, values, depth + 1)
