"""Where a channel layer must be there: sends without a None test, and consumers with `groups`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import below, within
from wslint.knowledge.channels import GET_CHANNEL_LAYER
from wslint.location import Location
from wslint.stack.code.classes import Class
from wslint.stack.code.values import AttributeValue, CallValue, ClassValue, Display, Literal, SelfValue, argument
from wslint.stack.model import FunctionUse, Send, Stack


@dataclass(eq=False)
class LayerUse:
    """One place that needs a channel layer, and the alias it asks for."""

    alias: str
    location: Location
    what: str
    joins: bool


BROAD = ("AttributeError", "Exception", "BaseException")
"""Exceptions whose handlers also catch what a missing layer raises."""


def layer_uses(stack: Stack) -> Iterator[LayerUse]:
    """Every place outside tests that fails when its channel layer is not defined."""
    for send in stack.sends:
        if not send.in_tests and not send.vendored:
            for alias in _aliases(stack, send):
                if not _is_guarded(send):
                    yield LayerUse(alias, send.location, f"{send.method}", send.method == "group_add")
    for consumer in stack.consumers:
        bindings = consumer.cls.scope_inside.bindings.get("groups", ())
        if consumer.in_tests or consumer.vendored or not bindings or bindings[-1].value is None:
            continue
        value = stack.values.one(bindings[-1].value, consumer.cls.frame)
        wanted = _alias_of(consumer.cls)
        if isinstance(value, Display) and isinstance(value.node, m.Sequence) and value.node.items and wanted:
            yield LayerUse(wanted, consumer.cls.frame.at(bindings[-1].value), f"`groups` of {consumer.name}", True)


def _receiver(send: Send) -> m.Expr | None:
    """The expression that is the layer, in `layer.send(…)` and `async_to_sync(layer.send)(…)`."""
    func = send.call.func
    if isinstance(func, m.Call) and len(func.args) == 1:
        func = func.args[0].value
    return func.value if isinstance(func, m.Attribute) else None


def _aliases(stack: Stack, send: Send) -> Iterator[str]:
    """The alias that a send's layer surely has."""
    receiver = _receiver(send)
    if receiver is None:
        return
    match stack.values.one(receiver, send.frame):
        case CallValue() as value if value.dotted == GET_CHANNEL_LAYER:
            given = argument(value.node, 0, "alias")
            alias = "default" if given is None and not value.node.args else None
            if given is not None:
                constant = stack.values.constant(given, value.frame)
                alias = constant if isinstance(constant, str) else None
            if alias is not None:
                yield alias
        case AttributeValue(attr="channel_layer", value=SelfValue(cls=cls)):
            alias = _alias_of(cls)
            if alias is not None:
                yield alias


def _alias_of(cls: Class) -> str | None:
    """`channel_layer_alias` of a consumer; None when it cannot be read."""
    values = cls.attribute("channel_layer_alias", ClassValue(cls))
    if values is None:
        return "default" if cls.linked else None
    value = values[0] if len(values) == 1 else None
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


def _is_guarded(send: Send) -> bool:
    """Is the layer tested in the function, or is the error that a missing one raises caught?"""
    function = send.inside
    receiver = _receiver(send)
    if function is None or receiver is None:
        return False
    name = _written(receiver)
    if any(_mentions(test, name) for test in _tests(function)):
        return True
    use = next((use for use in function.calls if use.node is send.call), None)
    return use is not None and any(_catches(parent) for parent in use.parents)


def _tests(function: FunctionUse) -> Iterator[m.Expr]:
    for node in within(function.node.body):
        match node:
            case m.If(test=test) | m.While(test=test) | m.Conditional(test=test) | m.Assert(test=test):
                yield test
            case m.BoolOp(left=left):
                yield left


def _mentions(test: m.Expr, name: str) -> bool:
    return any(isinstance(node, (m.Name, m.Attribute)) and _written(node) == name for node in (test, *below(test)))


def _written(expr: m.Expr) -> str:
    if isinstance(expr, m.Name):
        return expr.id
    return f"{_written(expr.value)}.{expr.attr}" if isinstance(expr, m.Attribute) else ""


def _catches(node: m.Node) -> bool:
    """Does a try catch AttributeError?"""
    if not isinstance(node, m.Try):
        return False
    for handler in node.handlers:
        caught = handler.exception
        names = [caught] if not isinstance(caught, m.Sequence) else list(caught.items)
        if caught is None or any(_written(name).rpartition(".")[2] in BROAD for name in names if name is not None):
            return True
    return False
