"""What a flow tells: things done to the connection, ways out of a method, and the states at both."""

from __future__ import annotations

from dataclasses import dataclass, field

from wslint.facts import model as m
from wslint.flow.state import State
from wslint.location import Location
from wslint.stack.code.classes import Method
from wslint.stack.code.values import Frame, argument


@dataclass(eq=False)
class Occurrence:
    """Something a method does to its connection, with the states in which it can happen.

    `kind` is accept, close, send, deny, stop, read (of `self.name`), or a call on a channel layer: group_add,
    group_discard, group_send, channel_send. `outer` is the call in the entry method's own body that led to it (the
    node itself when it stands there), `frames` are where its arguments can be read, helper parameters bound.
    `conditions` are the tests around it, `guarded` says that a handler would catch an AttributeError there, `dropped`
    that it is a coroutine which is not awaited. `order` counts what the walk came to: with the paths, not the lines.
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
    order: int = 0

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


@dataclass(eq=False)
class Exit:
    """A way out of a method, and the state there.

    `how` is "return", "end" (falling off), "deny" (DenyConnection or AcceptConnection), "stop" (StopConsumer) or
    "raise" (any other exception that is raised by name; those that calls may raise are not listed). `node` is the
    statement, the method for "end"; `method` is the one it stands in: a helper's for what a helper raised.
    """

    how: str
    node: m.Node
    state: State
    method: Method

    @property
    def location(self) -> Location:
        return self.method.location if self.how == "end" else self.method.at(self.node)


@dataclass(eq=False)
class Flow:
    """All paths of one method. Not `known`: it could not be followed, say nothing.

    `steps`: statements run for it. `starts`: the ways to be at its beginning.
    """

    method: Method
    known: bool
    occurrences: tuple[Occurrence, ...]
    exits: tuple[Exit, ...]
    steps: int = 0
    starts: tuple[State, ...] = ()

    def of(self, *kinds: str) -> tuple[Occurrence, ...]:
        """The occurrences of some kinds, in source order."""
        return tuple(occurrence for occurrence in self.occurrences if occurrence.kind in kinds)
