"""What every part of a walk shares: the place it is at, what happened so far, what leaves by an exception."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.flow.errors import Error, Thrown
from wslint.flow.keys import Keys
from wslint.flow.occurrence import Occurrence
from wslint.flow.state import CLOSED, MAX_STATES, UNKNOWN, GaveUp, Out, State
from wslint.flow.subject import Code, Subject
from wslint.stack.code.classes import Method
from wslint.stack.code.values import Frame

MAX_STEPS = 8_000
"""How many statements are run for one entry point before it is given up."""

MAX_STEPS_OF_ALL = 40_000
"""The same for all entry points of a consumer together; the rest of them is not known then."""


@dataclass(eq=False)
class Place:
    """The function being walked and where it is read."""

    method: Method
    code: Code
    frame: Frame
    outside: int
    """How many of the conditions stand around the call that led here."""

    @property
    def self_name(self) -> str | None:
        """What the consumer is called here."""
        return self.code.keys.self_name


class Path(ABC):
    """One walk from one entry point: its parts are mixed in by Walk."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.consumer = subject.consumer
        self.values = subject.values
        self.occurrences: dict[tuple[str, int, int], Occurrence] = {}
        self.conditions: list[m.Expr] = []
        self.guards = 0
        self.loops = 0
        self.muted = 0
        self.steps = 0
        self.place: Place
        self.entry_call: m.Node | None = None
        self.thrown: list[Thrown] = []
        self.catching = 0
        self.handling: list[tuple[Error | None, ...]] = []

    @abstractmethod
    def expr(self, node: m.Expr, states: list[State], *, dropped: bool = False) -> list[State]:
        """Run an expression; each state then carries what is known of its value."""

    @abstractmethod
    def block(self, body: tuple[m.Stmt, ...], states: list[State]) -> Out:
        """Run statements."""

    @property
    def keys(self) -> Keys:
        return self.place.code.keys

    def own_attribute(self, node: m.Expr) -> str | None:
        """The name in `self.name`."""
        if isinstance(node, m.Attribute) and isinstance(node.value, m.Name) and node.value.id == self.place.self_name:
            return node.attr
        return None

    def step(self) -> None:
        self.steps += 1
        self.subject.steps += 1
        if self.steps > MAX_STEPS or self.subject.steps > MAX_STEPS_OF_ALL:
            raise GaveUp

    # --- what happens ---

    def occur(self, kind: str, node: m.Node, states: Iterable[State], name: str, dropped: bool = False) -> Occurrence:
        """Note that something happens in some states."""
        found = self.happening(kind, node, name, dropped)
        if not self.muted:
            self.note(found, states)
        return found

    def happening(self, kind: str, node: m.Node, name: str, dropped: bool = False) -> Occurrence:
        """The occurrence at a node, noted or not."""
        outer = self.entry_call or node
        found = self.occurrences.get((kind, id(node), id(outer)))
        if found is None:
            return Occurrence(
                kind,
                node,
                self.place.method,
                outer,
                name,
                [self.place.frame],
                tuple(self.conditions),
                self.guards > 0,
                dropped,
            )
        if len(self.conditions) < len(found.conditions):
            found.conditions = tuple(self.conditions)
        if all(frame is not self.place.frame for frame in found.frames):
            found.frames.append(self.place.frame)
        return found

    def note(self, occurrence: Occurrence, states: Iterable[State]) -> None:
        key = (occurrence.kind, id(occurrence.node), id(occurrence.outer))
        found = self.occurrences.setdefault(key, occurrence)
        if found is occurrence and not found.before:
            found.order = len(self.occurrences)
        found.before.update(states)
        if len(found.before) > 16 * MAX_STATES:
            raise GaveUp

    def closed(self, state: State, by: Occurrence) -> State:
        return state.but(socket=CLOSED, closed_by=by, doubt=0, tied=self.asked_here())

    def asked_here(self) -> frozenset[str]:
        """What the conditions around this place, in its own function, look at."""
        return frozenset[str]().union(*(self.keys.paths(test) for test in self.conditions[self.place.outside :]))

    # --- what is thrown ---

    def throw(self, thrown: Iterable[Thrown]) -> None:
        self.thrown += thrown

    def may_throw(self, states: Iterable[State], error: Error | None = None) -> None:
        """Any of some states may leave here by an exception; it matters only inside a `try` or the like."""
        if self.catching:
            self.thrown += [
                Thrown(state.but(doubt=state.doubt + 1) if state.socket == CLOSED else state, error)
                for state in states
                if state.socket != UNKNOWN
            ]

    @contextmanager
    def catch(self) -> Iterator[list[Thrown]]:
        """What is thrown inside comes to the one who asks, and not further by itself."""
        outer, caught = self.thrown, list[Thrown]()
        self.thrown = caught
        self.catching += 1
        try:
            yield caught
        finally:
            self.thrown = outer
            self.catching -= 1

    # --- where ---

    @contextmanager
    def under(self, test: m.Expr | None) -> Iterator[None]:
        """Inside an arm of a condition."""
        if test is None:
            yield
            return
        self.conditions.append(test)
        try:
            yield
        finally:
            self.conditions.pop()

    @contextmanager
    def guarded(self, on: bool) -> Iterator[None]:
        """Where an AttributeError would be caught."""
        self.guards += on
        try:
            yield
        finally:
            self.guards -= on

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """What runs at some other time is not noted."""
        self.muted += 1
        try:
            yield
        finally:
            self.muted -= 1
