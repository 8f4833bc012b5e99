"""Methods of the consumer that are chosen at run time: from a table of handlers, or by a name that is put together."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.knowledge.channels import CONSUMER_API
from wslint.stack.code.text import Pattern
from wslint.stack.code.values import AttributeValue, Display, Frame, FunctionValue, Literal, SelfValue, Value
from wslint.stack.model import Consumer, Stack

MAX_NAMES = 12
"""How many names are followed to what they are bound to; `a = b` and `b = a` in a loop lead nowhere."""


def chosen(func: m.Expr, frame: Frame, stack: Stack, consumer: Consumer) -> list[str] | None:
    """The names of all methods that a callee can be; None when it may be something else."""
    for _ in range(MAX_NAMES):
        if not isinstance(func, m.Name):
            break
        value = _bound(func, frame)
        if value is None:
            return None
        func = value
    match func:
        case m.Subscript(value=table) | m.Call(func=m.Attribute(value=table, attr="get")):
            default = func.args[1].value if isinstance(func, m.Call) and len(func.args) > 1 else None
            return _from_table(table, default, frame, stack, consumer)
        case m.Call(func=m.Name(id="getattr"), args=(owner, name, *rest)) if len(rest) < 2:
            if _is_me(stack.values.one(owner.value, frame), consumer):
                return _by_name(name.value, rest[0].value if rest else None, frame, stack, consumer)
    return None


def _bound(name: m.Name, frame: Frame) -> m.Expr | None:
    """The one expression that a local name is bound to."""
    scope = frame.scope
    if not scope.is_function or name.id in frame.arguments:
        return None
    found = scope.reaching(name.id, name.span) if name.id in scope.bindings else []
    return found[0].value if len(found) == 1 and found[0].path == () else None


def _from_table(
    table: m.Expr, default: m.Expr | None, frame: Frame, stack: Stack, consumer: Consumer
) -> list[str] | None:
    value = stack.values.one(table, frame)
    if not isinstance(value, Display) or not isinstance(value.node, m.Dict):
        return None
    found: list[str] = []
    given = [(item.value if item.key is not None else None, value.frame) for item in value.node.items]
    for expr, where in [*given, *([(default, frame)] if default is not None else [])]:
        if expr is None:
            return None
        names = _method(stack.values.one(expr, where), consumer)
        if names is None:
            return None
        found += names
    return found


def _method(value: Value, consumer: Consumer) -> list[str] | None:
    match value:
        case FunctionValue(node=m.FunctionDef() as node, receiver=SelfValue() as me) if _is_me(me, consumer):
            return [name for name, method in consumer.methods.items() if method.node is node] or None
        case AttributeValue(value=SelfValue() as me, attr=name) if _is_me(me, consumer):
            return [name] if name in CONSUMER_API else None
        case Literal(value=None):
            return []
        case _:
            return None


def _by_name(name: m.Expr, default: m.Expr | None, frame: Frame, stack: Stack, consumer: Consumer) -> list[str] | None:
    if default is not None and _method(stack.values.one(default, frame), consumer) is None:
        return None
    if not consumer.complete:
        return None
    patterns = stack.texts.of(name, frame)
    if any(pattern.unknown for pattern in patterns):
        return None
    return [
        method
        for method in sorted({*consumer.methods, *CONSUMER_API})
        if any(pattern.could_equal(Pattern((method,), name, frame)) for pattern in patterns)
    ]


def _is_me(value: Value, consumer: Consumer) -> bool:
    return isinstance(value, SelfValue) and value.cls in consumer.cls.ancestry
