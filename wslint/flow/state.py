"""Where a path can be: the socket, what is known besides, and how paths come together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from wslint.facts import model as m
from wslint.flow.truth import UNSURE, Sure, Truth

if TYPE_CHECKING:
    from wslint.flow.errors import Thrown
    from wslint.flow.occurrence import Occurrence

MAX_STATES = 64
"""How many ways to be at one place are kept apart."""

ANY_ATTRIBUTE = "*"
"""In a set of attributes: any may be set (setattr, `__dict__.update`)."""

CONNECTING, ACCEPTED, CLOSED, UNKNOWN = "connecting", "accepted", "closed", "unknown"

LOST = 1 << 16
"""The doubt of a path of which too much was forgotten."""

NOTHING: frozenset[str] = frozenset()
ANYTHING = frozenset({ANY_ATTRIBUTE})


class State(NamedTuple):
    """One way to be at a place: the socket, what closed and accepted it, and what is known besides.

    `tied` is what decided whether the socket was closed: the conditions around that close and what was bound with it.
    `doubt` counts the conditions passed since that look at the same things and may leave this path out. `value` is
    what is known of the expression just run.
    """

    socket: str
    closed_by: Occurrence | None = None
    accepted_by: Occurrence | None = None
    doubt: int = 0
    facts: frozenset[tuple[str, Sure]] = frozenset()
    attributes: frozenset[str] = NOTHING
    tied: frozenset[str] = NOTHING
    value: Truth = UNSURE

    @property
    def doubtful(self) -> bool:
        return self.doubt > 0

    def has(self, attribute: str) -> bool:
        """Is `self.attribute` surely set here?"""
        return attribute in self.attributes or ANY_ATTRIBUTE in self.attributes

    @property
    def connection(self) -> tuple[str, Occurrence | None]:
        """The socket and what closed it."""
        return self.socket, self.closed_by

    def valued(self, value: Truth) -> State:
        return self if self.value is value else tuple.__new__(State, (*self[:7], value))

    def but(self, **changed: object) -> State:
        """The same but for some fields."""
        return self._replace(**changed)  # type: ignore[arg-type]


class GaveUp(Exception):
    """Too many states or steps: the method is not followed further."""


@dataclass(eq=False)
class Out:
    """Where a block leaves to; what it throws is kept by the walk."""

    next: list[State] = field(default_factory=list)
    returned: list[tuple[State, m.Node]] = field(default_factory=list)
    broke: list[State] = field(default_factory=list)
    continued: list[State] = field(default_factory=list)
    thrown: tuple[Thrown, ...] = ()

    def jumps(self, other: Out) -> None:
        """Take over everything of another but where it goes on."""
        self.returned += other.returned
        self.broke += other.broke
        self.continued += other.continued


def forget(state: State) -> State:
    """What is left of a state when its method has ended."""
    return state.but(facts=frozenset(), doubt=0, tied=NOTHING, value=UNSURE)


def escaped(state: State) -> State:
    """After handing the consumer to something that cannot be followed: what was closed stays closed."""
    if state.socket == CLOSED:
        return state.but(attributes=ANYTHING, value=UNSURE)
    return unknown(state)


def unknown(state: State) -> State:
    """Nothing is known of the socket and of what is set."""
    return State(UNKNOWN, facts=state.facts, attributes=ANYTHING)


def valueless(states: Iterable[State]) -> list[State]:
    return joined(state.valued(UNSURE) for state in states)


def joined(states: Iterable[State]) -> list[State]:
    """One state per way to be, with the attributes that all its paths have set.

    When there are too many, what tells them apart besides the connection is forgotten, and they are in doubt.
    """
    merged = _merged(states)
    if len(merged) > MAX_STATES:
        merged = _merged(state.but(facts=frozenset(), doubt=LOST, value=UNSURE) for state in merged)
        if len(merged) > MAX_STATES:
            raise GaveUp
    return merged


def _merged(states: Iterable[State]) -> list[State]:
    found = list(states)
    if len(found) < 2:
        return found
    merged: dict[tuple[object, ...], State] = {}
    for state in found:
        key = (*state[:5], state[7])  # all but attributes and tied
        have = merged.get(key)
        if have is not None and have is not state:
            attributes, tied = common(have.attributes, state.attributes), have.tied | state.tied
            if attributes != have.attributes or tied != have.tied:
                have = have._replace(attributes=attributes, tied=tied)
            state = have
        merged[key] = state
    return list(merged.values())


def common(left: frozenset[str], right: frozenset[str]) -> frozenset[str]:
    """The attributes that both paths have set."""
    if left is right or ANY_ATTRIBUTE in left:
        return right
    return left if ANY_ATTRIBUTE in right else left & right


def rejoined(left: list[State], right: list[State], entered: list[State]) -> list[State]:
    """After both arms of a condition: what came through both is as sure as it was before the condition."""
    through = {state.connection for state in left} & {state.connection for state in right}
    before: dict[tuple[str, Occurrence | None], int] = {}
    for state in entered:
        before[state.connection] = min(state.doubt, before.get(state.connection, state.doubt))
    out: list[State] = []
    for state in (*left, *right):
        kind = state.connection
        if kind in through and before.get(kind, LOST) < state.doubt < LOST:
            state = state.but(doubt=before[kind])
        out.append(state)
    return joined(out)


class Seen:
    """The states that a loop has been entered with."""

    def __init__(self) -> None:
        self._seen: dict[State, tuple[int, frozenset[str]]] = {}

    def fresh(self, states: list[State]) -> list[State]:
        """Those that say something new, noted."""
        out: list[State] = []
        for state in states:
            key = state._replace(attributes=NOTHING, tied=NOTHING, doubt=0)
            have = self._seen.get(key)
            if have is None:
                self._seen[key] = state.doubt, state.attributes
            elif state.doubt < have[0] or common(have[1], state.attributes) != have[1]:
                self._seen[key] = min(state.doubt, have[0]), common(have[1], state.attributes)
            else:
                continue
            out.append(state)
        return out
