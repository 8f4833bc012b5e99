"""The closes with a code of the project's own that reach a client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.flow.life import life_of
from wslint.flow.occurrence import Occurrence
from wslint.flow.state import CONNECTING
from wslint.location import Location
from wslint.stack.code.values import argument
from wslint.stack.consumers.closecodes import names, numbers
from wslint.stack.model import Consumer, Stack

OWN = range(3000, 5000)
"""Codes that mean what the project says they mean."""


@dataclass(eq=False, frozen=True)
class Close:
    """A close with a code, where the number is written, and what the code around calls it."""

    consumer: Consumer
    occurrence: Occurrence
    number: int
    written: Location
    called: tuple[str, ...]

    @property
    def location(self) -> Location:
        return self.occurrence.location


def own_closes(stack: Stack) -> Iterator[Close]:
    """The closes with a code of the project's own that can reach a client (before accept() none does)."""
    told: set[tuple[Location, int]] = set()
    for consumer in stack.consumers:
        if consumer.in_tests or consumer.vendored or not consumer.is_websocket:
            continue
        for found in (found for flow in life_of(stack, consumer).flows() for found in flow.of("close")):
            if found.code is None or all(state.socket == CONNECTING for state in found.before):
                continue
            for value in (value for frame in found.frames for value in stack.values.of(found.code, frame)):
                for number, written in numbers(stack, value):
                    if type(number) is int and number in OWN and (found.location, number) not in told:
                        told.add((found.location, number))
                        yield Close(consumer, found, number, written, (*_reason(stack, found), *names(value)))


def _reason(stack: Stack, found: Occurrence) -> Iterator[str]:
    given = None if found.call is None or found.name == "send" else argument(found.call, 1, "reason")
    for frame in found.frames:
        text = None if given is None else stack.values.constant(given, frame)
        if isinstance(text, str):
            yield text
