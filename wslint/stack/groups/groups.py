"""Who is in which group: the joins of consumers, read for every concrete class, and who else listens on the layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import within
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.classes import Class
from wslint.stack.code.lists import Lists
from wslint.stack.code.text import Pattern
from wslint.stack.code.values import (
    AttributeValue,
    Bound,
    CallValue,
    Display,
    Frame,
    FunctionValue,
    Literal,
    SelfValue,
    Value,
)
from wslint.stack.model import Consumer, Send, Stack


@dataclass(eq=False)
class Name:
    """One thing that a group name can be: its pattern, and the expression that spells it."""

    pattern: Pattern
    value: Value
    location: Location
    consumer: Consumer | None


@dataclass(eq=False)
class Membership:
    """A consumer can be in a group of this name; `consumer` None: something that is no consumer of the project."""

    name: Name
    location: Location

    @property
    def consumer(self) -> Consumer | None:
        return self.name.consumer

    @property
    def pattern(self) -> Pattern:
        return self.name.pattern


class Groups:
    """The groups of one stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._frames: dict[tuple[int, int], Frame] = {}

    # --- which classes run a piece of code ---

    def consumers_at(self, frame: Frame) -> tuple[Consumer, ...]:
        """The concrete consumers whose instances run the code of a frame: subclasses and users of a mixin included."""
        if frame.owner is None:
            return ()
        heirs = [
            consumer
            for consumer in self.stack.consumers
            if frame.owner in consumer.cls.ancestry and _runs(consumer.cls, frame.owner, frame)
        ]
        return tuple(consumer for consumer in heirs if not consumer.is_abstract) or tuple(heirs)

    def as_class(self, frame: Frame, cls: Class) -> Frame:
        """The same code with `self` an instance of a class."""
        key = (id(frame), id(cls))
        found = self._frames.get(key)
        if found is None:
            found = self._frames[key] = _as_class(frame, cls)
        return found

    # --- names ---

    def names(self, send: Send) -> tuple[Name, ...]:
        """What the group (or channel) of a send can be, for every class that runs it."""
        node = send.group_node
        if node is None:
            return ()
        consumers = self.consumers_at(send.frame)
        if not consumers:
            return tuple(self._names(node, send.frame, None))
        return tuple(
            name
            for consumer in consumers
            for name in self._names(node, self.as_class(send.frame, consumer.cls), consumer)
        )

    def attribute_names(self, consumer: Consumer) -> tuple[Name, ...]:
        """The groups that the class attribute `groups` lists."""
        cls = next((cls for cls in consumer.cls.ancestry if "groups" in cls.scope_inside.bindings), None)
        if cls is None:
            return ()
        found: list[Name] = []
        for binding in cls.scope_inside.reaching("groups"):
            if isinstance(binding.source, m.Assign) and binding.value is not None:
                for item, frame in Lists(self.stack.values).of(binding.value, cls.frame).items:
                    found.extend(self._names(item, frame, consumer))
        return tuple(found)

    def _names(self, node: m.Expr, frame: Frame, consumer: Consumer | None) -> Iterator[Name]:
        values = self.stack.values.of(node, frame)
        named = [value for value in values if not _is_placeholder(value)]
        for value in named or values:
            match value:
                case Literal(node=spelled, frame=home) | Display(node=spelled, frame=home):
                    pass
                case CallValue(node=spelled, frame=home):
                    pass
                case _:
                    spelled, home = node, frame
            for pattern in self.stack.texts.of(spelled, home):
                yield Name(pattern, value, home.at(spelled), consumer)

    # --- members ---

    @cached_property
    def memberships(self) -> tuple[Membership, ...]:
        """Every join of the project outside its tests."""
        found: list[Membership] = []
        for join in self.stack.joins:
            if not join.in_tests and not join.vendored:
                found.extend(Membership(name, join.location) for name in self.names(join))
        for consumer in self.stack.consumers:
            if not consumer.in_tests and not consumer.is_abstract:
                found.extend(Membership(name, name.location) for name in self.attribute_names(consumer))
        return tuple(found)

    def members(self, pattern: Pattern) -> tuple[Membership, ...]:
        """The joins whose name is known in part and can be the same string."""
        return tuple(
            member
            for member in self.memberships
            if not member.pattern.unknown and not pattern.unknown and member.pattern.could_equal(pattern)
        )

    def receivers(self, send: Send) -> tuple[Consumer, ...]:
        """The consumers that may get what is sent: the members of its group, or all when that cannot be known."""
        members = [member for name in self.names(send) for member in self.members(name.pattern)]
        joined = {id(found): found for member in members if (found := member.consumer) is not None}
        if send.method == "group_send" and joined and not any(member.pattern.unknown for member in self.memberships):
            return tuple(joined.values())
        return tuple(found for found in self.stack.consumers if not found.in_tests and not found.is_abstract)

    def is_empty(self, send: Send) -> bool:
        """Is the group of a send one that surely nobody joins?"""
        names = self.names(send)
        if send.method != "group_send" or not names or any(name.pattern.unknown for name in names):
            return False
        if any(member.pattern.unknown for member in self.memberships):
            return False
        return not any(self.members(name.pattern) for name in names)

    @cached_property
    def has_listeners(self) -> bool:
        """Does some code read a channel itself (`layer.receive(…)`, `layer.new_channel()`)?"""
        return any(
            isinstance(node, m.Attribute)
            and node.attr in ("receive", "new_channel")
            and self._is_layer(node.value, frame)
            for body, frame in self._bodies()
            for node in within(body)
        )

    def _bodies(self) -> Iterator[tuple[tuple[m.Stmt, ...], Frame]]:
        for function in self.stack.functions:
            yield function.node.body, function.frame

    def _is_layer(self, expr: m.Expr, frame: Frame) -> bool:
        written = last_name(expr)
        if written.endswith("layer"):
            return True
        return any(
            (isinstance(value, CallValue) and value.dotted == known.GET_CHANNEL_LAYER)
            or (isinstance(value, AttributeValue) and value.attr == "channel_layer")
            for value in self.stack.values.of(expr, frame)
        )


def _is_placeholder(value: Value) -> bool:
    """What stands in for a group name until there is one (a method of the same name, too): no layer takes it."""
    return isinstance(value, FunctionValue) or (isinstance(value, Literal) and value.value in (None, ""))


def _runs(cls: Class, owner: Class, frame: Frame) -> bool:
    """Does an instance of a class run code of a base's method (it may be overridden, with or without `super()`)?"""
    outer: Frame | None = frame
    while outer is not None and not _is_method(outer):
        outer = outer.parent
    if outer is None or not isinstance(outer.scope.node, m.FunctionDef):
        return True
    name = outer.scope.node.name
    for heir in cls.ancestry:
        if heir is owner:
            return True
        method = heir.own_methods.get(name)
        if method is not None and not _calls_same(method.node):
            return False
    return True


def _calls_same(function: m.FunctionDef) -> bool:
    """Does a method call the one it overrides (`super().connect()`, `Base.connect(self)`)?"""
    return any(isinstance(node, m.Attribute) and node.attr == function.name for node in within(function.body))


def _is_method(frame: Frame) -> bool:
    parent = frame.scope.parent
    return isinstance(frame.scope.node, m.FunctionDef) and parent is not None and isinstance(parent.node, m.ClassDef)


def _as_class(frame: Frame, cls: Class) -> Frame:
    node, scope = frame.scope.node, frame.scope
    if not isinstance(node, (m.FunctionDef, m.Lambda)):
        return frame
    arguments, parent = dict(frame.arguments), frame.parent
    if _is_method(frame):
        if node.params:
            arguments[node.params[0].name] = Bound(None, frame, SelfValue(cls))
    elif parent is not None:
        parent = _as_class(parent, cls)
    return Frame(scope, arguments, parent, cls)
