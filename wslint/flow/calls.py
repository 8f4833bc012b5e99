"""Calls on a path: the consumer's own methods, `super()`, Channels' methods, functions that may reach the consumer."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.flow.bodies import Bodies, moved
from wslint.flow.decorators import Function, Undecorated
from wslint.flow.dispatch import chosen
from wslint.flow.holders import HARMLESS, is_property
from wslint.flow.occurrence import Occurrence
from wslint.flow.state import ACCEPTED, ANY_ATTRIBUTE, CONNECTING, State, escaped, joined, unknown, valueless
from wslint.flow.stock import CALLS, STOCK, closes, raw_send
from wslint.flow.subject import self_name_of
from wslint.flow.truth import UNSURE, structured
from wslint.knowledge import channels as known
from wslint.stack.code.classes import Method
from wslint.stack.code.supers import is_super, super_owner
from wslint.stack.code.values import (
    AttributeValue,
    ClassValue,
    Display,
    ExternalValue,
    FunctionValue,
    Literal,
    SelfValue,
    Value,
    argument,
)


class Calls(Bodies):
    """The part of a walk that follows calls."""

    def call(self, node: m.Call, states: list[State], *, awaited: bool = False, dropped: bool = False) -> list[State]:
        adapted = self._adapted(node.func)
        later = _starts_task(node)
        followed = self._is_followed(node.func) if any(self._is_direct(arg.value) for arg in node.args) else False
        for arg in node.args:
            if later and isinstance(arg.value, m.Call):
                states = self._later(arg.value, states)
            elif not self._is_self(arg.value) and not (followed and self._is_direct(arg.value)):
                states = valueless(self.expr(arg.value, states))
        if adapted is not None:
            assert isinstance(node.func, m.Call)
            for arg in node.func.args[1:]:
                states = valueless(self.expr(arg.value, states))
            return self._callee(adapted, node, states, dropped=False)
        return self._callee(node.func, node, states, dropped=dropped and not awaited)

    def _callee(self, func: m.Expr, node: m.Call, states: list[State], *, dropped: bool) -> list[State]:
        if id(node) in self.subject.sends:
            if isinstance(func, m.Attribute):
                states = valueless(self.expr(func.value, states))
            self.occur(self.subject.sends[id(node)], node, states, "", dropped)
            return self._skipped(states)
        if isinstance(func, m.Attribute):
            if is_super(func.value):
                return self._super(func.attr, func.value, node, states, dropped)
            if self._is_self(func.value):
                return self._own(func.attr, node, states, dropped)
            states = valueless(self.expr(func.value, states))
            if self._takes_self(node):
                explicit = self._explicit(func, node, states, dropped)
                if explicit is not None:
                    return explicit
        elif isinstance(func, m.Lambda):
            return valueless(self.expr(func.body, states))
        elif isinstance(func, (m.Subscript, m.Call)):
            names = chosen(func, self.place.frame, self.subject.stack, self.consumer)
            if names is not None:
                return self._any_of(names, func, node, states, dropped)
            states = valueless(self.expr(func, states))
        elif not isinstance(func, m.Name):
            states = valueless(self.expr(func, states))
        return self._foreign(func, node, states, dropped)

    # --- methods of the consumer ---

    def _own(self, name: str, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        """`self.name(…)`."""
        method = self.consumer.method(name)
        if method is not None:
            return self.inline(method, self_name_of(method), node, states)
        if name in STOCK:
            return self._stock(name, node, states, dropped)
        if name in self.consumer.cls.instance_assignments:
            held = self.subject.holders.attribute(name)
            return self._handed(states) if held else self._skipped(states)
        return self._skipped(states) if name == "channel_layer" else self._inherited(name, node, states)

    def _super(self, name: str, around: m.Call, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        """`super().name(…)`."""
        owner = super_owner(around, self.place.method.owner, self.place.frame)
        method = self.consumer.cls.method_after(owner, name) if owner is not None else None
        if method is not None:
            return self.inline(method, self_name_of(method), node, states)
        if owner is None or not self.consumer.complete:
            return self._handed(states)
        return self._beyond(name, node, states, dropped)

    def _beyond(self, name: str, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        """A method of Channels' own class, the project's overrides left aside."""
        if name == "connect" and self.consumer.is_websocket:
            return self._stock("accept", node, states, dropped)
        if name in STOCK:
            return self._stock(name, node, states, dropped)
        return self._inherited(name, node, states)

    def _inherited(self, name: str, node: m.Call, states: list[State]) -> list[State]:
        """A method of Channels' consumers, which may call one of the project: `super().receive()` and receive_json."""
        called = CALLS.get(name)
        if not self.consumer.complete or called == "*":
            return self._handed(states)
        if called is None or (name == "receive" and self.consumer.kind != "json"):
            return self._skipped(states)
        method = self.consumer.method(called)
        if method is not None:
            return self.inline(method, self_name_of(method), self.call_of(node), states)
        if called == "connect" and self.consumer.is_websocket:
            return self._stock("accept", node, states, False)
        return valueless(states)

    def _stock(self, name: str, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        """A method of Channels' consumers that acts on the connection."""
        kind = STOCK[name]
        if name == "base_send" or (name == "send" and self.consumer.kind == "raw"):
            kind = raw_send(node)
        occurrence = self.occur(kind, node, states, name, dropped)
        last = closes(node) if kind == "send" else None
        value = self.values.one(last, self.place.frame) if last is not None else None
        if last is not None and not (isinstance(value, Literal) and value.value in (False, None)):
            occurrence = self.occur("close", node, states, name, dropped)
            left = [self.closed(state, occurrence) for state in states]
            if isinstance(value, Literal):
                return valueless(left)
            return valueless([*states, *(state.but(doubt=1) for state in left)])
        if kind == "accept":
            return valueless(accepted(states, occurrence))
        if kind == "close":
            return valueless(self.closed(state, occurrence) for state in states)
        return valueless(states)

    # --- what is not written as a method of the consumer ---

    def _foreign(self, func: m.Expr, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        frame, holders = self.place.frame, self.subject.holders
        given = any(
            self._is_self(arg.value) or (not self._is_direct(arg.value) and holders.hold(arg.value, frame))
            for arg in node.args
        )
        local = isinstance(func, m.Name) and self._is_local(func)
        if not (given or local or self._reaches(func) or any(self._is_direct(arg.value) for arg in node.args)):
            return self._skipped(states)
        found = self.values.of(func, frame)
        followed = self._follow(found[0], node, states, dropped) if len(found) == 1 else None
        if followed is not None:
            return followed
        if not given and not holders.hold(func, frame):
            return self._skipped(states)
        names = chosen(func, frame, self.subject.stack, self.consumer)
        return self._handed(states) if names is None else self._any_of(names, func, node, states, dropped)

    def _any_of(self, names: list[str], func: m.Expr, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        """One of some methods of the consumer is called; what chooses it decides whether it closes."""
        after = [state for name in names for state in self._own(name, node, states, dropped)]
        return joined(self.tie_bound(states, after, (func,))) if names else self._skipped(states)

    def _skipped(self, states: list[State]) -> list[State]:
        """A call that does nothing to the consumer; it may raise."""
        self.may_throw(states)
        return valueless(states)

    def _handed(self, states: list[State]) -> list[State]:
        """A call that may do anything to the consumer."""
        self.may_throw(states)
        return joined(escaped(state) for state in states)

    def _follow(self, value: Value, node: m.Call, states: list[State], dropped: bool) -> list[State] | None:
        """Run what is called; None when it cannot be followed."""
        match value:
            case AttributeValue(value=SelfValue(cls=cls), attr=name) if cls in self.consumer.cls.ancestry:
                return self._own(name, node, states, dropped)
            case AttributeValue(value=Display()):
                return self._skipped(states)  # handlers.get(kind)
            case FunctionValue(receiver=SelfValue(cls=cls)) if cls not in self.consumer.cls.ancestry:
                return None  # a method of something else, which may have the consumer
            case FunctionValue(node=m.FunctionDef() as body):
                function = Function(value, value.owner or self.place.method.owner)
                after = self.inline(function, self._name_in(value, node), node, states)
                for name in self.subject.code(body, None).outward:
                    after = self.bind(name, after)
                return after
            case FunctionValue(node=m.Lambda() as inner) if not inner.params:
                return valueless(self.expr(inner.body, states))
            case ExternalValue(dotted="builtins.setattr") if self._takes_self(node):
                name = _literal(node, 1) or ANY_ATTRIBUTE
                return [state.but(attributes=state.attributes | {name}, value=UNSURE) for state in states]
            case ExternalValue(dotted="builtins.delattr") if self._takes_self(node):
                name = _literal(node, 1) or ""
                return [state.but(attributes=state.attributes - {name}, value=UNSURE) for state in states]
            case ExternalValue(dotted="builtins.vars"):
                return [state.but(attributes=state.attributes | {ANY_ATTRIBUTE}, value=UNSURE) for state in states]
            case ExternalValue(dotted=dotted) if dotted.startswith(HARMLESS) and dotted != "builtins.setattr":
                return self._skipped(states)
            case _:
                return None

    def _takes_self(self, node: m.Call) -> bool:
        return bool(node.args) and self._is_self(node.args[0].value)

    def _name_in(self, value: FunctionValue, node: m.Call) -> str | None:
        """What the consumer is called in a function: the parameter it is given as, else its name around."""
        params = value.node.params
        first = params[0].name if params and params[0].kind.startswith("positional") else None
        if isinstance(value, Undecorated) or isinstance(value.receiver, SelfValue):
            return first
        positional = [param.name for param in params if param.kind.startswith("positional")]
        if value.receiver is not None:
            positional = positional[1:]
        for index, arg in enumerate(node.args):
            if arg.star == "*":
                break
            if self._is_self(arg.value):
                return arg.keyword or (positional[index] if index < len(positional) else None)
        around = self.place.self_name
        nested = value.node in self.place.code.nested.values()
        return around if nested and all(param.name != around for param in params) else None

    def _explicit(self, func: m.Attribute, node: m.Call, states: list[State], dropped: bool) -> list[State] | None:
        """`Base.method(self, …)`; None when it is something else."""
        value = self.values.one(func.value, self.place.frame)
        if isinstance(value, ExternalValue) and value.dotted in known.CHANNELS_CONSUMERS:
            return self._beyond(func.attr, node, states, dropped)
        method = value.cls.method(func.attr) if isinstance(value, ClassValue) else None
        name = self_name_of(method) if method is not None else None
        return None if method is None or name is None else self.inline(method, name, node, states)

    # --- what runs at some other time ---

    def _later(self, node: m.Call, states: list[State]) -> list[State]:
        """A coroutine started as a task: what it does to the socket happens at some other time."""
        with self.quietly(), self.catch():
            after = self.call(node, states)
        return [unknown(state) for state in states] if moved(states, after) else valueless(states)

    def somewhen(self, node: m.Expr, states: list[State]) -> list[State]:
        """Something that can be called is handed on: it may run at any time, or never."""
        name = self.own_attribute(node)
        if isinstance(node, m.Lambda):
            with self.quietly(), self.catch():
                after = self.expr(node.body, states)
        elif name is not None:
            method = self.consumer.method(name)
            if method is None:
                return [escaped(state) for state in states]
            if method.node in self.active:
                self.recursive.add(method.node)
                return states
            with self.quietly(), self.catch():
                after = self.inline(method, self_name_of(method), self.call_of(node), states)
        else:
            with self.quietly(), self.catch():
                after = self._foreign(node, self.call_of(node), states, False)
        return [unknown(state) for state in states] if moved(states, after) else states

    def alias(self, node: m.Expr, states: list[State]) -> list[State]:
        """`close = self.close`, `handlers = {"join": self.join}`: names for methods, followed where they are called."""
        if isinstance(node, m.Dict):
            for item in node.items:
                if item.key is not None:
                    states = valueless(self.expr(item.key, states))
                states = self.alias(item.value, states)
            return [state.valued(structured(node)) for state in states]
        name = self.own_attribute(node)
        method = self.consumer.method(name) if name is not None else None
        if name is not None and (name in STOCK or (method is not None and not is_property(method.node))):
            self.occur("read", node, states, name)
            return [state.valued(True) for state in states]
        return self.expr(node, states)

    def read_property(self, method: Method, node: m.Attribute, states: list[State]) -> list[State]:
        return self.inline(method, self_name_of(method), self.call_of(node), states)

    def keeps(self, value: m.Name, targets: tuple[m.Expr, ...]) -> bool:
        """Is the consumer, or what has it, put where others find it (`connections[key] = self`)?"""
        elsewhere = [target for target in targets if self.own_attribute(target) is None]
        foreign = any(isinstance(target, (m.Subscript, m.Attribute)) for target in elsewhere)
        return foreign and self.subject.holders.hold(value, self.place.frame)

    # --- questions ---

    def _is_self(self, node: m.Expr) -> bool:
        """Is it the consumer, under whatever local name?"""
        if not isinstance(node, m.Name):
            return False
        if node.id == self.place.self_name:
            return True
        scope = self.place.frame.scope
        return scope.is_function and node.id in scope.bindings and self.subject.holders.is_self(node, self.place.frame)

    def _is_direct(self, node: m.Expr) -> bool:
        """Is it a method, a nested function or a lambda by name: what it does is known?"""
        if isinstance(node, m.Name):
            return node.id in self.place.code.nested
        name = self.own_attribute(node)
        return isinstance(node, m.Lambda) or (name is not None and self.subject.holders.is_method(name))

    def _is_followed(self, func: m.Expr) -> bool:
        """Is a function of the project called, in which its arguments are followed?"""
        value = self.values.one(func, self.place.frame)
        return isinstance(value, FunctionValue) and isinstance(value.node, m.FunctionDef)

    def _is_local(self, name: m.Name) -> bool:
        """Is it a nested function, or a local name for something that has the consumer?"""
        owner = self.place.frame.scope.owner(name.id)
        if owner is None or not owner.is_function:
            return False
        nested = any(isinstance(binding.source, m.FunctionDef) for binding in owner.bindings[name.id])
        return nested or self.subject.holders.hold(name, self.place.frame)

    def _reaches(self, func: m.Expr) -> bool:
        if isinstance(func, m.Attribute):
            return self.subject.holders.hold(func.value, self.place.frame)
        return not isinstance(func, m.Name) and self.subject.holders.hold(func, self.place.frame)

    def _adapted(self, func: m.Expr) -> m.Expr | None:
        """The `function` of `async_to_sync(function)(…)`."""
        if not isinstance(func, m.Call) or not func.args or func.args[0].keyword or func.args[0].star:
            return None
        dotted = self.values.dotted(func.func, self.place.frame)
        return func.args[0].value if dotted == known.ASYNC_TO_SYNC or dotted in known.THREAD_RUNNERS else None

    def returns_coroutine(self, node: m.Expr) -> bool:
        """`return self.close()` in a coroutine: whether anybody awaits it is not known."""
        if not self.place.method.node.is_async or not isinstance(node, m.Call):
            return False
        name = self.own_attribute(node.func)
        if name is None or self.consumer.is_async is not True:
            return False
        method = self.consumer.method(name)
        return name in STOCK if method is None else method.node.is_async


def accepted(states: list[State], by: Occurrence) -> list[State]:
    return [state.but(socket=ACCEPTED, accepted_by=by) if state.socket == CONNECTING else state for state in states]


_TASK_STARTERS = frozenset(
    {"create_task", "ensure_future", "run_coroutine_threadsafe", "start_soon", "call_later", "call_soon", "Thread"}
)


def _starts_task(node: m.Call) -> bool:
    func = node.func
    name = last_name(func)
    return name in _TASK_STARTERS


def _literal(node: m.Call, position: int) -> str | None:
    given = argument(node, position)
    return given.value if isinstance(given, m.Constant) and isinstance(given.value, str) else None
