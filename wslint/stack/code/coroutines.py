"""What is surely a coroutine function, and what is surely none."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge.channels import GET_CHANNEL_LAYER, LAYER_METHODS
from wslint.stack.code.values import (
    AttributeValue,
    CallValue,
    Display,
    Frame,
    FunctionValue,
    Literal,
    SelfValue,
    Values,
)

KEEPS = frozenset({"builtins.staticmethod", "builtins.classmethod", "typing.override", "abc.abstractmethod"})
"""Decorators that leave a coroutine function one."""


def is_coroutine_function(expr: m.Expr, frame: Frame, values: Values) -> bool:
    """Is it surely a coroutine function of the project or of the channel layer?"""
    value = values.one(expr, frame)
    if isinstance(value, FunctionValue) and isinstance(value.node, m.FunctionDef):
        plain = all(values.dotted(decorator, value.frame) in KEEPS for decorator in value.node.decorators)
        return value.node.is_async and plain and not _generates(value.node)
    if not isinstance(expr, m.Attribute) or expr.attr not in LAYER_METHODS:
        return False
    owner = values.one(expr.value, frame)
    if isinstance(owner, AttributeValue):
        return owner.attr == "channel_layer" and isinstance(owner.value, SelfValue)
    return isinstance(owner, CallValue) and owner.dotted == GET_CHANNEL_LAYER


def gives_no_coroutine(call: m.Call, frame: Frame, values: Values) -> bool:
    """Is it surely a call of a plain function of the project that returns no coroutine?"""
    value = values.one(call.func, frame)
    if not isinstance(value, FunctionValue) or not isinstance(value.node, m.FunctionDef):
        return False
    plain = all(values.dotted(decorator, value.frame) in KEEPS for decorator in value.node.decorators)
    if not plain or value.node.is_async or _generates(value.node):
        return False
    if not any(isinstance(node, m.Return) and node.value is not None for node in within(value.node.body)):
        return True
    return all(isinstance(result, (Literal, Display)) for result in values.of(call, frame))


def _generates(node: m.FunctionDef) -> bool:
    return any(isinstance(inner, m.Yield) for inner in within(node.body))
