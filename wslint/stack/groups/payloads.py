"""What the msgpack of a Redis layer makes impossible: values of an event that it refuses, and keys that it sends and
does not take back.

Keys count when they surely are no text: literals, `int(…)`, counters of loops, primary keys that are numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import contains, within
from wslint.knowledge.channels import CORE_LAYER, PUBSUB_LAYER
from wslint.location import Location
from wslint.stack.code.changes import changes
from wslint.stack.code.later import Later
from wslint.stack.code.values import CallValue, Display, Frame, Literal, Value
from wslint.stack.database.orm import orm_of
from wslint.stack.database.orm_kinds import Instance
from wslint.stack.groups.jsonable import Jsonable, Leaf
from wslint.stack.layers.layers import layers_of
from wslint.stack.model import Send, Stack

MAX_DEPTH = 8
_REDIS = frozenset({CORE_LAYER, PUBSUB_LAYER})
_DICTS = frozenset({"builtins.dict", "collections.defaultdict", "collections.OrderedDict", "collections.Counter"})
_NUMBERS = {
    "builtins.int": "int",
    "builtins.len": "int",
    "builtins.ord": "int",
    "builtins.hash": "int",
    "builtins.float": "float",
    "builtins.bool": "bool",
}
"""Calls whose result is no text, with its type."""


@dataclass(eq=False, frozen=True)
class Refused:
    """A part of an event: the type that is refused, where it is written, and whether it is the key of a dict."""

    type: str
    location: Location
    is_key: bool

    @property
    def by_receiver(self) -> bool:
        """A key that is sent, and that the receiving process does not take."""
        return self.is_key and self.type in ("int", "float", "bool", "NoneType")


class Payloads:
    """The evaluator of one stack."""

    def __init__(self, stack: Stack) -> None:
        self.values = stack.values
        self.types = Jsonable(stack)
        self.orm = orm_of(stack)

    def refused(self, send: Send) -> Iterator[Refused]:
        """The parts of an event that cannot travel."""
        event = send.event
        if event is None or not event.keys:
            return
        later = Later(self.values, self.values.one(event.node, event.frame), event.node, event.frame)
        parts = [] if later.unclear else [part for key, part in event.keys.items() if key not in later.deeper]
        for part in parts:
            for leaf, frame in self.types.leaves(part, event.frame):
                kind = self._type(leaf, frame)
                if kind is not None and not _is_later(leaf, frame, send):
                    yield Refused(kind, self._spelled(leaf, frame), is_key=False)
        keys = list(self._keys_in(event.node, event.frame, 0))
        for part in event.keys.values():
            keys += self.keys(part, event.frame, 1)
        for key, frame in {id(key): (key, frame) for key, frame in keys}.values():
            kind = self._key_type(key, frame) or self._type(key, frame)
            if kind is not None and not _is_later(key, frame, send):
                yield Refused(kind, frame.at(key), is_key=True)

    def _type(self, expr: m.Expr, frame: Frame) -> str | None:
        """The type that msgpack refuses: what JSON does, but bytes."""
        found = self.types.refused(expr, frame)
        return None if found == "bytes" else found

    def _spelled(self, leaf: m.Expr, frame: Frame) -> Location:
        """Where a value is written: a parameter's is what the caller gives."""
        kind, seen = self._type(leaf, frame), 0
        while isinstance(leaf, m.Name) and seen < MAX_DEPTH:
            bound = frame.arguments.get(leaf.id)
            if bound is None or bound.expr is None or self._type(bound.expr, bound.frame) != kind:
                break
            leaf, frame, seen = bound.expr, bound.frame, seen + 1
        return frame.at(leaf)

    # --- keys ---

    def keys(self, expr: m.Expr, frame: Frame, depth: int = 0) -> Iterator[Leaf]:
        """The keys of the dicts in a value that is built where one can see it."""
        if depth > MAX_DEPTH:
            return
        match expr:
            case m.Dict() | m.Sequence() | m.Comprehension():
                yield from self._keys_in(expr, frame, depth)
            case m.Conditional(body=body, orelse=orelse):
                yield from self.keys(body, frame, depth + 1)
                yield from self.keys(orelse, frame, depth + 1)
            case m.Name() | m.Call() | m.Await() | m.Attribute():
                value = self.values.one(expr, frame)
                if isinstance(value, (Display, CallValue)) and value.node is not expr:
                    yield from self._keys_in(value.node, value.frame, depth)
                elif isinstance(expr, m.Call):
                    yield from self._keys_in(expr, frame, depth)

    def _keys_in(self, node: m.Expr, frame: Frame, depth: int) -> Iterator[Leaf]:
        """The keys in a display, a comprehension or `dict(…)`, and those that are put in later."""
        match node:
            case m.Dict(items=items):
                for item in items:
                    if item.key is not None:
                        yield item.key, frame
                    yield from self.keys(item.value, frame, depth + 1)
            case m.Sequence(kind="list" | "tuple", items=parts):
                for part in parts:
                    yield from self.keys(part, frame, depth + 1)
            case m.Comprehension(kind="list" | "dict", key=key, element=element):
                if key is not None:
                    yield key, frame
                yield from self.keys(element, frame, depth + 1)
            case m.Call(func=func, args=args):
                dotted = self.values.dotted(func, frame)
                if dotted not in _DICTS:
                    return
                first = args[0].value if args else None
                if dotted == "collections.Counter" and isinstance(first, m.Comprehension) and first.kind != "dict":
                    yield first.element, frame
                elif dotted != "collections.defaultdict":
                    for arg in args:
                        yield from self.keys(arg.value, frame, depth + 1)
            case _:
                return
        for name in frame.scope.names_of(node):
            for change in changes(frame.scope, name):
                if change.scope is frame.scope and change.kind == "set" and isinstance(node, (m.Dict, m.Call)):
                    if change.index is not None:
                        yield change.index, frame
                    if change.value is not None:
                        yield from self.keys(change.value, frame, depth + 1)

    def _key_type(self, key: m.Expr, frame: Frame) -> str | None:
        """The type of a key that surely is no text."""
        if isinstance(key, m.Name) and self._counts(key, frame):
            return "int"
        if isinstance(key, m.Attribute) and self._is_number(key, frame):
            return "int"
        types = [_no_text(value) for value in self.values.of(key, frame)]
        return None if not types or None in types else types[0]

    def _counts(self, name: m.Name, frame: Frame) -> bool:
        """Is a name the counter of a loop over `range()` or `enumerate()`?"""
        loops = list(_loops(name, frame))
        return bool(loops) and all(self._is_counter(name.id, loop, frame) for loop in loops)

    def _is_counter(self, name: str, loop: m.For | m.Generator | None, frame: Frame) -> bool:
        if loop is None or not isinstance(loop.iterable, m.Call):
            return False
        match self.values.dotted(loop.iterable.func, frame), loop.target:
            case ("builtins.range", m.Name(id=target)) | (
                "builtins.enumerate",
                m.Sequence(items=(m.Name(id=target), _)),
            ):
                return target == name
            case _:
                return False

    def _is_number(self, key: m.Attribute, frame: Frame) -> bool:
        """`row.pk` of a project model that leaves its key to Django."""
        owner = self.orm.one(key.value, frame) if key.attr in ("pk", "id") else None
        if not isinstance(owner, Instance) or owner.of_scope or owner.model is None or owner.model.cls is None:
            return False
        model = owner.model.cls
        if not all(base.startswith("django.") for base in model.externals):
            return False
        for cls in model.ancestry:
            if {"pk", "id"} & cls.scope_inside.bindings.keys():
                return False
            fields = [binding.value for found in cls.scope_inside.bindings.values() for binding in found]
            if any(isinstance(one, m.Call) and any(arg.keyword == "primary_key" for arg in one.args) for one in fields):
                return False
        return True


def uses_redis(stack: Stack, path: str) -> bool:
    """Do the settings that serve a file's project have a Redis layer that speaks msgpack?"""
    settings = stack.settings_for(path)
    return settings is not None and any(
        backend in _REDIS and "serializer_format" not in layer.options
        for module in settings.serving
        for layer in layers_of(stack, module).layers
        for backend in layer.backends(stack)
    )


def _loops(name: m.Name, frame: Frame) -> Iterator[m.For | m.Generator | None]:
    """The loops that bind a name where it is read; None for anything else that does."""
    scope = frame.scope
    if scope.comprehends(name.id, name.span):
        for node in within(scope.body):
            if isinstance(node, m.Comprehension) and contains(node.span, name.span):
                for generator in node.generators:
                    if any(isinstance(one, m.Name) and one.id == name.id for one in within((generator.target,))):
                        yield generator
        return
    if scope.owner(name.id) is not scope:
        yield None
        return
    for binding in scope.reaching(name.id, name.span):
        yield binding.source if isinstance(binding.source, m.For) else None


def _no_text(value: Value) -> str | None:
    match value:
        case Literal(value=text) if not isinstance(text, str):
            return type(text).__name__
        case CallValue(dotted=str() as dotted):
            return _NUMBERS.get(dotted)
        case _:
            return None


def _is_later(node: m.Expr, frame: Frame, send: Send) -> bool:
    """Is a part put in behind the send?"""
    end = (send.call.span.end_line, send.call.span.end_column)
    return frame.scope is send.frame.scope and (node.span.line, node.span.column) >= end
