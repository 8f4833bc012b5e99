"""Consumers that accept everybody without asking who that is (WS605), and how bad that is."""

from __future__ import annotations

from dataclasses import dataclass

from wslint.flow.life import life_of
from wslint.location import Location
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.strangers import asking_sibling, gives_nothing, open_mounts, writing
from wslint.stack.model import Consumer, Mount, Stack


@dataclass(eq=False, frozen=True)
class Unasked:
    """`place` is where strangers are let in; `sibling` where another consumer asks, `written` the database changed."""

    place: Location
    mounts: list[Mount]
    sibling: Location | None
    written: Location | None

    @property
    def is_loud(self) -> bool:
        """Is it more than a smell?"""
        return self.sibling is not None or self.written is not None


def unasked(stack: Stack, consumer: Consumer) -> Unasked | None:
    """None when a consumer asks, may ask, or has nothing to ask for; found once."""
    made: dict[int, Unasked | None] = stack.__dict__.setdefault("_unasked", {})
    if id(consumer) not in made:
        made[id(consumer)] = _unasked(stack, consumer)
    return made[id(consumer)]


def _unasked(stack: Stack, consumer: Consumer) -> Unasked | None:
    guards = Guards.of(stack)
    mounts = open_mounts(consumer, guards)
    place = _acceptance(stack, consumer) if mounts else None
    if place is None or gives_nothing(consumer, stack):
        return None
    return Unasked(place, mounts, asking_sibling(consumer, mounts, guards), writing(consumer, stack))


def _acceptance(stack: Stack, consumer: Consumer) -> Location | None:
    """Where strangers are let in: accept() in connect(), or the class when Channels' own connect() does it."""
    flow = life_of(stack, consumer).connect
    if flow is None:
        return consumer.location
    accepts = flow.of("accept")
    if not flow.known or any(one.conditions for one in accepts):
        return None
    return accepts[0].location if accepts else None
