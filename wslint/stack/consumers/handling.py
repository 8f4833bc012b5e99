"""The code that runs when a frame of the client comes: the consumer's methods, what they call, and the way there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.location import Location
from wslint.stack.client.clientinput import STAGES, ClientInput, client_input, is_own
from wslint.stack.code.classes import Method
from wslint.stack.code.functions import call_uses
from wslint.stack.code.guarded import is_caught, swallows
from wslint.stack.code.supers import is_super
from wslint.stack.code.values import Frame
from wslint.stack.model import Consumer, Stack

MAX_DEPTH = 5
MAX_RUNS = 200
"""How many calls of functions are followed from one consumer's frames."""


@dataclass(eq=False, frozen=True)
class Run:
    """One call of a function while a frame is handled; `call` stands in `caller`, None for what Channels calls."""

    node: m.FunctionDef
    frame: Frame
    caller: Run | None
    call: m.Call | None
    input: ClientInput

    def at(self, node: m.Node) -> Location:
        return self.frame.at(node)

    @property
    def way(self) -> Iterator[tuple[Run, m.Node | None]]:
        """This run and its callers, each with the call in it that leads here."""
        run, call = self, None
        yield run, call
        while run.caller is not None:
            run, call = run.caller, run.call
            yield run, call

    @property
    def depth(self) -> int:
        return sum(1 for _ in self.way) - 1

    def catches(self, node: m.Node, names: frozenset[str]) -> bool:
        """Does anything from here to Channels catch one of these exceptions that a node raises, or may it?"""
        values = self.input.values
        for run, call in self.way:
            if is_caught(run.node.body, call or node, names, run.frame, values):
                return True
            around = run.frame.parent
            if around is not None and any(swallows(one, around, values) for one in run.node.decorators):
                return True
        return False


def runs(stack: Stack, consumer: Consumer) -> list[Run]:
    """Every function that runs on a frame of the client, callers first; made once per stack."""
    made: dict[int, list[Run]] = stack.__dict__.setdefault("_runs", {})
    if id(consumer) not in made:
        made[id(consumer)] = _runs(stack, consumer)
    return made[id(consumer)]


def _runs(stack: Stack, consumer: Consumer) -> list[Run]:
    entry = next((method for name in STAGES if (method := _stage(consumer, name)) is not None), None)
    if entry is None:
        return []
    trace = client_input(stack, consumer)
    found: list[Run] = []
    work = [Run(entry.node, trace.entered(entry), None, None, trace)]
    while work and len(found) < MAX_RUNS:
        run = work.pop()
        found.append(run)
        if run.depth < MAX_DEPTH:
            work.extend(list(_called(run, consumer))[::-1])
    return found


def _stage(consumer: Consumer, name: str) -> Method | None:
    """The project's method for a stage that a frame passes in this kind of consumer."""
    stages = {"raw": STAGES[:2], "websocket": STAGES[:3], "json": STAGES}
    return consumer.method(name) if name in stages.get(consumer.kind, ()) else None


def _called(run: Run, consumer: Consumer) -> Iterator[Run]:
    for use in call_uses(run.frame.scope):
        if use.outer is not None and last_name(use.outer.func) in _TASKS:
            continue
        call, trace = use.node, run.input
        if not trace.may_concern(call, run.frame):
            continue
        active = {id(one.node) for one, _ in run.way}
        entered = [(node, frame) for node, frame in trace.entering(call, run.frame) if id(node) not in active]
        for node, frame in entered:
            given = trace.is_given(call, run.frame)
            if given or frame.parent is run.frame or is_own(frame.owner, consumer):
                yield Run(node, frame, run, call, trace)
        if not entered and isinstance(call.func, m.Attribute) and is_super(call.func.value):
            after = STAGES[STAGES.index(call.func.attr) + 1 :] if call.func.attr in STAGES else ()
            method = next((found for name in after if (found := _stage(consumer, name)) is not None), None)
            if method is not None:
                yield Run(method.node, trace.entered(method), run, call, trace)


def own_name(call: m.Call, function: m.FunctionDef) -> str | None:
    """The name in `self.name(…)` and `super().name(…)` in a method."""
    func = call.func
    if not isinstance(func, m.Attribute) or not function.params:
        return None
    own = isinstance(func.value, m.Name) and func.value.id == function.params[0].name
    return func.attr if own or is_super(func.value) else None


_TASKS = frozenset({"create_task", "ensure_future", "run_coroutine_threadsafe", "start_soon", "spawn"})
"""Calls that run a coroutine on its own: what it raises does not reach the consumer."""
