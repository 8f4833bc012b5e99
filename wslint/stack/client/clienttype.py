"""Where the client's message becomes the type of an event: the whole message, a spread of it, or a member of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.stack.client.clientinput import ClientInput, Input
from wslint.stack.code.changes import Change, changes
from wslint.stack.code.values import CallValue, Display, ExternalValue, Frame, FunctionValue

MAX_DEPTH = 6
TYPE = "type"


@dataclass(eq=False, frozen=True)
class Chosen:
    """The client's part that is the type, and the expression that brings it in; `whole`: as a key of a dict."""

    part: Input
    node: m.Expr
    frame: Frame
    whole: bool


class TypeChoices:
    """Reads the events that one consumer sends."""

    def __init__(self, trace: ClientInput) -> None:
        self.trace = trace
        self.values = trace.values

    def of(self, event: m.Expr, frame: Frame, depth: int = 0) -> Chosen | None:
        """What of the client's is the type of an event; None when nothing is, or not plain to see."""
        if depth > MAX_DEPTH:
            return None
        match event:
            case m.Dict(items=items):
                return self._display(items, frame, depth)
            case m.BinaryOp(op="|", left=left, right=right):
                return self._merged(self.of(left, frame, depth + 1), right, frame, depth)
            case m.Call(func=func, args=args) if self.values.dotted(func, frame) == "builtins.dict":
                return self._dict_call(args, frame, depth)
        for one in self.trace.of(event, frame):
            if one.form == "json" and not self._is_changed(event, frame):
                return Chosen(one.member(TYPE, event, frame), event, frame, whole=True)
        for value in self.values.of(event, frame):
            if isinstance(value, (Display, CallValue)) and value.node is not event:
                found = self._held(value, event, depth)
                if found is not None:
                    return found
        return None

    def _display(self, items: tuple[m.DictItem, ...], frame: Frame, depth: int) -> Chosen | None:
        found: Chosen | None = None
        for item in items:
            if item.key is None:
                found = self._merged(found, item.value, frame, depth)
            elif self.values.constant(item.key, frame) == TYPE:
                found = self._member(item.value, frame)
        return found

    def _dict_call(self, args: tuple[m.Argument, ...], frame: Frame, depth: int) -> Chosen | None:
        """`dict(message, key=…)`: a `type=` wins over the first dict, and is a TypeError beside `**message`."""
        named = next((arg for arg in args if arg.keyword == TYPE), None)
        if named is not None:
            return self._member(named.value, frame)
        found: Chosen | None = None
        for arg in args:
            if arg.keyword is None:
                found = self._merged(found, arg.value, frame, depth)
        return found

    def _merged(self, before: Chosen | None, expr: m.Expr, frame: Frame, depth: int) -> Chosen | None:
        """The type when another dict is laid over what was there before."""
        found = self.of(expr, frame, depth + 1)
        if found is not None:
            return found
        value = self.values.one(expr, frame)
        node = value.node if isinstance(value, Display) else None
        if not isinstance(node, m.Dict) or any(item.key is None for item in node.items):
            return None  # it may bring a type
        home = value.frame if isinstance(value, Display) else frame
        return None if any(self.values.constant(item.key, home) == TYPE for item in node.items if item.key) else before

    def _member(self, expr: m.Expr, frame: Frame) -> Chosen | None:
        """`"type": message["type"]`."""
        return next((Chosen(one, expr, frame, whole=False) for one in self.trace.of(expr, frame)), None)

    def _held(self, value: Display | CallValue, name: m.Expr, depth: int) -> Chosen | None:
        """The type of a dict that a variable holds, with what is put into it later."""
        frame = value.frame
        found = self.of(value.node, frame, depth + 1)
        for change in self._changes(value.node, name, frame):
            if change.scope is not frame.scope:
                return None
            args = () if change.call is None else change.call.args
            if change.kind == "set" and change.index is not None:
                if self.values.constant(change.index, frame) == TYPE:
                    found = None if change.value is None else self._member(change.value, frame)
            elif change.kind == "update":
                for arg in args:
                    if arg.keyword is None:
                        found = self._merged(found, arg.value, frame, depth + 1)
                    elif arg.keyword == TYPE:
                        found = self._member(arg.value, frame)
            elif self._sets_type(change, frame):
                found = None
        return found

    def _changes(self, node: m.Expr, name: m.Expr, frame: Frame) -> Iterator[Change]:
        names = frame.scope.names_of(node) or ([name.id] if isinstance(name, m.Name) else [])
        for one in names:
            yield from changes(frame.scope, one)

    def _is_changed(self, expr: m.Expr, frame: Frame, depth: int = 0) -> bool:
        """May the message have got a type of the project's own, or lost the client's, here or in a caller?"""
        scope = frame.scope.owner(expr.id) if isinstance(expr, m.Name) else None
        if scope is None or not isinstance(expr, m.Name) or depth > MAX_DEPTH:
            return False
        if any(self._sets_type(change, frame) for change in changes(scope, expr.id)):
            return True
        bound = frame.arguments.get(expr.id)
        if bound is not None and bound.expr is not None:
            return self._is_changed(bound.expr, bound.frame, depth + 1)
        return any(
            isinstance(binding.value, m.Name) and self._is_changed(binding.value, frame, depth + 1)
            for binding in (scope.reaching(expr.id, expr.span) if scope is frame.scope else ())
        )

    def _sets_type(self, change: Change, frame: Frame) -> bool:
        """May a change of the message be one of its type?"""
        if change.kind == "set" and change.index is not None:
            key = self.values.constant(change.index, frame)
            return key == TYPE or not isinstance(key, str)
        if change.kind == "given":
            return not self._keeps(change, frame)
        return change.kind in ("update", "pop", "delete", "clear", "popitem")

    def _keeps(self, given: Change, frame: Frame) -> bool:
        """Does a call leave the dict that it is given as it is? A function of the project is not looked into."""
        if given.call is None:
            return False
        func = given.call.func
        if isinstance(func, m.Call):
            return True  # async_to_sync(…)(…), which sends
        if isinstance(func, m.Attribute) and func.attr in _READERS:
            return True
        values = self.values.of(func, frame)
        if all(isinstance(value, FunctionValue) for value in values):
            return all(self._only_reads(value) for value in values if isinstance(value, FunctionValue))
        return all(isinstance(value, ExternalValue) and value.dotted.startswith(_HARMLESS) for value in values)

    def _only_reads(self, function: FunctionValue) -> bool:
        """A function that changes none of its parameters, and hands none of them on to be changed."""
        inner = function.frame.scope.child(function.node)
        return all(
            change.kind == "given" and change.call is not None and _name(change.call) in _READERS
            for param in function.node.params
            for change in changes(inner, param.name)
        )


def _name(call: m.Call) -> str:
    func = call.func
    if isinstance(func, m.Call):
        return "group_send"
    return last_name(func)


_HARMLESS = ("builtins.", "json.", "pprint.", "logging.", "copy.")
_READERS = frozenset(
    "group_send send send_json info debug warning error exception log critical dumps print append update".split()
)
"""Methods that leave what they are given as it is."""
