"""Who changes an attribute of a consumer, and in which of its turns.

`while not self.done` in receive() ends only when somebody sets `self.done`. A task, a thread, a callback or the loop
itself can do that; disconnect() and the handlers of events cannot: Channels calls them when receive() has returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

from wslint.facts import model as m
from wslint.facts.walk import below, within
from wslint.flow.turn import Turn, Turns, walked
from wslint.stack.code.classes import Method
from wslint.stack.code.reach import running
from wslint.stack.code.values import CallValue, ExternalValue
from wslint.stack.model import Consumer

ANYTIME = "*"
"""The root of code that may run at any time: in a task, in a thread, as a callback, called from elsewhere."""

RELEASES = {
    "asyncio.Event": frozenset({"set"}),
    "threading.Event": frozenset({"set"}),
    "asyncio.Queue": frozenset({"put", "put_nowait"}),
    "asyncio.PriorityQueue": frozenset({"put", "put_nowait"}),
    "asyncio.LifoQueue": frozenset({"put", "put_nowait"}),
    "queue.Queue": frozenset({"put", "put_nowait"}),
    "asyncio.Future": frozenset({"set_result", "set_exception", "cancel"}),
}
"""The methods that let whoever waits for such an object go on."""

READS = (m.If, m.While, m.UnaryOp, m.BoolOp, m.Compare, m.Conditional, m.Await, m.Assert)
"""What may stand around an object without anything else getting hold of it."""


class Flags:
    """The attributes of one consumer."""

    def __init__(self, consumer: Consumer, turns: Turns) -> None:
        self.consumer = consumer
        self.turns = turns
        self.methods = [Method(code.node, code.frame.owner) for code in running(consumer.cls) if code.frame.owner]
        self.entries: dict[m.FunctionDef, Turn] = {turn.method.node: turn for turn in turns.of(consumer)}
        self._callers: dict[m.FunctionDef, list[m.FunctionDef]] = {}
        self._anytime: set[m.FunctionDef] = set()
        for method in self.methods:
            self._look_at(method)

    def _look_at(self, method: Method) -> None:
        """Who is called in place by a method, and who is handed on, started as a task or used in a nested function."""
        in_place = {
            id(node.func)
            for node, parents in walked(method.node.body)
            if isinstance(node, m.Call)
            and (target := self.named(node.func, method)) is not None
            and (not target.node.is_async or self.turns.wait(node, parents, method.frame) is not None)
        }
        for node, _ in walked(method.node.body, nested=True):
            target = self.named(node, method)
            if target is not None and id(node) in in_place:
                self._callers.setdefault(target.node, []).append(method.node)
            elif target is not None:
                self._anytime.add(target.node)

    @cached_property
    def _shared(self) -> bool:
        """Does anything besides its own methods get hold of the consumer?"""
        return any(
            isinstance(node, m.Name)
            and node.id == _first(method.node)
            and not isinstance(parents[-1], m.Attribute)
            and not _is_super(parents)
            for method in self.methods
            for node, parents in walked(method.node.body, nested=True)
        )

    def named(self, node: m.Node, method: Method) -> Method | None:
        """The method that `self.name` or `super().name` is."""
        match node:
            case m.Attribute(value=m.Name(id=name), attr=attr) if name == _first(method.node):
                return self.consumer.cls.method(attr)
            case m.Attribute(value=m.Call(func=m.Name(id="super")), attr=attr):
                return self.consumer.cls.method_after(method.owner, attr)
            case _:
                return None

    def roots(self, node: m.FunctionDef) -> frozenset[str]:
        """The turns that a method runs in, by name; ANYTIME for any other time."""
        found: set[str] = set()
        seen: set[m.FunctionDef] = set()
        work = [node]
        while work:
            current = work.pop()
            if current in seen:
                continue
            seen.add(current)
            if current in self.entries:
                found.add(self.entries[current].name)
            elif current.decorators:
                found.add(ANYTIME)
            if current in self._anytime:
                found.add(ANYTIME)
            work.extend(self._callers.get(current, ()))
        return frozenset(found)

    def run_by(self, body: Iterable[m.Node], function: m.FunctionDef) -> set[m.FunctionDef]:
        """The methods of the consumer that a part of a method, or of a function nested in one, runs."""
        found: set[m.FunctionDef] = set()
        around = (own for own in self.methods if own.node is function or _holds(own.node, function))
        work: list[tuple[Iterable[m.Node], Method]] = [(body, own) for own in around]
        while work:
            nodes, own = work.pop()
            for node in within(nodes):
                target = self.named(node, own)
                if target is not None and target.node not in found:
                    found.add(target.node)
                    work.append((target.node.body, target))
        return found

    def changed_in(self, attr: str) -> list[tuple[m.Node, m.FunctionDef]] | None:
        """Where `self.attr` is bound, with the method; None when it may change where that cannot be seen."""
        if not self._is_plain(attr):
            return None
        found: list[tuple[m.Node, m.FunctionDef]] = []
        for method in self.methods:
            for node, parents in walked(method.node.body, nested=True):
                for target in _bound_by(node):
                    if _is_own(target, attr, method.node):
                        if _is_nested(parents):
                            return None
                        found.append((target, method.node))
        return found

    def released_in(self, attr: str) -> list[tuple[m.Node, m.FunctionDef]] | None:
        """Where an event, queue or future in `self.attr` is set; None when that cannot be known."""
        releases = RELEASES.get(self._kind(attr) or "")
        if not self._is_plain(attr) or releases is None:
            return None
        found: list[tuple[m.Node, m.FunctionDef]] = []
        for method in self.methods:
            for node, parents in walked(method.node.body, nested=True):
                if not _is_own(node, attr, method.node) or not parents:
                    continue
                around = parents[-1]
                if isinstance(around, m.Attribute):
                    if around.attr in releases and _is_nested(parents):
                        return None
                    if around.attr in releases:
                        found.append((node, method.node))
                elif not _is_read(node, parents):
                    return None
        return found

    def _is_plain(self, attr: str) -> bool:
        """Is an attribute one that only this class and its project bases know?"""
        cls = self.consumer.cls
        known = cls.linked and cls.method(attr) is None and attr in cls.instance_assignments and attr not in _STOCK
        return known and not self._shared

    def _kind(self, attr: str) -> str | None:
        """The dotted name of what `self.attr` is an instance of, when every assignment says the same."""
        kinds = {
            self._made_by(value, method)
            for _, value, method in self.consumer.cls.instance_assignments.get(attr, ())
            if not (isinstance(value, m.Constant) and value.value is None)
        }
        return kinds.pop() if len(kinds) == 1 else None

    def _made_by(self, value: m.Expr | None, method: Method) -> str | None:
        made = self.turns.values.one(value, method.frame) if value is not None else None
        if not isinstance(made, CallValue):
            return None
        if isinstance(made.node.func, m.Attribute) and made.node.func.attr == "create_future":
            return "asyncio.Future"
        return made.callee.dotted if isinstance(made.callee, ExternalValue) else None


def _first(function: m.FunctionDef) -> str | None:
    return function.params[0].name if function.params else None


def _holds(function: m.FunctionDef, inner: m.FunctionDef) -> bool:
    return any(node is inner for node in below(function))


def _is_nested(parents: tuple[m.Node, ...]) -> bool:
    """Is a place in a nested function or lambda, which may run at any time?"""
    return any(isinstance(parent, (m.FunctionDef, m.Lambda)) for parent in parents)


def _is_own(node: m.Node, attr: str, function: m.FunctionDef) -> bool:
    match node:
        case m.Attribute(value=m.Name(id=name), attr=found):
            return found == attr and name == _first(function)
        case _:
            return False


def _bound_by(node: m.Node) -> Iterator[m.Node]:
    """What a statement binds, tuples taken apart."""
    match node:
        case m.Assign() if node.value is not None:
            work = list(node.targets)
        case m.AugmentedAssign() | m.For():
            work = [node.target]
        case m.Delete():
            work = list(node.targets)
        case m.WithItem() if node.target is not None:
            work = [node.target]
        case _:
            return
    while work:
        target = work.pop()
        if isinstance(target, m.Sequence):
            work.extend(target.items)
        else:
            yield target


def _is_read(node: m.Node, parents: tuple[m.Node, ...]) -> bool:
    """Does a place only look at an object, wait for it or bind its attribute?"""
    around = parents[-1]
    if isinstance(around, m.Argument) and len(parents) > 1:
        func = parents[-2].func if isinstance(parents[-2], m.Call) else None
        return isinstance(func, m.Attribute) and func.attr in ("wait_for", "shield")
    return isinstance(around, READS) or any(node is target for target in _bound_by(around))


def _is_super(parents: tuple[m.Node, ...]) -> bool:
    """Is an argument one of `super(Class, self)`?"""
    return len(parents) > 1 and isinstance(parents[-2], m.Call) and _name(parents[-2].func) == "super"


def _name(node: m.Expr) -> str | None:
    return node.id if isinstance(node, m.Name) else None


_STOCK = frozenset({"scope", "channel_layer", "channel_name", "groups", "base_send", "channel_receive"})
