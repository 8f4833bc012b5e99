"""Who else holds the consumer: objects made with it, its bound methods under other names, containers of those."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import below, children
from wslint.flow.decorators import Undecorated
from wslint.stack.code.bindings import Binding
from wslint.stack.code.values import Bound, ExternalValue, Frame, FunctionValue, SelfValue, Value, Values
from wslint.stack.model import Consumer

HARMLESS = ("builtins.", "logging.", "time.", "json.", "weakref.", "copy.", "asgiref.sync.")
"""Packages whose functions do nothing to a consumer that they are given."""


class Holders:
    """Answers for one consumer, by what its code says; nothing is looked up that is not given the consumer."""

    def __init__(self, values: Values, consumer: Consumer) -> None:
        self.values = values
        self.consumer = consumer
        self._held: dict[tuple[int, int], tuple[bool, m.Expr, Frame]] = {}

    # --- is it the consumer? ---

    def is_self(self, expr: m.Expr, frame: Frame) -> bool:
        """Is a name surely the consumer?"""
        for _ in range(_CHAIN):
            found = self._home(expr, frame) if isinstance(expr, m.Name) else None
            if found is None:
                return False
            name, home, bindings = found
            bound = home.arguments.get(name)
            source = bindings[0].source
            if bound is not None:
                if bound.expr is None:
                    return self._is_me(bound.value)
                expr, frame = bound.expr, bound.frame
            elif isinstance(source, m.Parameter):
                return self._is_first(source, home)
            elif len(bindings) == 1 and isinstance(source, m.Assign) and bindings[0].value and bindings[0].path == ():
                expr, frame = bindings[0].value, home
            else:
                return False
        return False

    def _home(self, name: m.Name, frame: Frame) -> tuple[str, Frame, list[Binding]] | None:
        """The function frame that a name belongs to, and what binds it there."""
        owner = frame.scope.owner(name.id)
        if owner is None or not owner.is_function:
            return None
        home = frame
        while home.scope is not owner and home.parent is not None:
            home = home.parent
        return name.id, home if home.scope is owner else self.values.frame(owner), owner.bindings[name.id]

    def _is_first(self, param: m.Parameter, home: Frame) -> bool:
        """Is it the first parameter of a method of the consumer's class, of which no call is known?"""
        node, parent = home.scope.node, home.scope.parent
        if not isinstance(node, m.FunctionDef) or node.params[0] is not param or parent is None:
            return False
        static = any(isinstance(found, m.Name) and found.id in NO_SELF for found in node.decorators)
        return not static and any(parent.node is cls.node for cls in self.consumer.cls.ancestry)

    def _is_me(self, value: Value | None) -> bool:
        return isinstance(value, SelfValue) and value.cls in self.consumer.cls.ancestry

    # --- does it have the consumer? ---

    def hold(self, expr: m.Expr, frame: Frame) -> bool:
        """May calling an expression, or something that has it, do things to the consumer?"""
        key = (id(expr), id(frame))
        if key not in self._held:
            self._held[key] = (False, expr, frame)  # an answer for rings, and keeps both alive
            self._held[key] = (self._hold(expr, frame), expr, frame)
        return self._held[key][0]

    def _hold(self, expr: m.Expr, frame: Frame) -> bool:
        match expr:
            case m.Name():
                return self._named(expr, frame)
            case m.Attribute():
                if self.is_self(expr.value, frame):
                    return self.is_method(expr.attr) or self.attribute(expr.attr)
                return self.hold(expr.value, frame)
            case m.Call():
                return self._result(expr, frame)
            case m.Lambda():
                return self._mentions(expr.body, frame)
            case m.Constant() | m.Bytes() | m.Compare() | m.FString() | m.BinaryOp() | m.UnaryOp():
                return False
            case m.Subscript():
                return self.hold(expr.value, frame)
            case _:
                return any(self._part(child, frame) for child in children(expr))

    def _part(self, node: m.Node, frame: Frame) -> bool:
        if isinstance(node, (m.DictItem, m.Argument, m.Generator)):
            return any(self._part(child, frame) for child in children(node))
        return not isinstance(node, m.Parameter) and self.hold(node, frame)  # type: ignore[arg-type]

    def _named(self, expr: m.Name, frame: Frame) -> bool:
        found = self._home(expr, frame)
        if found is None:
            return False
        name, home, bindings = found
        bound = home.arguments.get(name)
        if bound is not None:
            return self._bound(bound)
        return self.is_self(expr, frame) or any(self._binding(binding, home) for binding in bindings)

    def _binding(self, binding: Binding, home: Frame) -> bool:
        match binding.source:
            case m.For(iterable=given) | m.WithItem(value=given):
                return self.hold(given, home)
            case m.FunctionDef() as node:
                return any(self._mentions(statement, home) for statement in node.body)
            case _:
                return binding.value is not None and self.hold(binding.value, home)

    def _mentions(self, node: m.Node, frame: Frame) -> bool:
        """Does the code of a nested function or lambda speak of the consumer around it?"""
        return any(isinstance(found, m.Name) and self.is_self(found, frame) for found in (node, *below(node)))

    def _bound(self, bound: Bound) -> bool:
        if bound.expr is not None:
            return self.hold(bound.expr, bound.frame)
        value = bound.value
        if isinstance(value, Undecorated):
            return True
        return self._is_me(value.receiver if isinstance(value, FunctionValue) else value)

    def _result(self, call: m.Call, frame: Frame) -> bool:
        """The result of a call that was given the consumer: an object that may keep it."""
        func = call.func
        if isinstance(func, m.Name) and func.id == "getattr" and len(call.args) > 1:
            if not self.is_self(call.args[0].value, frame):
                return self.hold(call.args[0].value, frame)
            name = call.args[1].value
            if isinstance(name, m.Constant) and isinstance(name.value, str):
                return self.is_method(name.value) or self.attribute(name.value)
            return True
        if isinstance(func, m.Attribute) and self.is_self(func.value, frame):
            return False
        if any(self.hold(arg.value, frame) for arg in call.args):
            callee = self.values.one(func, frame)
            if isinstance(callee, FunctionValue):
                return False
            if not (isinstance(callee, ExternalValue) and callee.dotted.startswith(HARMLESS)):
                return True
            return callee.dotted in _WRAP
        return isinstance(func, m.Attribute) and self.hold(func.value, frame)

    def is_method(self, name: str) -> bool:
        """Is `self.name` a method that could do something to the socket, or one of the project's?"""
        method = self.consumer.method(name)
        return name in _ACT if method is None else not is_property(method.node)

    def attribute(self, name: str) -> bool:
        """May `self.name` be something that has the consumer?"""
        return any(
            value is not None and self.hold(value, method.frame)
            for _, value, method in self.consumer.cls.instance_assignments.get(name, ())
        )


def is_property(node: m.FunctionDef) -> bool:
    """Is a method read like an attribute?"""
    for found in node.decorators:
        name = last_name(found)
        if name in ("property", "cached_property", "setter", "getter"):
            return True
    return False


_CHAIN = 12
"""Through how many names one is followed."""

NO_SELF = frozenset({"staticmethod", "classmethod"})
"""Decorators of methods that are not given the object."""

_ACT = frozenset({"accept", "close", "base_send", "dispatch"})

_WRAP = frozenset(
    {
        "asgiref.sync.async_to_sync",
        "asgiref.sync.sync_to_async",
        "builtins.list",
        "builtins.tuple",
        "builtins.dict",
        "builtins.set",
        "builtins.map",
        "builtins.filter",
        "builtins.zip",
        "builtins.enumerate",
        "builtins.reversed",
        "builtins.sorted",
        "builtins.iter",
    }
)
"""Harmless functions whose result holds what they are given."""
