"""What becomes of a connection in a middleware: on every path it is handed on, or answered, or lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from wslint.facts import model as m
from wslint.facts.walk import below, within
from wslint.stack.code.functions import call_uses
from wslint.stack.code.values import Frame, FunctionValue, Values
from wslint.stack.middleware.gates import Gate
from wslint.stack.model import CallUse

CLOSES = frozenset({"websocket.close"})


@dataclass(frozen=True)
class State:
    """Where a path is. `answered`: something had `send`; `closed`: the call that closed; `doubt`: it may not be."""

    answered: bool = False
    closed: m.Call | None = None
    doubt: bool = False
    flags: frozenset[tuple[str, bool]] = frozenset()

    def where(self, name: str, true: bool) -> State | None:
        """The path on which a variable is true or false; None when it was found to be the other before."""
        if (name, not true) in self.flags:
            return None
        return replace(self, flags=self.flags | {(name, true)})


States = frozenset[State]

MAX_STATES = 64
"""Ways through a function that are told apart; what has more is not judged."""


@dataclass(eq=False)
class Paths:
    """The paths of one application function: how they end, and what is run behind a close."""

    exits: list[tuple[State, m.Node]] = field(default_factory=list)
    behind_close: list[tuple[m.Call, m.Call]] = field(default_factory=list)

    @property
    def lost(self) -> list[m.Node]:
        """The ends (a `return`, or the function for its last line) of paths that neither hand on nor answer."""
        return list(dict.fromkeys(node for state, node in self.exits if not state.answered and not state.doubt))


def inner_calls(gate: Gate, function: m.FunctionDef, frame: Frame) -> Iterator[CallUse]:
    """The calls of the inner application that stand in the application function itself; not those that make one."""
    names = _inner_names(gate)
    for use in call_uses(frame.scope):
        if use.node.args and is_inner(use.node, gate, function, names):
            yield use


def takes_connection(gate: Gate, function: m.FunctionDef) -> bool:
    """Is an application function called with (scope, receive, send) and nothing else?"""
    params = function.params[1:] if gate.cls is not None else function.params
    return len(params) == 3 and not any(param.default or not param.kind.startswith("positional") for param in params)


def inner_name(call: m.Call) -> str:
    """How a call names the inner application."""
    match call.func:
        case m.Attribute(value=m.Name(id=owner), attr=attr):
            return f"{owner}.{attr}"
        case m.Name(id=name):
            return name
        case _:
            return "super().__call__"


def lacks_arguments(call: m.Call) -> bool:
    return len(call.args) < 3 and not any(arg.star for arg in call.args)


def is_inner(call: m.Call, gate: Gate, function: m.FunctionDef, names: frozenset[str]) -> bool:
    match call.func:
        case m.Name(id=name):
            return gate.cls is None and name in names
        case m.Attribute(value=m.Name(id=owner), attr=attr):
            return gate.cls is not None and bool(function.params) and owner == function.params[0].name and attr in names
        case m.Attribute(value=m.Call(func=m.Name(id="super")), attr="__call__"):
            return gate.cls is not None
        case _:
            return False


def _inner_names(gate: Gate) -> frozenset[str]:
    """The names under which it keeps what it wraps."""
    if gate.cls is None:
        return frozenset(param.name for param in gate.function.params[:1]) if gate.function is not None else frozenset()
    init = gate.cls.method("__init__")
    if init is None:
        return frozenset({"inner"})
    first = {param.name for param in init.node.params[1:2]}
    return frozenset(
        name
        for name, assigned in gate.cls.instance_assignments.items()
        if all(isinstance(value, m.Name) and value.id in first and where is init for _, value, where in assigned)
    ) | ({"inner"} if gate.cls.derives_from("channels.middleware.BaseMiddleware") else frozenset())


def paths_of(gate: Gate, function: m.FunctionDef, frame: Frame) -> Paths | None:
    """The paths of an application function; None when it takes the connection in another way."""
    params = function.params[1:] if gate.cls is not None else function.params
    if not takes_connection(gate, function) or any(isinstance(node, m.Yield) for node in within(function.body)):
        return None
    walk = _Walk(gate, function, frame, params[0].name, params[2].name)
    for state in walk.block(function.body, frozenset({State()})):
        walk.paths.exits.append((state, function))
    return walk.paths


class _Walk:
    def __init__(self, gate: Gate, function: m.FunctionDef, frame: Frame, scope: str, send: str) -> None:
        self.gate, self.function, self.frame, self.scope = gate, function, frame, scope
        self.values: Values = gate.guards.stack.values
        self.inner = _inner_names(gate)
        self.send = send
        self.speaking = {send} | {
            node.name
            for node in within(function.body)
            if isinstance(node, m.FunctionDef)
            and any(isinstance(one, m.Name) and one.id == send for one in below(node))
        }
        self.paths = Paths()
        self.left: list[set[State]] = []

    # --- statements ---

    def block(self, body: Iterable[m.Stmt], states: States) -> States:
        for statement in body:
            if not states:
                break
            states = self.statement(statement, states)
            if len(states) > MAX_STATES:
                states = frozenset(replace(state, flags=frozenset(), doubt=True) for state in states)
        return states

    def statement(self, node: m.Stmt, states: States) -> States:
        match node:
            case m.Return():
                states = self.expr(node.value, states)
                self.paths.exits += [(state, node) for state in states]
                return frozenset()
            case m.Raise():
                return frozenset()
            case m.Jump(kind="break" | "continue"):
                if self.left:
                    self.left[-1] |= states
                return frozenset()
            case m.If():
                return self.branches(node, self.expr(node.test, states))
            case m.While() | m.For():
                return self.loop(node, states)
            case m.Try():
                return self.tries(node, states)
            case m.With():
                for item in node.items:
                    states = self.expr(item.value, states)
                return self.block(node.body, states)
            case m.Match():
                states = self.expr(node.subject, states)
                after = [self.block(case.body, _doubted(states)) for case in node.cases]
                return _doubted(states).union(*after)
            case m.Assign(targets=targets):
                names = {one.id for one in within(targets) if isinstance(one, m.Name)}
                kept = (replace(one, flags=frozenset(f for f in one.flags if f[0] not in names)) for one in states)
                return self.expr(node, frozenset(kept))
            case m.FunctionDef() | m.ClassDef() | m.Import() | m.Scoped():
                return states
            case _:
                return self.expr(node, states)

    def branches(self, node: m.If, states: States) -> States:
        body = orelse = states
        match node.test:
            case m.Name(id=name):
                body, orelse = _where(states, name, true=True), _where(states, name, true=False)
            case m.UnaryOp(op="not", operand=m.Name(id=name)):
                body, orelse = _where(states, name, true=False), _where(states, name, true=True)
            case test:
                others = self._of_type(test)
                body, orelse = (_doubted(states) if other else states for other in others)
        return self.block(node.body, body) | self.block(node.orelse, orelse)

    def _of_type(self, test: m.Expr) -> tuple[bool, bool]:
        """Do the arms of a test serve other connections than websockets?"""
        match test:
            case m.Compare(op="==" | "!=" as op, left=m.Subscript(index=m.Constant(value="type")), right=right):
                if isinstance(right, m.Constant) and right.value == "websocket":
                    return op == "!=", op == "=="
                return op == "==", op == "!="
            case _:
                asks = any(isinstance(one, m.Constant) and one.value == "type" for one in within((test,)))
                return asks, asks

    def loop(self, node: m.While | m.For, states: States) -> States:
        states = self.expr(node.test if isinstance(node, m.While) else node.iterable, states)
        self.left.append(set())
        out = self.block(node.body, states)
        left = self.left.pop()
        if isinstance(node, m.While) and isinstance(node.test, m.Constant) and node.test.value:
            return _doubted(frozenset(left))
        return self.block(node.orelse, states | out) | _doubted(frozenset(left))

    def tries(self, node: m.Try, states: States) -> States:
        out = self.block(node.orelse, self.block(node.body, states))
        speaks = any(self._speaks(one) for one in within(node.body))
        for handler in node.handlers:
            out |= self.block(handler.body, _doubted(states) if speaks else states)
        if any(self._speaks(one) for one in within(node.finalbody)):
            self.paths.exits = [(replace(state, doubt=True), end) for state, end in self.paths.exits]
        return self.block(node.finalbody, out)

    # --- expressions ---

    def expr(self, node: m.Node | None, states: States) -> States:
        if node is None:
            return states
        for found in within((node,)):
            if isinstance(found, m.Call) and is_inner(found, self.gate, self.function, self.inner):
                self.paths.behind_close += [(one.closed, found) for one in states if one.closed and not one.doubt]
                states = frozenset(replace(state, answered=True) for state in states)
            elif isinstance(found, m.Call) and self.closes(found):
                states = frozenset(replace(state, answered=True, closed=found) for state in states)
            elif self._speaks(found):
                states = frozenset(replace(state, answered=True) for state in states)
        return states

    def _speaks(self, node: m.Node) -> bool:
        return isinstance(node, m.Name) and node.id in self.speaking

    def closes(self, call: m.Call) -> bool:
        """`send({"type": "websocket.close"})`, or a function of the project that is given send and does just that."""
        if isinstance(call.func, m.Name) and call.func.id == self.send:
            return sends_close(call)
        given = [arg for arg in call.args if isinstance(arg.value, m.Name) and arg.value.id == self.send]
        function = self.values.one(call.func, self.frame) if given else None
        if not isinstance(function, FunctionValue) or not isinstance(function.node, m.FunctionDef):
            return False
        names = {param.name for param in function.node.params}
        said = [
            one
            for one in within(function.node.body)
            if isinstance(one, m.Call)
            and isinstance(one.func, m.Name)
            and one.func.id in names
            and "send" in one.func.id
        ]
        straight = not any(isinstance(one, (m.If, m.For, m.While, m.Match)) for one in within(function.node.body))
        return straight and len(said) == 1 and sends_close(said[0])


def sends_close(call: m.Call) -> bool:
    if len(call.args) != 1 or not isinstance(call.args[0].value, m.Dict):
        return False
    return any(
        isinstance(item.key, m.Constant)
        and item.key.value == "type"
        and isinstance(item.value, m.Constant)
        and item.value.value in CLOSES
        for item in call.args[0].value.items
    )


def _doubted(states: States) -> States:
    return frozenset(replace(state, doubt=True) for state in states)


def _where(states: States, name: str, *, true: bool) -> States:
    return frozenset(found for state in states if (found := state.where(name, true)) is not None)
