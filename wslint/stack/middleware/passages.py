"""The code that a connection passes in a middleware of the project: its application, and what that calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import calls_within, contains, within
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.guarded import catches, handles, raises_again, swallows
from wslint.stack.code.values import CallValue, ClassValue, Frame, FunctionValue, Value, Values
from wslint.stack.middleware.gates import Gate
from wslint.stack.middleware.guards import NEUTRAL_WRAPPERS, Guards
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.model import Stack, Wrapper

MAX_DEPTH = 4
MAX_PASSAGES = 60
"""How many calls of functions are followed from one middleware."""

_TRUSTED = frozenset({"user", "session", "type", "state"})
"""Scope keys that no client writes."""


@dataclass(eq=False, frozen=True)
class Passage:
    """One call of a function while a connection passes; `call` stands in `caller`, None for what the server calls."""

    node: m.FunctionDef
    frame: Frame
    caller: Passage | None
    call: m.Call | None
    values: Values

    def at(self, node: m.Node) -> Location:
        return self.frame.at(node)

    @property
    def way(self) -> Iterator[tuple[Passage, m.Call | None]]:
        """This passage and its callers, each with the call in it that leads here."""
        passage, call = self, None
        yield passage, call
        while passage.caller is not None:
            passage, call = passage.caller, passage.call
            yield passage, call

    @property
    def depth(self) -> int:
        return sum(1 for _ in self.way) - 1

    def catches(self, node: m.Node, names: frozenset[str]) -> bool:
        """Does anything from here to the server catch one of these exceptions that a node raises, or may it?"""
        for passage, call in self.way:
            if passage._catches_here(call or node, names):
                return True
            around = passage.frame.parent
            if around is not None and any(swallows(one, around, self.values) for one in passage.node.decorators):
                return True
        return False

    def _catches_here(self, node: m.Node, names: frozenset[str]) -> bool:
        for block in within(self.node.body):
            if not isinstance(block, (m.Try, m.With)) or not any(contains(one.span, node.span) for one in block.body):
                continue
            if isinstance(block, m.With):
                if catches(block, names, self.frame, self.values):
                    return True
            elif any(
                not raises_again(handler)
                for handler in block.handlers
                if handles(handler, names, self.frame, self.values)
            ):
                return True
        return False

    def is_of_client(self, expr: m.Expr) -> bool:
        """Is an expression made of something that the client sends with the handshake?"""
        return is_of_client(expr, self.frame)


def application_of(gate: Gate) -> tuple[m.FunctionDef, Frame] | None:
    """What a server would call: the class's `__call__`, or the function that a function middleware returns."""
    values = gate.guards.stack.values
    if gate.cls is not None:
        method = gate.cls.method("__call__")
        return None if method is None else (method.node, method.frame)
    assert gate.function is not None
    returned = {
        item.value.id for item in gate.function.body if isinstance(item, m.Return) and isinstance(item.value, m.Name)
    }
    for code in gate.codes:
        parent = code.frame.parent
        if code.node.name in returned and parent is not None and parent.scope.node is gate.function:
            return code.node, values.frame(code.frame.scope)
    return None


def uses_of(gate: Gate, stack: Stack) -> list[Wrapper]:
    """Where a middleware is applied; test code left out."""
    return [wrapper for wrapper in stack.wrappers if not wrapper.in_tests and gate.is_in(wrapper)]


def is_called_with_scope_alone(gate: Gate, stack: Stack) -> bool:
    """Is it written for the double call of Channels 2, and fails as a whole since (M06)?"""
    entry = application_of(gate)
    if entry is None or stack.packages.surely_below("channels", "3"):
        return False
    params = entry[0].params[1:] if gate.cls is not None else entry[0].params
    return len(params) == 1 and params[0].kind.startswith("positional") and params[0].name == "scope"


def is_made_for_connection(gate: Gate, uses: list[Wrapper]) -> bool:
    """Is an instance of it made for each connection, in a function that is given the scope?"""
    values = gate.guards.stack.values
    for wrapper in uses:
        node = wrapper.frame.scope.node
        if isinstance(node, m.FunctionDef) and any(param.name == "scope" for param in node.params):
            return True
    return any(
        isinstance(value, ClassValue) and value.cls is gate.cls
        for function in gate.guards.stack.functions
        if any(param.name == "scope" for param in function.node.params)
        for use in function.calls
        for value in values.of(use.node.func, function.frame)
    )


def caught_outside(gate: Gate, stack: Stack) -> bool:
    """Does a wrapper around it, where it is applied, catch exceptions, or may it?"""
    for mount in stack.mounts:
        for index, wrapper in enumerate(mount.wrappers):
            if gate.is_in(wrapper) and any(_may_catch(outer, gate.guards) for outer in mount.wrappers[:index]):
                return True
    return False


def _may_catch(wrapper: Wrapper, guards: Guards) -> bool:
    if wrapper.dotted is not None:
        return not wrapper.dotted.startswith(("channels.", *NEUTRAL_WRAPPERS))
    gate = guards.gate_of(wrapper)
    if gate is None:
        return True
    return any(
        isinstance(node, m.Try) and any(len(call.args) >= 3 for call in calls_within(node.body)) and node.handlers
        for code in gate.codes
        for node in code.nodes()
    )


def passages(gate: Gate) -> list[Passage]:
    """Every function that runs for a connection before the inner application gets it, callers first."""
    entry = application_of(gate)
    return [] if entry is None else passages_from(*entry, gate.guards.stack.values)


def passages_from(node: m.FunctionDef, frame: Frame, values: Values) -> list[Passage]:
    """A function and every one that it calls, callers first."""
    found: list[Passage] = []
    work = [Passage(node, frame, None, None, values)]
    while work and len(found) < MAX_PASSAGES:
        passage = work.pop()
        found.append(passage)
        if passage.depth < MAX_DEPTH:
            work.extend(list(_called(passage))[::-1])
    return found


def _called(passage: Passage) -> Iterator[Passage]:
    active = {id(one.node) for one, _ in passage.way}
    for call in calls_within(passage.node.body):
        for function in _functions(call, passage.frame, passage.values):
            if id(function.node) in active or not isinstance(function.node, m.FunctionDef):
                continue
            frame = passage.values.enter(function, call, passage.frame, decorated=True)
            if frame is not None:
                yield Passage(function.node, frame, passage, call, passage.values)


def _functions(call: m.Call, frame: Frame, values: Values) -> list[FunctionValue]:
    """The project functions that a call runs, `sync_to_async(function)(…)` included; none when others may be meant."""
    found: list[Value] = []
    for value in values.of(call.func, frame):
        if isinstance(value, CallValue) and value.dotted in known.SYNC_TO_ASYNC and value.node.args:
            found += values.of(value.node.args[0].value, value.frame)
        else:
            found.append(value)
    functions = [value for value in found if isinstance(value, FunctionValue)]
    return functions if len(functions) == len(found) == 1 else []


def is_of_client(expr: m.Expr, frame: Frame, depth: int = 0, seen: set[tuple[int, int]] | None = None) -> bool:
    """Is an expression made of the scope (but for what the server and other middleware put there)?"""
    seen = set() if seen is None else seen
    if depth > 10 or (id(expr), id(frame)) in seen:
        return False
    seen.add((id(expr), id(frame)))
    trusted = {
        id(node.value)
        for node in within((expr,))
        if isinstance(node, m.Subscript) and isinstance(node.index, m.Constant) and node.index.value in _TRUSTED
    }
    for node in within((expr,)):
        if isinstance(node, (m.Name, m.Attribute)) and is_scope(node) and id(node) not in trusted:
            return True
        if isinstance(node, m.Name) and id(node) not in trusted and _is_named_after_client(node, frame, depth, seen):
            return True
    return False


def _is_named_after_client(name: m.Name, frame: Frame, depth: int, seen: set[tuple[int, int]]) -> bool:
    owner = frame.scope.owner(name.id)
    home: Frame | None = frame
    while home is not None and home.scope is not owner:
        home = home.parent
    if owner is None or home is None or not owner.is_function:
        return False
    for binding in owner.reaching(name.id, name.span if home is frame else None):
        match binding.source:
            case m.Parameter():
                bound = home.arguments.get(name.id)
                given = None if bound is None else bound.expr
                if bound is not None and given is not None and is_of_client(given, bound.frame, depth + 1, seen):
                    return True
            case m.For(iterable=iterable):
                if is_of_client(iterable, home, depth + 1, seen):
                    return True
            case _:
                if binding.value is not None and is_of_client(binding.value, home, depth + 1, seen):
                    return True
    return False
