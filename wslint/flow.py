"""Walking every path of a consumer's methods: is the socket connecting, accepted or closed; which attributes are set?

An abstract interpreter over the lowered bodies. It follows helper methods, `super()`, project base classes and functions
that are given `self`; it knows what a helper returned on which path and tests that are asked twice. Loops run at most
twice and any statement of a `try` may raise. What it cannot follow makes the socket `unknown`, and unknown is silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wslint.facts import model as m
from wslint.facts.walk import children, within
from wslint.knowledge import channels as known
from wslint.rule import Location
from wslint.stack.classes import Class, Method
from wslint.stack.model import Consumer, Stack
from wslint.stack.values import ClassValue, ExternalValue, FunctionValue

if TYPE_CHECKING:
    from wslint.stack.values import Values

MAX_STATES = 64
MAX_DEPTH = 7
ANY_ATTRIBUTE = "*"
"""In a set of attributes: any may be set (setattr, `__dict__.update`)."""

CONNECTING, ACCEPTED, CLOSED, UNKNOWN = "connecting", "accepted", "closed", "unknown"


class _Unsure:
    """The value of an expression of which nothing is known."""

    def __repr__(self) -> str:
        return "?"


UNSURE = _Unsure()
Truth = bool | None | _Unsure
"""What is known of a value: True and False stand for any true and false one, None for None."""


@dataclass(eq=False)
class Occurrence:
    """Something a method does to its connection, with the states in which it can happen.

    `kind` is accept, close, send, group_add, group_discard, group_send, deny, stop, read (of `self.name`) or stock (an
    inherited method of Channels). `conditions` are the tests around it, `guarded` says that a handler would catch an
    AttributeError there, `dropped` that it is a coroutine which is not awaited.
    """

    kind: str
    node: m.Node
    method: Method
    name: str = ""
    conditions: tuple[m.Expr, ...] = ()
    guarded: bool = False
    dropped: bool = False
    before: set[State] = field(default_factory=set)

    @property
    def location(self) -> Location:
        return self.method.at(self.node)

    @property
    def call(self) -> m.Call | None:
        return self.node if isinstance(self.node, m.Call) else None


@dataclass(frozen=True)
class State:
    """One way to be at a place: the socket, what closed and accepted it, and what is known besides.

    `doubt` counts the conditions passed since the socket was closed that may leave this path out.
    """

    socket: str
    closed_by: Occurrence | None = None
    accepted_by: Occurrence | None = None
    doubt: int = 0
    facts: frozenset[tuple[str, bool | None]] = frozenset()
    attributes: frozenset[str] = frozenset()
    value: Truth = UNSURE

    @property
    def doubtful(self) -> bool:
        return self.doubt > 0

    def has(self, attribute: str) -> bool:
        """Is `self.attribute` surely set here?"""
        return attribute in self.attributes or ANY_ATTRIBUTE in self.attributes


@dataclass(eq=False)
class Exit:
    """A way out of a method: "return", "end" or "raise" (an exception that leaves it), and the state there."""

    how: str
    node: m.Node
    state: State


@dataclass(eq=False)
class Flow:
    """All paths of one method. Not `known`: it could not be followed, say nothing."""

    method: Method
    known: bool
    occurrences: tuple[Occurrence, ...]
    exits: tuple[Exit, ...]

    def of(self, *kinds: str) -> tuple[Occurrence, ...]:
        """The occurrences of some kinds, in source order."""
        return tuple(occurrence for occurrence in self.occurrences if occurrence.kind in kinds)


class Life:
    """The flows of one consumer: connect from a connecting socket, everything else from an accepted one."""

    def __init__(self, stack: Stack, consumer: Consumer) -> None:
        self.stack = stack
        self.consumer = consumer
        self._flows: dict[str, Flow | None] = {}

    @property
    def connect(self) -> Flow | None:
        """The flow of connect(); None when the project does not define it."""
        return self._flow("connect", (State(CONNECTING, attributes=self._initial()),))

    @property
    def disconnect(self) -> Flow | None:
        """The flow of disconnect(), started from every normal exit of connect()."""
        connect = self.connect
        if connect is None:
            starts: tuple[State, ...] = (State(ACCEPTED, attributes=self._initial()),)
        else:
            starts = tuple(_forget(exit.state) for exit in connect.exits if exit.how != "raise")
            if not connect.known or not starts:
                starts = (State(UNKNOWN, attributes=frozenset({ANY_ATTRIBUTE})),)
        return self._flow("disconnect", starts)

    def method(self, name: str) -> Flow | None:
        """The flow of any other method, on an accepted socket."""
        if name in ("connect", "disconnect"):
            return self.connect if name == "connect" else self.disconnect
        connect = self.connect
        exits = [exit.state for exit in connect.exits if exit.state.socket == ACCEPTED] if connect is not None else []
        attributes = frozenset.intersection(*(state.attributes for state in exits)) if exits else self._initial()
        return self._flow(name, (State(ACCEPTED, attributes=attributes),))

    def flows(self) -> Iterator[Flow]:
        """Every method that Channels or a group event can call."""
        for name, method in self.consumer.methods.items():
            if name.startswith("_") or (name not in _ENTRY_POINTS and not is_handler(method)):
                continue
            flow = self.method(name)
            if flow is not None:
                yield flow

    def _initial(self) -> frozenset[str]:
        init = self.consumer.method("__init__")
        if init is None:
            return frozenset()
        return frozenset(name for name, found in self.consumer.cls.instance_assignments.items() if any(
            method.name == "__init__" for _, _, method in found
        ))  # fmt: skip

    def _flow(self, name: str, starts: tuple[State, ...]) -> Flow | None:
        if name not in self._flows:
            method = self.consumer.method(name)
            self._flows[name] = None if method is None else _Run(self.stack, self.consumer).flow(method, starts)
        return self._flows[name]


_ENTRY_POINTS = frozenset(
    {"connect", "disconnect", "receive", "receive_json", "websocket_connect", "websocket_receive"}
)


def is_handler(method: Method) -> bool:
    """Could a method be an event handler: public, not of the API, one parameter besides self?"""
    params = [param for param in method.node.params if param.kind.startswith("positional") and param.default is None]
    return not method.name.startswith("_") and method.name not in known.CONSUMER_API and len(params) == 2


def life_of(stack: Stack, consumer: Consumer) -> Life:
    """The life of a consumer, computed once per stack."""
    lives: dict[int, Life] = stack.__dict__.setdefault("_lives", {})
    if id(consumer) not in lives:
        lives[id(consumer)] = Life(stack, consumer)
    return lives[id(consumer)]


def _forget(state: State) -> State:
    return replace(state, facts=frozenset(), doubt=0, value=UNSURE)


class _GaveUp(Exception):
    pass


@dataclass(eq=False)
class _Out:
    """Where a block leaves to."""

    next: list[State] = field(default_factory=list)
    returned: list[tuple[State, m.Node]] = field(default_factory=list)
    raised: list[tuple[State, m.Raise]] = field(default_factory=list)
    broke: list[State] = field(default_factory=list)
    continued: list[State] = field(default_factory=list)

    def jumps(self, other: _Out) -> None:
        """Take over everything of another but where it goes on."""
        self.returned += other.returned
        self.raised += other.raised
        self.broke += other.broke
        self.continued += other.continued


@dataclass(eq=False)
class _Place:
    """The method being walked and the name that stands for the consumer in it."""

    method: Method
    self_name: str | None
    tests: frozenset[str]


class _Run:
    """One walk from one entry point."""

    def __init__(self, stack: Stack, consumer: Consumer) -> None:
        self.stack = stack
        self.values: Values = stack.values
        self.consumer = consumer
        self.occurrences: dict[tuple[str, int], Occurrence] = {}
        self.conditions: list[m.Expr] = []
        self.guards = 0
        self.active: list[m.FunctionDef] = []
        self.place: _Place
        self.memo: dict[tuple[int, frozenset[State], bool, bool], _Out] = {}
        self.sends = _sends_by_call(stack)

    def flow(self, method: Method, starts: tuple[State, ...]) -> Flow:
        if not self._plain(method):
            return Flow(method, False, (), ())
        try:
            out = self.body(method, _self_name(method), list(starts))
        except (_GaveUp, RecursionError):
            return Flow(method, False, (), ())
        exits = [Exit("end", method.node, state) for state in out.next]
        exits += [Exit("return", node, state) for state, node in out.returned]
        exits += [Exit("raise", node, state) for state, node in out.raised]
        found = sorted(self.occurrences.values(), key=lambda occurrence: occurrence.location)
        known_all = all(exit.state.socket != UNKNOWN for exit in exits if exit.how != "raise")
        return Flow(method, known_all, tuple(found), tuple(exits))

    def _plain(self, method: Method) -> bool:
        """Is a method what it looks like: no decorator but those that keep its meaning?"""
        return all(self.values.dotted(d, method.frame) in _KEEPS_MEANING for d in method.node.decorators)

    # --- bodies and blocks ---

    def body(self, method: Method, self_name: str | None, states: list[State]) -> _Out:
        """Run a whole function body; its returns are in `returned`."""
        node = method.node
        if node in self.active or len(self.active) >= MAX_DEPTH:
            return _Out(next=states)
        key = (id(node), frozenset(states), bool(self.conditions), self.guards > 0)
        if key in self.memo:
            return self.memo[key]
        self.active.append(node)
        outer = self.__dict__.get("place")
        self.place = _Place(method, self_name, _repeated_tests(node))
        try:
            out = self.block(node.body, states)
        finally:
            self.active.pop()
            if outer is not None:
                self.place = outer
        self.memo[key] = out
        return out

    def block(self, body: tuple[m.Stmt, ...], states: list[State]) -> _Out:
        out = _Out(next=_joined(states))
        for statement in body:
            if not out.next:
                break
            step = self.statement(statement, out.next)
            out.jumps(step)
            out.next = _joined(step.next)
        return out

    def statement(self, node: m.Stmt, states: list[State]) -> _Out:
        match node:
            case m.ExpressionStatement():
                return _Out(next=_valueless(self.expr(node.value, states, dropped=True)))
            case m.Assign():
                after = states if node.value is None else self.expr(node.value, states)
                for target in node.targets:
                    after = self.assign(target, after) if node.value is not None else after
                return _Out(next=_valueless(after))
            case m.AugmentedAssign():
                after = self.expr(node.value, self.expr(node.target, states))
                return _Out(next=_valueless(self.assign(node.target, _valueless(after))))
            case m.Return():
                after = states if node.value is None else self.expr(node.value, states)
                if node.value is None:
                    after = [replace(state, value=None) for state in after]
                return _Out(returned=[(state, node) for state in after])
            case m.Raise():
                return self._raise(node, states)
            case m.Assert():
                return _Out(next=self.split(node.test, states)[0])
            case m.Delete():
                return _Out(next=self._deleted(node, states))
            case m.Jump(kind="break"):
                return _Out(broke=states)
            case m.Jump(kind="continue"):
                return _Out(continued=states)
            case m.If():
                return self._if(node, states)
            case m.While() | m.For():
                return self._loop(node, states)
            case m.Try():
                return self._try(node, states)
            case m.With():
                return self._with(node, states)
            case m.Match():
                return self._match(node, states)
            case _:
                return _Out(next=states)

    def _if(self, node: m.If, states: list[State]) -> _Out:
        true, false = self.split(node.test, states)
        with self._under(node.test):
            body = self.block(node.body, true)
            orelse = self.block(node.orelse, false)
        out = _Out(next=_rejoined(body.next, orelse.next))
        out.jumps(body)
        out.jumps(orelse)
        return out

    def _loop(self, node: m.While | m.For, states: list[State]) -> _Out:
        endless = isinstance(node, m.While) and isinstance(node.test, m.Constant) and bool(node.test.value)
        if isinstance(node, m.For):
            states = _valueless(self.expr(node.iterable, states))
        out = _Out()
        entering, leaving = states, list(states)
        for _ in range(2):
            if isinstance(node, m.While) and not endless:
                inside, skipped = self.split(node.test, entering)
                leaving += skipped
            else:
                inside = [_doubted(state) for state in entering] if not endless else entering
            if isinstance(node, m.For):
                inside = self.assign(node.target, inside)
            with self._under(None if endless else node.test if isinstance(node, m.While) else node.iterable):
                body = self.block(node.body, _valueless(inside))
            out.returned += body.returned
            out.raised += body.raised
            leaving += body.broke
            entering = _joined([*body.next, *body.continued])
            if not endless:
                leaving += entering
            if not entering:
                break
        if endless:
            leaving = [state for state in leaving if state not in states] or []
        after = self.block(node.orelse, _joined(leaving))
        out.jumps(after)
        out.next = _joined([_undoubted(state, states) for state in after.next])
        return out

    def _try(self, node: m.Try, states: list[State]) -> _Out:
        out = _Out()
        before: list[State] = []
        current = states
        with self._guarded(_catches_attribute_error(node, self)):
            for statement in node.body:
                if not current:
                    break
                before += current
                step = self.statement(statement, current)
                out.returned += step.returned
                out.broke += step.broke
                out.continued += step.continued
                before += [state for state, _ in step.raised]
                if not node.handlers:
                    out.raised += step.raised
                current = _joined(step.next)
        body_next = current
        if body_next and node.orelse:
            orelse = self.block(node.orelse, body_next)
            out.jumps(orelse)
            body_next = orelse.next
        out.next += body_next
        entering = _joined([_doubted(state) for state in before])
        for handler in node.handlers:
            caught = self.block(handler.body, entering)
            out.jumps(caught)
            out.next += caught.next
        out.next = _joined(out.next)
        if node.finalbody:
            return self._finally(node, out, entering)
        return out

    def _finally(self, node: m.Try, out: _Out, raising: list[State]) -> _Out:
        def run(states: list[State]) -> _Out:
            return self.block(node.finalbody, states) if states else _Out()

        after = run(out.next)
        done = _Out(next=after.next)
        done.jumps(after)
        for state, where in out.returned:
            passed = run([replace(state, value=UNSURE)])
            done.jumps(passed)
            done.returned += [(replace(left, value=state.value), where) for left in passed.next]
        for raised, cause in out.raised:
            passed = run([raised])
            done.jumps(passed)
            done.raised += [(left, cause) for left in passed.next]
        done.broke += run(out.broke).next
        done.continued += run(out.continued).next
        if not node.handlers:
            run(raising)
        return done

    def _with(self, node: m.With, states: list[State]) -> _Out:
        for item in node.items:
            states = _valueless(self.expr(item.value, states))
            if item.target is not None:
                states = self.assign(item.target, states)
        suppressing = any(self._suppresses(item.value) for item in node.items)
        with self._guarded(suppressing):
            out = self.block(node.body, states)
        if suppressing:
            out.next = _joined([*out.next, *(_doubted(state) for state in states), *(s for s, _ in out.raised)])
            out.raised = []
        return out

    def _suppresses(self, value: m.Expr) -> bool:
        if not isinstance(value, m.Call):
            return False
        return self.values.dotted(value.func, self.place.method.frame) == "contextlib.suppress"

    def _match(self, node: m.Match, states: list[State]) -> _Out:
        states = _valueless(self.expr(node.subject, states))
        out = _Out()
        entering = [_doubted(state) for state in states]
        with self._under(node.subject):
            arms = [self.block(case.body, entering) for case in node.cases]
        nexts = [arm.next for arm in arms]
        if not any(case.catch_all for case in node.cases):
            nexts.append(entering)
        for arm in arms:
            out.jumps(arm)
        through_all = [state for state in entering if all(state in found for found in nexts)]
        out.next = _joined(
            [_undoubted(state, states) if state in through_all else state for found in nexts for state in found]
        )
        return out

    def _raise(self, node: m.Raise, states: list[State]) -> _Out:
        if node.exception is not None:
            exception = node.exception
            if isinstance(exception, m.Call):
                for arg in exception.args:
                    states = _valueless(self.expr(arg.value, states))
            dotted = self.values.dotted(
                exception.func if isinstance(exception, m.Call) else exception, self.place.method.frame
            )
            if dotted in _ENDS:
                kind, socket = _ENDS[dotted]
                states = self._occur(kind, node, states, "")
                occurrence = self.occurrences[(kind, id(node))]
                if socket == CLOSED:
                    states = [replace(state, socket=CLOSED, closed_by=occurrence, doubt=0) for state in states]
                elif socket == ACCEPTED:
                    states = [replace(state, socket=ACCEPTED, accepted_by=occurrence) for state in states]
                return _Out(returned=[(replace(state, value=None), node) for state in states])
        return _Out(raised=[(state, node) for state in states])

    def _deleted(self, node: m.Delete, states: list[State]) -> list[State]:
        for target in node.targets:
            name = self._own_attribute(target)
            if name is not None:
                states = [replace(state, attributes=state.attributes - {name}) for state in states]
        return states

    # --- conditions ---

    @contextmanager
    def _under(self, test: m.Expr | None) -> Iterator[None]:
        if test is None:
            yield
            return
        self.conditions.append(test)
        try:
            yield
        finally:
            self.conditions.pop()

    @contextmanager
    def _guarded(self, on: bool) -> Iterator[None]:
        self.guards += on
        try:
            yield
        finally:
            self.guards -= on

    def split(self, test: m.Expr, states: list[State]) -> tuple[list[State], list[State]]:
        """The states in which a test is true and those in which it is false, with what each then knows."""
        true: list[State] = []
        false: list[State] = []
        for state in self.expr(test, states):
            value = state.value
            state = replace(state, value=UNSURE)
            if isinstance(value, _Unsure):
                true.append(_doubted(self._assume(test, True, state)))
                false.append(_doubted(self._assume(test, False, state)))
            elif value:
                true.append(state)
            else:
                false.append(state)
        return _joined(true), _joined(false)

    def _assume(self, test: m.Expr, truth: bool, state: State) -> State:
        match test:
            case m.UnaryOp(op="not"):
                return self._assume(test.operand, not truth, state)
            case m.BoolOp(op="and") if truth:
                return self._assume(test.right, True, self._assume(test.left, True, state))
            case m.BoolOp(op="or") if not truth:
                return self._assume(test.right, False, self._assume(test.left, False, state))
            case m.Compare(op="is" | "==" | "is not" | "!=", right=m.Constant(value=None)):
                is_none = truth if test.op in ("is", "==") else not truth
                return self._fact(_text(test.left), None, state) if is_none else state
            case m.Walrus():
                return self._assume(test.target, truth, state)
            case _:
                return self._fact(_text(test), truth, state)

    def _fact(self, key: str | None, value: bool | None, state: State) -> State:
        if key is None or key not in self.place.tests:
            return state
        kept = {fact for fact in state.facts if fact[0] != key}
        return replace(state, facts=frozenset({*kept, (key, value)}))

    def _known(self, key: str | None, state: State) -> Truth:
        if key is not None:
            for name, value in state.facts:
                if name == key:
                    return value
        return UNSURE

    # --- expressions ---

    def expr(self, node: m.Expr, states: list[State], *, dropped: bool = False) -> list[State]:
        """Run an expression; each state then carries what is known of its value."""
        match node:
            case m.Constant():
                value = None if node.value is None else bool(node.value)
                return [replace(state, value=value) for state in states]
            case m.Name():
                return [replace(state, value=self._known(node.id, state)) for state in states]
            case m.Attribute():
                return self._attribute(node, states)
            case m.Await():
                return self._awaited(node, states)
            case m.Call():
                return self.call(node, states, dropped=dropped)
            case m.UnaryOp(op="not"):
                after = self.expr(node.operand, states)
                return [
                    state if isinstance(state.value, _Unsure) else replace(state, value=not state.value)
                    for state in after
                ]
            case m.BoolOp():
                return self._bool(node, states)
            case m.Compare():
                return self._compare(node, states)
            case m.Conditional():
                true, false = self.split(node.test, states)
                with self._under(node.test):
                    body = self.expr(node.body, true)
                    orelse = self.expr(node.orelse, false)
                return _rejoined(body, orelse)
            case m.Walrus():
                return self.assign(node.target, self.expr(node.value, states))
            case m.Lambda():
                return _valueless(states)
            case m.Comprehension():
                after = states
                for generator in node.generators:
                    after = _valueless(self.expr(generator.iterable, after))
                with self._under(node):
                    made = self.expr(node.element, [_doubted(state) for state in after])
                return _valueless([*after, *(_undoubted(state, after) for state in made)])
            case _:
                after = states
                for child in children(node):
                    after = (
                        _valueless(self.expr(child, after))
                        if not isinstance(child, _PARTS)
                        else self._part(child, after)
                    )
                truth = self._structured(node)
                return [replace(state, value=truth) for state in after]

    def _structured(self, node: m.Expr) -> Truth:
        if isinstance(node, m.Dict | m.Sequence):
            return bool(node.items)
        return UNSURE

    def _part(self, node: m.Node, states: list[State]) -> list[State]:
        for child in children(node):
            states = _valueless(self.expr(child, states))  # type: ignore[arg-type]
        return states

    def _attribute(self, node: m.Attribute, states: list[State]) -> list[State]:
        name = self._own_attribute(node)
        if name is None:
            after = _valueless(self.expr(node.value, states))
        else:
            after = self._occur("read", node, states, name)
        key = _text(node)
        return [replace(state, value=self._known(key, state)) for state in after]

    def _bool(self, node: m.BoolOp, states: list[State]) -> list[State]:
        wanted = node.op == "and"
        out: list[State] = []
        going: list[State] = []
        for state in self.expr(node.left, states):
            if isinstance(state.value, _Unsure):
                stop = self._assume(node.left, not wanted, state)
                out.append(_doubted(replace(stop, value=not wanted)))
                going.append(_doubted(replace(self._assume(node.left, wanted, state), value=UNSURE)))
            elif bool(state.value) is wanted:
                going.append(replace(state, value=UNSURE))
            else:
                out.append(state)
        with self._under(node.left):
            out += self.expr(node.right, _joined(going)) if going else []
        return _joined([_undoubted(state, states) for state in out])

    def _compare(self, node: m.Compare, states: list[State]) -> list[State]:
        after = self.expr(node.left, states)
        if isinstance(node.right, m.Constant) and (node.right.value is None or isinstance(node.right.value, bool)):
            right = node.right.value
            same = node.op in ("is", "==")
            if node.op in ("is", "==", "is not", "!="):
                return [replace(state, value=_compared(state.value, right, same)) for state in after]
        after = _valueless(self.expr(node.right, _valueless(after)))
        key = _text(node)
        return [replace(state, value=self._known(key, state)) for state in after]

    def _awaited(self, node: m.Await, states: list[State]) -> list[State]:
        if isinstance(node.value, m.Call):
            return self.call(node.value, states, awaited=True)
        return self.expr(node.value, states)

    def assign(self, target: m.Expr, states: list[State]) -> list[State]:
        """Bind a target; each state's value is what is bound."""
        if isinstance(target, m.Sequence):
            for item in target.items:
                states = self.assign(item, _valueless(states))
            return states
        if isinstance(target, m.Starred):
            return self.assign(target.value, _valueless(states))
        if isinstance(target, m.Subscript):
            return _valueless(self.expr(target.index, self.expr(target.value, states)))
        key = _text(target)
        if key is None:
            return states
        name = self._own_attribute(target)
        out: list[State] = []
        for state in states:
            facts = frozenset(fact for fact in state.facts if not _mentions(fact[0], key))
            changed = replace(state, facts=facts)
            if name is not None:
                changed = replace(changed, attributes=changed.attributes | {name})
            if not isinstance(state.value, _Unsure):
                changed = self._fact(key, state.value, changed)
            out.append(changed)
        return out

    def _own_attribute(self, node: m.Expr) -> str | None:
        """The name in `self.name`."""
        if isinstance(node, m.Attribute) and isinstance(node.value, m.Name) and node.value.id == self.place.self_name:
            return node.attr
        return None

    # --- calls ---

    def call(self, node: m.Call, states: list[State], *, awaited: bool = False, dropped: bool = False) -> list[State]:
        func = node.func
        later = self._starts_task(node)
        for arg in node.args:
            if later and isinstance(arg.value, m.Call):
                states = self._later(arg.value, states)
            else:
                states = _valueless(self.expr(arg.value, states))
        if isinstance(func, m.Call) and func.args and self._adapts(func):
            for arg in func.args[1:]:
                states = _valueless(self.expr(arg.value, states))
            return self._callee(func.args[0].value, node, states, dropped=False)
        return self._callee(func, node, states, dropped=dropped and not awaited)

    def _callee(self, func: m.Expr, node: m.Call, states: list[State], *, dropped: bool) -> list[State]:
        if id(node) in self.sends:
            if isinstance(func, m.Attribute):
                states = _valueless(self.expr(func.value, states))
            return _valueless(self._occur(self.sends[id(node)], node, states, "", dropped))
        if isinstance(func, m.Attribute):
            if self._is_super(func.value):
                return self._super(func.attr, node, states, dropped)
            if isinstance(func.value, m.Name) and func.value.id == self.place.self_name:
                return self._own(func.attr, node, states, dropped)
            states = _valueless(self.expr(func.value, states))
            explicit = self._explicit(func, node)
            if explicit is not None:
                return self._inline(explicit, _self_name(explicit), states)
        elif not isinstance(func, m.Name):
            states = _valueless(self.expr(func, states))
        return self._foreign(func, node, states)

    def _own(self, name: str, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        """`self.name(…)`."""
        method = self.consumer.method(name)
        if method is not None:
            return self._inline(method, _self_name(method), states)
        if name in _STOCK:
            return self._stock(name, node, states, dropped)
        if self.consumer.complete or name in self.consumer.cls.instance_assignments or name == "channel_layer":
            return _valueless(states)
        return [_unknown(state) for state in states]

    def _super(self, name: str, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        method = self.consumer.cls.method_after(self.place.method.owner, name)
        if method is not None:
            return self._inline(method, _self_name(method), states)
        if not self.consumer.complete:
            return [_unknown(state) for state in states]
        if name in ("connect", "websocket_connect") and self.consumer.is_websocket:
            return self._stock("accept", node, states, dropped)
        if name in _STOCK:
            return self._stock(name, node, states, dropped)
        return _valueless(states)

    def _stock(self, name: str, node: m.Call, states: list[State], dropped: bool) -> list[State]:
        """A method of Channels' own consumers."""
        kind = _STOCK[name]
        if name == "send" and self.consumer.kind == "raw":
            kind = self._raw_send(node)
        states = self._occur(kind, node, states, name, dropped)
        occurrence = self.occurrences[(kind, id(node))]
        if kind == "accept":
            return _valueless(
                replace(s, socket=ACCEPTED, accepted_by=occurrence) if s.socket == CONNECTING else s for s in states
            )
        if kind == "close":
            return _valueless(
                s if s.socket == UNKNOWN else replace(s, socket=CLOSED, closed_by=occurrence, doubt=0) for s in states
            )
        return _valueless(states)

    def _raw_send(self, node: m.Call) -> str:
        """What a raw consumer's `self.send({"type": …})` does."""
        message = node.args[0].value if node.args else None
        if isinstance(message, m.Dict):
            for item in message.items:
                if isinstance(item.key, m.Constant) and item.key.value == "type" and isinstance(item.value, m.Constant):
                    return {"websocket.accept": "accept", "websocket.close": "close"}.get(str(item.value.value), "send")
        return "send"

    def _inline(self, method: Method, self_name: str | None, states: list[State]) -> list[State]:
        """Run a method of the project as part of this path."""
        before = {(state.socket, state.closed_by) for state in states}
        out = self.body(method, self_name, _valueless(states))
        after = [replace(state, value=None) for state in out.next]
        after += [self._returned(state, method) for state, _ in out.returned]
        if any((state.socket, state.closed_by) not in before for state in after) and not self._plain(method):
            return [_unknown(state) for state in after]
        facts_free = [replace(state, facts=_outer_facts(state, states)) for state in after]
        return _joined(facts_free)

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
            return _valueless(states)
        value = self.values.one(func, self.place.method.frame)
        if isinstance(value, FunctionValue) and isinstance(value.node, m.FunctionDef):
            params = [param for param in value.node.params if param.kind.startswith("positional")]
            index = passed[0] + (1 if value.receiver is not None else 0)
            if index < len(params) and node.args[passed[0]].keyword is None:
                owner = value.owner or self.consumer.cls
                method = _Function(value.node, owner, value)
                return self._inline(method, params[index].name, states)
        if isinstance(value, ExternalValue) and value.dotted.startswith(_HARMLESS):
            if value.dotted == "builtins.setattr":
                return [replace(s, attributes=s.attributes | {ANY_ATTRIBUTE}, value=None) for s in states]
            return _valueless(states)
        if isinstance(value, ClassValue):
            return _valueless(states)
        return [_unknown(state) for state in states]

    def _later(self, node: m.Call, states: list[State]) -> list[State]:
        """A coroutine started as a task: what it does to the socket happens at some other time."""
        after = _valueless(self.call(node, states))
        same = {(state.socket, state.closed_by, state.accepted_by) for state in states}
        if all((state.socket, state.closed_by, state.accepted_by) in same for state in after):
            return states
        return [_unknown(state) for state in states]

    def _starts_task(self, node: m.Call) -> bool:
        func = node.func
        name = func.attr if isinstance(func, m.Attribute) else func.id if isinstance(func, m.Name) else ""
        return name in _TASK_STARTERS

    def _adapts(self, func: m.Call) -> bool:
        dotted = self.values.dotted(func.func, self.place.method.frame)
        return dotted == known.ASYNC_TO_SYNC or dotted in known.THREAD_RUNNERS

    def _is_super(self, node: m.Expr) -> bool:
        return isinstance(node, m.Call) and isinstance(node.func, m.Name) and node.func.id == "super"

    def _explicit(self, func: m.Attribute, node: m.Call) -> Method | None:
        """The method in `Base.method(self, …)`."""
        first = node.args[0].value if node.args else None
        if not (isinstance(first, m.Name) and first.id == self.place.self_name):
            return None
        value = self.values.one(func.value, self.place.method.frame)
        return value.cls.method(func.attr) if isinstance(value, ClassValue) else None

    def _occur(self, kind: str, node: m.Node, states: list[State], name: str, dropped: bool = False) -> list[State]:
        key = (kind, id(node))
        found = self.occurrences.get(key)
        if found is None:
            found = self.occurrences[key] = Occurrence(
                kind, node, self.place.method, name, tuple(self.conditions), self.guards > 0, dropped
            )
        elif len(self.conditions) < len(found.conditions):
            found.conditions = tuple(self.conditions)
        found.before.update(states)
        if len(states) > MAX_STATES:
            raise _GaveUp
        return states


class _Function(Method):
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


_PARTS = (m.Argument, m.DictItem, m.Generator, m.Parameter)

_STOCK = {
    "accept": "accept",
    "close": "close",
    "send": "send",
    "send_json": "send",
    "base_send": "send",
}

_ENDS: dict[str | None, tuple[str, str]] = {
    "channels.exceptions.DenyConnection": ("deny", CLOSED),
    "channels.exceptions.AcceptConnection": ("accept", ACCEPTED),
    "channels.exceptions.StopConsumer": ("stop", ""),
}

_KEEPS_MEANING = frozenset(
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


def _self_name(method: Method) -> str | None:
    params = method.node.params
    return params[0].name if params and params[0].kind.startswith("positional") else None


def _sends_by_call(stack: Stack) -> dict[int, str]:
    found: dict[int, str] | None = stack.__dict__.get("_sends_by_call")
    if found is None:
        found = stack.__dict__["_sends_by_call"] = {id(send.call): send.method for send in stack.sends}
    return found


def _joined(states: Iterable[State]) -> list[State]:
    """One state per way to be, with the attributes that all its paths have set."""
    merged: dict[State, State] = {}
    for state in states:
        key = replace(state, attributes=frozenset())
        have = merged.get(key)
        merged[key] = state if have is None else replace(have, attributes=_common(have.attributes, state.attributes))
    if len(merged) > MAX_STATES:
        raise _GaveUp
    return list(merged.values())


def _common(left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    if ANY_ATTRIBUTE in left:
        return right
    return left if ANY_ATTRIBUTE in right else left & right


def _valueless(states: Iterable[State]) -> list[State]:
    return _joined(replace(state, value=UNSURE) for state in states)


def _unknown(state: State) -> State:
    return State(UNKNOWN, facts=state.facts, attributes=frozenset({ANY_ATTRIBUTE}))


def _doubted(state: State) -> State:
    return replace(state, doubt=state.doubt + 1) if state.socket == CLOSED else state


def _undoubted(state: State, before: list[State]) -> State:
    """Leave a condition that the closed states of `before` had entered."""
    for other in before:
        if other.closed_by is state.closed_by and other.socket == state.socket and other.doubt < state.doubt:
            return replace(state, doubt=other.doubt)
    return state


def _rejoined(left: list[State], right: list[State]) -> list[State]:
    """After both arms of a condition: a closed state that came through both is as sure as before it."""
    through = {(state.closed_by, state.doubt) for state in left} & {(state.closed_by, state.doubt) for state in right}
    out: list[State] = []
    for state in (*left, *right):
        if state.socket == CLOSED and state.doubt and (state.closed_by, state.doubt) in through:
            state = replace(state, doubt=state.doubt - 1)
        out.append(state)
    return _joined(out)


def _outer_facts(state: State, before: list[State]) -> frozenset[tuple[str, bool | None]]:
    """Facts of the caller that a helper cannot have changed, and facts about attributes."""
    local = {fact for earlier in before for fact in earlier.facts if "." not in fact[0]}
    return frozenset(fact for fact in state.facts if "." in fact[0] or fact in local)


def _compared(value: Truth, right: bool | None, same: bool) -> Truth:
    if isinstance(value, _Unsure):
        return UNSURE
    if right is None:
        return (value is None) is same
    if value is None:
        return not same
    return UNSURE if value is right and right is True else (value is right) is same


def _text(node: m.Expr) -> str | None:
    """An expression as a key: names, attributes, subscripts and comparisons with literals; None for others."""
    match node:
        case m.Name():
            return node.id
        case m.Attribute():
            inner = _text(node.value)
            return None if inner is None else f"{inner}.{node.attr}"
        case m.Constant():
            return repr(node.value)
        case m.Subscript():
            inner, index = _text(node.value), _text(node.index)
            return None if inner is None or index is None else f"{inner}[{index}]"
        case m.Compare():
            left, right = _text(node.left), _text(node.right)
            return None if left is None or right is None else f"{left} {node.op} {right}"
        case _:
            return None


def _mentions(key: str, name: str) -> bool:
    return bool(re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", key))


def _repeated_tests(node: m.FunctionDef) -> frozenset[str]:
    """Keys worth remembering: what is tested more than once, and names that are tested at all after being assigned."""
    counts: dict[str, int] = {}
    for found in within(node.body):
        test = found.test if isinstance(found, (m.If, m.While, m.Conditional, m.Assert)) else None
        for key in _tested(test) if test is not None else ():
            counts[key] = counts.get(key, 0) + 1
        if isinstance(found, m.Assign):
            for target in found.targets:
                key = _text(target)
                if key is not None:
                    counts[key] = counts.get(key, 0) + 1
        elif isinstance(found, m.Walrus):
            key = _text(found.target)
            if key is not None:
                counts[key] = counts.get(key, 0) + 1
        elif isinstance(found, m.Return) and found.value is not None:
            key = _text(found.value)
            if key is not None:
                counts[key] = counts.get(key, 0) + 1
    return frozenset(key for key, count in counts.items() if count > 1)


def _tested(test: m.Expr) -> Iterator[str]:
    match test:
        case m.UnaryOp(op="not"):
            yield from _tested(test.operand)
        case m.BoolOp():
            yield from _tested(test.left)
            yield from _tested(test.right)
        case m.Walrus():
            yield from _tested(test.target)
        case m.Compare(right=m.Constant(value=None | bool())):
            yield from _tested(test.left)
            key = _text(test)
            if key is not None:
                yield key
        case _:
            key = _text(test)
            if key is not None:
                yield key


def _catches_attribute_error(node: m.Try, run: _Run) -> bool:
    for handler in node.handlers:
        if handler.exception is None:
            return True
        names = handler.exception.items if isinstance(handler.exception, m.Sequence) else (handler.exception,)
        for name in names:
            if run.values.dotted(name, run.place.method.frame) in _CATCH_ATTRIBUTE_ERROR:
                return True
    return False


_CATCH_ATTRIBUTE_ERROR = frozenset({"builtins.AttributeError", "builtins.Exception", "builtins.BaseException"})
