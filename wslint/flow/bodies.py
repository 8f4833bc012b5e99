"""Function bodies on a path: entered through their decorators, with the caller's arguments, each way once."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.flow.conditions import Conditions
from wslint.flow.decorators import Decorated, Function, decorated
from wslint.flow.keys import is_own
from wslint.flow.path import Place
from wslint.flow.state import ANYTHING, Out, State, escaped, joined, unknown, valueless
from wslint.flow.stock import STOCK
from wslint.flow.subject import Code, Subject, self_name_of
from wslint.flow.truth import UNSURE, Sure, literal_truth
from wslint.stack.code.classes import Method
from wslint.stack.code.values import AttributeValue, Bound, Frame, FunctionValue, Literal, SelfValue

MAX_DEPTH = 12
"""How deep helpers are followed."""

BOUND_DEPTH = 3
"""How deep they are told apart by the arguments they are given."""


class Bodies(Conditions):
    """Running functions of the project as part of a path."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self.active: list[m.FunctionDef] = []
        self.recursive: set[m.FunctionDef] = set()
        self._memo: dict[tuple[object, ...], Out] = {}
        self._frames: dict[tuple[object, ...], tuple[Frame, object]] = {}
        self._calls: dict[int, m.Call] = {}

    def inline(self, method: Method, self_name: str | None, call: m.Call, states: list[State]) -> list[State]:
        """Run a function for one call; what is known of the caller's names stays out of it."""
        groups: dict[frozenset[tuple[str, Sure]], list[State]] = {}
        for state in states:
            own = frozenset(filter(is_own, state.facts))
            groups.setdefault(state.facts - own, []).append(state.but(facts=own, value=UNSURE))
        left: list[State] = []
        outermost = self.entry_call is None
        if outermost:
            self.entry_call = call
        try:
            for facts, entering in groups.items():
                after = self._through(method, self_name, call, joined(entering))
                for state in self._told(call, entering, after):
                    left.append(state.but(facts=facts | frozenset(filter(is_own, state.facts))))
        finally:
            if outermost:
                self.entry_call = None
        return joined(left)

    def _told(self, call: m.Call, before: list[State], after: list[State]) -> list[State]:
        """What decided about a close in a helper is, for its caller, hidden in the arguments and the attributes."""
        closes = {state.closed_by for state in before}
        told = frozenset[str]().union(*(state.tied for state in after if state.closed_by not in closes))
        if all(state.closed_by in closes for state in after):
            return after
        given = self.asked_here().union(*(self.keys.paths(arg.value) for arg in call.args))
        return [
            state.but(tied=frozenset(path for path in state.tied | told if path.startswith("self.")) | given)
            for state in after
        ]

    def _through(self, method: Method, self_name: str | None, call: m.Call, states: list[State]) -> list[State]:
        """Enter a function through its decorators."""
        run = self.decorated(method)
        if run.method is not method:
            self_name = self_name_of(run.method)
        frame = self._frame(run.method, self_name, call)
        code = self.subject.code(run.method.node, self_name)
        given = self._given(code, frame)
        if given:
            states = [state.but(facts=state.facts | given) for state in states]
        out = self.body(run.method, self_name, states, frame)
        generates = code.generates
        after = [state.valued(None) for state in out.next]
        after += [state.valued(UNSURE) if generates else state for state, _ in out.returned]
        if run.foreign is None:
            return [escaped(state) for state in after or states]
        if generates:
            after = valueless(after) or states  # a generator need not be run to its end
        if run.method.node in self.recursive and self.subject.touches(run.method.node):
            return [unknown(state) for state in after or states]
        if run.foreign or generates:
            if moved(states, after):
                return [unknown(state) for state in after]
            if run.foreign:
                return joined(state.but(attributes=ANYTHING, value=UNSURE) for state in after)
        return joined(after)

    def decorated(self, method: Method) -> Decorated:
        """What a call of a method runs; a method without decorators runs itself."""
        if not method.node.decorators or (isinstance(method, Function) and method.undecorated):
            return Decorated(method)
        found = self.subject.runs.get(id(method.node))
        if found is None:
            found = self.subject.runs[id(method.node)] = decorated(method, self.values)
        return Decorated(method, found.foreign) if found.method.node is method.node else found

    def body(self, method: Method, self_name: str | None, states: list[State], frame: Frame) -> Out:
        node = method.node
        if node in self.active:
            self.recursive.add(node)
            return Out(next=states)
        if len(self.active) >= MAX_DEPTH:
            return Out(next=[escaped(state) for state in states])
        key = self._key(node, frame, states)
        done = self._memo.get(key)
        if done is None:
            done = self._memo[key] = self._enter(method, self_name, states, frame)
        self.throw(done.thrown)
        return Out(next=list(done.next), returned=list(done.returned))

    def _key(self, node: m.FunctionDef, frame: Frame, states: list[State]) -> tuple[object, ...]:
        """Everything that the outcome of a body depends on."""
        return (
            id(node),
            id(frame),
            id(self.entry_call),
            frozenset(states),
            bool(self.conditions),
            self.guards > 0,
            self.muted > 0,
            self.catching > 0,
            self.handling[-1] if self.handling else None,
        )

    def _enter(self, method: Method, self_name: str | None, states: list[State], frame: Frame) -> Out:
        outer = self.__dict__.get("place")
        loops, self.loops = self.loops, 0
        thrown, self.thrown = self.thrown, []
        self.active.append(method.node)
        self.place = Place(method, self.subject.code(method.node, self_name), frame, len(self.conditions))
        try:
            out = self.block(method.node.body, states)
            returned = list(dict.fromkeys(out.returned))
            return Out(next=out.next, returned=returned, thrown=tuple(dict.fromkeys(self.thrown)))
        finally:
            self.active.pop()
            self.loops, self.thrown = loops, thrown
            if outer is not None:
                self.place = outer

    # --- frames ---

    def _frame(self, method: Method, self_name: str | None, call: m.Call) -> Frame:
        """Where the body of a helper is read for one call: its parameters are the caller's arguments."""
        caller = self.place.frame
        plain = method.frame
        assert plain.parent is not None
        me = SelfValue(self.consumer.cls)
        if isinstance(method, Function):
            function = method.value
        else:
            function = FunctionValue(method.node, plain.parent, me if self_name else None, method.owner)
        others = [param for param in method.node.params if param.name != self_name]
        if others and len(self.active) <= BOUND_DEPTH:
            arguments = {
                name: _source(bound) for name, bound in (self.values.bind(function, call, caller) or {}).items()
            }
        else:
            arguments = {}
        given = tuple((name, _identity(bound)) for name, bound in sorted(arguments.items()) if name != self_name)
        key = id(method.node), id(function.frame), given
        found = self._frames.get(key)
        if found is None:
            if self_name is not None and len(others) < len(method.node.params):
                arguments[self_name] = Bound(None, plain, me)
            frame = Frame(plain.scope, arguments, function.frame, plain.owner)
            found = self._frames[key] = frame, (caller, function)  # kept alive, so that ids stay theirs
        return found[0]

    def _given(self, code: Code, frame: Frame) -> frozenset[tuple[str, Sure]]:
        """What the parameters that a helper tests are in one call: literals, passed or by default."""
        found: set[tuple[str, Sure]] = set()
        for name in code.flags & frame.arguments.keys():
            bound = frame.arguments[name]
            value = self.values.one(bound.expr, bound.frame) if bound.expr is not None else None
            if isinstance(value, Literal):
                found.add((name, literal_truth(value.node)))
            elif isinstance(value, FunctionValue) or (isinstance(value, AttributeValue) and value.attr in STOCK):
                found.add((name, True))
        return frozenset(found)

    def entry_frame(self, method: Method) -> Frame:
        """Where an entry point is read: an inherited one with the consumer as `self`, not the class that defines it."""
        plain, name = method.frame, self_name_of(method)
        around = method.value.frame if isinstance(method, Function) else plain.parent
        if name is None or (method.owner is self.consumer.cls and around is plain.parent):
            return plain
        me = Bound(None, plain, SelfValue(self.consumer.cls))
        return Frame(plain.scope, {name: me}, around, plain.owner)

    def call_of(self, node: m.Expr) -> m.Call:
        """A call without arguments of what an expression names (the same object each time)."""
        found = self._calls.get(id(node))
        if found is None:
            found = self._calls[id(node)] = m.Call(node.span, node, ())
        return found


def _source(bound: Bound) -> Bound:
    """An argument that is a parameter of the caller, as the caller was given it."""
    for _ in range(BOUND_DEPTH):
        expr, frame = bound.expr, bound.frame
        further = frame.arguments.get(expr.id) if isinstance(expr, m.Name) and _is_parameter(expr.id, frame) else None
        if further is None:
            break
        bound = further
    return bound


def _identity(bound: Bound) -> tuple[object, ...]:
    """The same for arguments that are surely the same value."""
    if isinstance(bound.expr, m.Name) and _is_parameter(bound.expr.id, bound.frame):
        return bound.expr.id, id(bound.frame)
    return id(bound.expr), id(bound.value), id(bound.frame)


def _is_parameter(name: str, frame: Frame) -> bool:
    """Is a name a parameter of a frame's function which nothing binds anew?"""
    found = frame.scope.bindings.get(name, ())
    return len(found) == 1 and isinstance(found[0].source, m.Parameter)


def moved(before: list[State], after: list[State]) -> bool:
    """Has something happened to the socket?"""
    known = {state.connection for state in before}
    return any(state.connection not in known for state in after)
