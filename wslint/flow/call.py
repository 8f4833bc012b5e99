"""Calls on a path: the consumer's own methods, `super()`, Channels' methods, functions that are given the consumer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.flow.condition import is_own, own_tests, paths, text
from wslint.flow.state import (
    ACCEPTED,
    ANY_ATTRIBUTE,
    CLOSED,
    CONNECTING,
    MAX_STATES,
    UNSURE,
    Exit,
    GaveUp,
    Occurrence,
    Out,
    State,
    Sure,
    escaped,
    joined,
    unknown,
    valueless,
)
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.classes import Class, Method
from wslint.stack.model import Consumer, Stack
from wslint.stack.values import Bound, ClassValue, ExternalValue, Frame, FunctionValue, SelfValue, argument

if TYPE_CHECKING:
    from wslint.stack.values import Values

MAX_DEPTH = 7
"""How deep helpers are followed."""


@dataclass(eq=False)
class Place:
    """The method being walked and the name that stands for the consumer in it."""

    method: Method
    self_name: str | None
    asked: dict[str, int]
    frame: Frame
    computed: dict[str, frozenset[str]]


class Calls(ABC):
    """The part of a walk that follows calls; the rest of it is in walk.py."""

    def __init__(self, stack: Stack, consumer: Consumer) -> None:
        self.stack = stack
        self.values: Values = stack.values
        self.consumer = consumer
        self.occurrences: dict[tuple[str, int, int], Occurrence] = {}
        self.conditions: list[m.Expr] = []
        self.guards = 0
        self.loops = 0
        self.active: list[m.FunctionDef] = []
        self.place: Place
        self.entry_call: m.Node | None = None
        self.left: list[Exit] = []
        self.muted = False
        self.memo: dict[tuple[int, int, int, frozenset[State], bool, bool, bool], Out] = {}
        self.frames: dict[tuple[int, int, int], Frame] = {}
        self.sends = sends_by_call(stack)
        self.own_tests = own_tests(consumer)

    @abstractmethod
    def expr(self, node: m.Expr, states: list[State], *, dropped: bool = False) -> list[State]:
        """Run an expression (walk.py)."""

    @abstractmethod
    def body(self, method: Method, self_name: str | None, states: list[State], frame: Frame) -> Out:
        """Run a function body (walk.py)."""

    def _plain(self, method: Method) -> bool:
        """Is a method what it looks like: no decorator but those that keep its meaning?"""
        return all(self.values.dotted(d, method.frame) in KEEPS_MEANING for d in method.node.decorators)

    def _own_attribute(self, node: m.Expr) -> str | None:
        """The name in `self.name`."""
        if isinstance(node, m.Attribute) and isinstance(node.value, m.Name) and node.value.id == self.place.self_name:
            return node.attr
        return None

    def call(self, node: m.Call, states: list[State], *, awaited: bool = False, dropped: bool = False) -> list[State]:
        func = node.func
        later = self._starts_task(node)
        for arg in node.args:
            if later and isinstance(arg.value, m.Call):
                states = self._later(arg.value, states)
            else:
                states = valueless(self.expr(arg.value, states))
        if isinstance(func, m.Call) and func.args and self._adapts(func):
            for arg in func.args[1:]:
                states = valueless(self.expr(arg.value, states))
            return self._callee(func.args[0].value, node, states, dropped=False)
        return self._callee(func, node, states, dropped=dropped and not awaited)

    def _callee(self, func: m.Expr, node: m.Call, states: list[State], *, dropped: bool) -> list[State]:
        if id(node) in self.sends:
            if isinstance(func, m.Attribute):
                states = valueless(self.expr(func.value, states))
            self._occur(self.sends[id(node)], node, states, "", dropped)
            return valueless(states)
        if isinstance(func, m.Attribute):
            if self._is_super(func.value):
                return self._super(func.attr, node, states, dropped)
            if isinstance(func.value, m.Name) and func.value.id == self.place.self_name:
                return self._own(func.attr, node, states, dropped)
            states = valueless(self.expr(func.value, states))
            explicit = self._explicit(func, node)
            if explicit is not None:
                return self._inline(explicit, self_name_of(explicit), node, states)
        elif not isinstance(func, m.Name):
            states = valueless(self.expr(func, states))
            if self._fetched(func):
                return [escaped(state) for state in states]
        return self._foreign(func, node, states)

    def _own(self, name: str, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        """`self.name(…)`."""
        method = self.consumer.method(name)
        if method is not None:
            return self._inline(method, self_name_of(method), node, states)
        if name in STOCK:
            return self._stock(name, node, states, dropped)
        if self.consumer.complete or name in self.consumer.cls.instance_assignments or name == "channel_layer":
            return valueless(states)
        return [escaped(state) for state in states]

    def _super(self, name: str, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        method = self.consumer.cls.method_after(self.place.method.owner, name)
        if method is not None:
            return self._inline(method, self_name_of(method), node, states)
        if not self.consumer.complete:
            return [escaped(state) for state in states]
        if name in ("connect", "websocket_connect") and self.consumer.is_websocket:
            return self._stock("accept", node, states, dropped)
        if name in STOCK:
            return self._stock(name, node, states, dropped)
        return valueless(states)

    def _stock(self, name: str, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        """A method of Channels' own consumers."""
        kind = STOCK[name]
        if name == "base_send" or (name == "send" and self.consumer.kind == "raw"):
            kind = self._raw_send(node)
        occurrence = self._occur(kind, node, states, name, dropped)
        if kind == "send" and closes(node):
            kind, occurrence = "close", self._occur("close", node, states, name, dropped)
        if kind == "accept":
            return valueless(
                replace(s, socket=ACCEPTED, accepted_by=occurrence) if s.socket == CONNECTING else s for s in states
            )
        if kind == "close":
            return valueless(self._closed(state, occurrence) for state in states)
        return valueless(states)

    def _closed(self, state: State, by: Occurrence) -> State:
        tied = frozenset().union(*(paths(condition) for condition in self.conditions))
        return replace(state, socket=CLOSED, closed_by=by, doubt=0, tied=tied)

    def _raw_send(self, node: m.Call) -> str:
        """What a raw consumer's `self.send({"type": …})` does."""
        message = node.args[0].value if node.args else None
        if isinstance(message, m.Dict):
            for item in message.items:
                if isinstance(item.key, m.Constant) and item.key.value == "type" and isinstance(item.value, m.Constant):
                    return {"websocket.accept": "accept", "websocket.close": "close"}.get(str(item.value.value), "send")
        return "send"

    def _inline(self, method: Method, self_name: str | None, call: m.Call, states: list[State]) -> list[State]:
        """Run a method of the project as part of this path; what is known of the caller's names stays out of it."""
        groups: dict[frozenset[tuple[str, Sure]], list[State]] = {}
        for state in states:
            own = frozenset(filter(is_own, state.facts))
            groups.setdefault(state.facts - own, []).append(replace(state, facts=own))
        left: list[State] = []
        for facts, entering in groups.items():
            for state in self._run(method, self_name, call, entering):
                left.append(replace(state, facts=facts | frozenset(filter(is_own, state.facts))))
        return joined(left)

    def _run(self, method: Method, self_name: str | None, call: m.Call, states: list[State]) -> list[State]:
        before = {(state.socket, state.closed_by) for state in states}
        outermost = self.entry_call is None
        if outermost:
            self.entry_call = call
        try:
            out = self.body(method, self_name, valueless(states), self._frame(method, call))
        finally:
            if outermost:
                self.entry_call = None
        after = [replace(state, value=None) for state in out.next]
        after += [self._returned(state, method) for state, _ in out.returned]
        if any((state.socket, state.closed_by) not in before for state in after) and not self._plain(method):
            return [unknown(state) for state in after]
        given = frozenset().union(*(paths(arg.value) for arg in call.args))
        closes = {state.closed_by for state in states}
        told = frozenset().union(*(state.tied for state in after if state.closed_by not in closes))
        if not told:
            return after
        return [
            replace(state, tied=frozenset(path for path in state.tied | told if path.startswith("self.")) | given)
            for state in after
        ]

    def _entry_frame(self, method: Method) -> Frame:
        """Where an entry point is read: an inherited one with the consumer as `self`, not the class that defines it."""
        plain, name = method.frame, self_name_of(method)
        if method.owner is self.consumer.cls or name is None:
            return plain
        me = Bound(None, plain, SelfValue(self.consumer.cls))
        return Frame(plain.scope, {name: me}, plain.parent, plain.owner)

    def _frame(self, method: Method, call: m.Call) -> Frame:
        """Where the body of a helper is read for one call: its parameters are the caller's arguments."""
        caller = self.place.frame
        key = (id(method.node), id(call), id(caller))
        frame = self.frames.get(key)
        if frame is None:
            plain = method.frame
            assert plain.parent is not None
            function = FunctionValue(method.node, plain.parent, SelfValue(self.consumer.cls), method.owner)
            arguments = self.values.bind(function, call, caller) or {}
            frame = self.frames[key] = Frame(plain.scope, arguments, plain.parent, plain.owner)
        return frame

    def _returned(self, state: State, method: Method) -> State:
        if any(isinstance(node, m.Yield) for node in within(method.node.body)):
            return replace(state, value=UNSURE)
        return state

    def _foreign(self, func: m.Expr, node: m.Call, states: list[State]) -> list[State]:
        """A call of something that is not a method of this consumer."""
        passed = [
            index
            for index, arg in enumerate(node.args)
            if isinstance(arg.value, m.Name) and arg.value.id == self.place.self_name
        ]
        if not passed or self.place.self_name is None:
            return valueless(states)
        value = self.values.one(func, self.place.method.frame)
        if isinstance(value, FunctionValue) and isinstance(value.node, m.FunctionDef):
            params = [param for param in value.node.params if param.kind.startswith("positional")]
            index = passed[0] + (1 if value.receiver is not None else 0)
            if index < len(params) and node.args[passed[0]].keyword is None:
                owner = value.owner or self.consumer.cls
                method = Function(value.node, owner, value)
                return self._inline(method, params[index].name, node, states)
        if isinstance(value, ExternalValue) and value.dotted.startswith(_HARMLESS):
            if value.dotted == "builtins.setattr":
                return [replace(s, attributes=s.attributes | {ANY_ATTRIBUTE}, value=None) for s in states]
            return valueless(states)
        return [escaped(state) for state in states]

    def _later(self, node: m.Call, states: list[State]) -> list[State]:
        """A coroutine started as a task: what it does to the socket happens at some other time."""
        muted, self.muted = self.muted, True
        try:
            after = valueless(self.call(node, states))
        finally:
            self.muted = muted
        same = {(state.socket, state.closed_by, state.accepted_by) for state in states}
        if all((state.socket, state.closed_by, state.accepted_by) in same for state in after):
            return states
        return [unknown(state) for state in states]

    def _starts_task(self, node: m.Call) -> bool:
        func = node.func
        name = func.attr if isinstance(func, m.Attribute) else func.id if isinstance(func, m.Name) else ""
        return name in _TASK_STARTERS

    def _adapts(self, func: m.Call) -> bool:
        dotted = self.values.dotted(func.func, self.place.method.frame)
        return dotted == known.ASYNC_TO_SYNC or dotted in known.THREAD_RUNNERS

    def _fetched(self, func: m.Expr) -> bool:
        """`getattr(self, name)` or `self.handlers[key]`: some method of the consumer."""
        if isinstance(func, m.Call) and isinstance(func.func, m.Name) and func.func.id == "getattr" and func.args:
            return text(func.args[0].value) == self.place.self_name
        return isinstance(func, m.Subscript) and self._own_attribute(func.value) is not None

    def _is_super(self, node: m.Expr) -> bool:
        return isinstance(node, m.Call) and isinstance(node.func, m.Name) and node.func.id == "super"

    def _explicit(self, func: m.Attribute, node: m.Call) -> Method | None:
        """The method in `Base.method(self, …)`."""
        first = node.args[0].value if node.args else None
        if not (isinstance(first, m.Name) and first.id == self.place.self_name):
            return None
        value = self.values.one(func.value, self.place.method.frame)
        return value.cls.method(func.attr) if isinstance(value, ClassValue) else None

    def _occur(self, kind: str, node: m.Node, states: list[State], name: str, dropped: bool = False) -> Occurrence:
        outer = self.entry_call or node
        if self.muted:
            return Occurrence(kind, node, self.place.method, outer, name, [self.place.frame])
        key = (kind, id(node), id(outer))
        found = self.occurrences.get(key)
        if found is None:
            found = self.occurrences[key] = Occurrence(
                kind, node, self.place.method, outer, name, [], tuple(self.conditions), self.guards > 0, dropped
            )
        elif len(self.conditions) < len(found.conditions):
            found.conditions = tuple(self.conditions)
        if all(frame is not self.place.frame for frame in found.frames):
            found.frames.append(self.place.frame)
        found.before.update(states)
        if len(states) > MAX_STATES:
            raise GaveUp
        return found


class Function(Method):
    """A module function that is given the consumer."""

    def __init__(self, node: m.FunctionDef, owner: Class, value: FunctionValue) -> None:
        super().__init__(node, owner)
        self.__dict__["scope"] = value.frame.scope.child(node)
        self.__dict__["frame"] = owner.values.frame(self.scope)
        self._path = value.frame.path

    @property
    def path(self) -> str:
        return self._path

    @property
    def location(self) -> Location:
        return Location(self._path, self.node.name_span)

    def at(self, node: m.Node) -> Location:
        return Location(self._path, node.span)


STOCK = {
    "accept": "accept",
    "close": "close",
    "send": "send",
    "send_json": "send",
    "base_send": "send",
}

KEEPS_MEANING = frozenset(
    {
        "asgiref.sync.async_to_sync",
        "asgiref.sync.sync_to_async",
        "channels.db.database_sync_to_async",
        "builtins.staticmethod",
        "builtins.classmethod",
        "builtins.property",
        "typing.override",
        "typing_extensions.override",
        "abc.abstractmethod",
    }
)

_TASK_STARTERS = frozenset(
    {"create_task", "ensure_future", "run_coroutine_threadsafe", "start_soon", "call_later", "call_soon", "Thread"}
)

_HARMLESS = ("builtins.", "logging.", "time.", "json.", "asyncio.", "weakref.", "copy.")


def closes(node: m.Call) -> bool:
    """`send(…, close=…)`: a close after the frame."""
    given = argument(node, 1 << 30, "close")
    return given is not None and not (isinstance(given, m.Constant) and given.value in (False, None))


def self_name_of(method: Method) -> str | None:
    params = method.node.params
    return params[0].name if params and params[0].kind.startswith("positional") else None


def sends_by_call(stack: Stack) -> dict[int, str]:
    found: dict[int, str] | None = stack.__dict__.get("sends_by_call")
    if found is None:
        found = stack.__dict__["sends_by_call"] = {
            id(send.call): "channel_send" if send.method == "send" else send.method for send in stack.sends
        }
    return found
