"""Which texts of exceptions a consumer's code sends to its client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import calls_within
from wslint.flow.turn import as_consumer, turns_of
from wslint.location import Location
from wslint.stack.client.clientinput import client_input
from wslint.stack.client.exceptiontext import ExceptionText, Text, is_asked
from wslint.stack.code.values import Frame
from wslint.stack.consumers.handling import own_name
from wslint.stack.model import Consumer, Stack

MAX_HELPERS = 4
"""How many functions hand a text on before it is sent."""

SENDS = frozenset({"send", "send_json", "base_send", "close"})
"""Methods by which a text reaches the client; close() has a reason."""


@dataclass(eq=False, frozen=True)
class Sent:
    """A text of an exception, and the call that sends it to the client."""

    text: Text
    location: Location


def sent_texts(stack: Stack, consumer: Consumer) -> Iterator[Sent]:
    """Every text of an exception that a consumer's code sends to its client."""
    trace = client_input(stack, consumer)
    texts, frames = ExceptionText(trace), _frames(stack, consumer)
    seen: set[tuple[int, int]] = set()
    work = [(frame.scope.node, frame, 0) for frame in frames][::-1]
    while work:
        function, frame, depth = work.pop()
        if not isinstance(function, m.FunctionDef):
            continue
        for call in calls_within(function.body):
            found = [text for arg in call.args for text in texts.of(arg.value, frame)]
            if not found or is_asked(call, frame):
                continue
            if own_name(call, function) in SENDS:
                fresh = [text for text in found if (id(text.node), id(call)) not in seen]
                seen.update((id(text.node), id(call)) for text in fresh)
                yield from (Sent(text, frame.at(call)) for text in fresh)
            elif depth < MAX_HELPERS:
                work.extend((inner, bound, depth + 1) for inner, bound in trace.entering(call, frame))


def _frames(stack: Stack, consumer: Consumer) -> list[Frame]:
    """Where the functions that Channels calls and all that they wait for are read, and the other methods."""
    turns = turns_of(stack)
    frames = {id(run.node): run.frame for turn in turns.of(consumer) for run in turns.runs(turn)}
    for method in consumer.methods.values():
        frames.setdefault(id(method.node), as_consumer(method, consumer.cls))
    return list(frames.values())
