"""Where a path can be: the socket, what is known besides, what happens, and how paths come together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from wslint.facts import model as m
from wslint.location import Location
from wslint.stack.classes import Method
from wslint.stack.values import Frame, argument

MAX_STATES = 64
ANY_ATTRIBUTE = "*"
"""In a set of attributes: any may be set (setattr, `__dict__.update`)."""

CONNECTING, ACCEPTED, CLOSED, UNKNOWN = "connecting", "accepted", "closed", "unknown"


class Unsure:
    """The value of an expression of which nothing is known."""

    def __repr__(self) -> str:
        return "?"


@dataclass(frozen=True)
class Exactly:
    """A value that is this literal."""

    literal: str | int | float

    def __bool__(self) -> bool:
        return bool(self.literal)


UNSURE = Unsure()
Sure = bool | Exactly | None
Truth = Sure | Unsure
"""What is known of a value: True and False stand for any true and false one, None for None, or it is a literal."""


@dataclass(eq=False)
class Occurrence:
    """Something a method does to its connection, with the states in which it can happen.

    `kind` is accept, close, send, deny, stop, read (of `self.name`), or a call on a channel layer: group_add,
    group_discard, group_send, channel_send. `outer` is the call in the entry method's own body that led to it (the
    node itself when it stands there), `frames` are where its arguments can be read, helper parameters bound.
    `conditions` are the tests around it, `guarded` says that a handler would catch an AttributeError there, `dropped`
    that it is a coroutine which is not awaited.
    """

    kind: str
    node: m.Node
    method: Method
    outer: m.Node
    name: str = ""
    frames: list[Frame] = field(default_factory=list)
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

    @property
    def code(self) -> m.Expr | None:
        """The close code that is given: `close(code)`, `send(…, close=code)`."""
        if self.call is None or self.kind != "close":
            return None
        return argument(self.call, 1 << 30, "close") if self.name == "send" else argument(self.call, 0, "code")


@dataclass(frozen=True)
class State:
    """One way to be at a place: the socket, what closed and accepted it, and what is known besides.

    `tied` is what decided whether the socket was closed: the conditions around that close and what was bound with it.
    `doubt` counts the conditions passed since that look at the same things and may leave this path out.
    """

    socket: str
    closed_by: Occurrence | None = None
    accepted_by: Occurrence | None = None
    doubt: int = 0
    facts: frozenset[tuple[str, Sure]] = frozenset()
    attributes: frozenset[str] = frozenset()
    tied: frozenset[str] = frozenset()
    value: Truth = UNSURE

    @property
    def doubtful(self) -> bool:
        return self.doubt > 0

    def has(self, attribute: str) -> bool:
        """Is `self.attribute` surely set here?"""
        return attribute in self.attributes or ANY_ATTRIBUTE in self.attributes


@dataclass(eq=False)
class Exit:
    """A way out of a method, and the state there.

    `how` is "return", "end" (falling off), "deny" (DenyConnection or AcceptConnection), "stop" (StopConsumer) or
    "raise" (any other exception). `node` is the statement, the method for "end".
    """

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


class GaveUp(Exception):
    """Too many states: the method is not followed further."""


def forget(state: State) -> State:
    return replace(state, facts=frozenset(), doubt=0, tied=frozenset(), value=UNSURE)


def joined(states: Iterable[State]) -> list[State]:
    """One state per way to be, with the attributes that all its paths have set."""
    merged: dict[State, State] = {}
    for state in states:
        key = replace(state, attributes=frozenset(), tied=frozenset())
        have = merged.get(key)
        if have is not None:
            attributes = _common(have.attributes, state.attributes)
            state = replace(have, attributes=attributes, tied=have.tied | state.tied)
        merged[key] = state
    if len(merged) > MAX_STATES:
        raise GaveUp
    return list(merged.values())


def _common(left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    if ANY_ATTRIBUTE in left:
        return right
    return left if ANY_ATTRIBUTE in right else left & right


def valueless(states: Iterable[State]) -> list[State]:
    return joined(replace(state, value=UNSURE) for state in states)


def escaped(state: State) -> State:
    """After handing the consumer to something that cannot be followed: what was closed stays closed."""
    if state.socket == CLOSED:
        return replace(state, attributes=frozenset({ANY_ATTRIBUTE}), value=UNSURE)
    return unknown(state)


def unknown(state: State) -> State:
    """Nothing is known of the socket and of what is set."""
    return State(UNKNOWN, facts=state.facts, attributes=frozenset({ANY_ATTRIBUTE}))


def rejoined(left: list[State], right: list[State], entered: list[State]) -> list[State]:
    """After both arms of a condition: what came through both is as sure as it was before the condition."""
    through = {_kind(state) for state in left} & {_kind(state) for state in right}
    before: dict[tuple[str, Occurrence | None], int] = {}
    for state in entered:
        before[_kind(state)] = min(state.doubt, before.get(_kind(state), state.doubt))
    out: list[State] = []
    for state in (*left, *right):
        kind = _kind(state)
        if kind in through and kind in before and state.doubt > before[kind]:
            state = replace(state, doubt=before[kind])
        out.append(state)
    return joined(out)


def _kind(state: State) -> tuple[str, Occurrence | None]:
    return state.socket, state.closed_by


@dataclass(eq=False)
class Out:
    """Where a block leaves to."""

    next: list[State] = field(default_factory=list)
    returned: list[tuple[State, m.Node]] = field(default_factory=list)
    raised: list[tuple[State, m.Raise]] = field(default_factory=list)
    broke: list[State] = field(default_factory=list)
    continued: list[State] = field(default_factory=list)

    def jumps(self, other: Out) -> None:
        """Take over everything of another but where it goes on."""
        self.returned += other.returned
        self.raised += other.raised
        self.broke += other.broke
        self.continued += other.continued
