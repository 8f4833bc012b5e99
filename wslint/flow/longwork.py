"""Work of seconds or more that a turn waits for: answers of models, streams, subprocesses, loops that sleep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.flow.endless import endlessness_of, stuck_turns
from wslint.flow.turn import Parents, Run, Turn, turns_of, walked
from wslint.knowledge.longwork import (
    LLM,
    LONG_CALLS,
    LONG_SOURCES,
    REQUESTS,
    RUNNABLE,
    RUNNABLE_PACKAGES,
    UPSTREAMS,
    named,
)
from wslint.location import Location
from wslint.stack.code.spelling import spellings
from wslint.stack.code.values import FunctionValue, argument
from wslint.stack.model import Consumer, Stack

LONG_SECONDS = 10.0
"""From here on Daphne kills a consumer whose client has left."""

PAUSE_SECONDS = 0.25
"""A loop that pauses so long in every turn waits for somebody else."""

SLOW_SECONDS = 1.0
"""A sleep from which on a handshake is slow."""


@dataclass(eq=False, frozen=True)
class Work:
    """Long work in a turn: words for "it waits …", the node that waits, and the run that the node stands in."""

    words: str
    node: m.Node
    run: Run
    turn: Turn

    @property
    def location(self) -> Location:
        return self.run.at(self.node)

    @property
    def place(self) -> Location:
        """The work itself in the consumer's own code, else the call there that leads to it."""
        cls = self.turn.consumer.cls
        if self.run.frame.owner in cls.ancestry:
            return self.location
        own = [(step, frame) for step, frame in self.run.steps if frame.owner in cls.ancestry]
        return own[-1][1].at(own[-1][0]) if own else self.location


class LongWork:
    """Finds the long work of a stack's consumers."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.values = stack.values
        self.turns = turns_of(stack)
        self._has_runnables = any(stack.packages.named(name) for name in RUNNABLE_PACKAGES)
        self._stuck = {id(stuck.endless.run.node) for stuck in stuck_turns(stack)}

    def of(self, turn: Turn) -> Iterator[Work]:
        """What a turn waits for; nothing of a function that never returns anyway."""
        for run in self.turns.runs(turn):
            short = run.limit is not None and run.limit < LONG_SECONDS
            if short or id(run.node) in self._stuck or endlessness_of(self.stack, turn.consumer).is_left(run):
                continue
            for node, parents in walked(run.node.body):
                words = self._words(node, parents, run, turn.consumer)
                if words is not None:
                    yield Work(words, node.test if isinstance(node, m.While) else node, run, turn)

    def slow(self, turn: Turn) -> Iterator[Work]:
        """What a turn waits for that takes a second, or as long as somebody else's server."""
        for run in self.turns.runs(turn):
            for node, parents in walked(run.node.body):
                if isinstance(node, m.Call) and (
                    self.turns.wait(node, parents, run.frame) is not None or _is_entered(node, parents)
                ):
                    words = self._slow_call(node, run)
                    if words is not None:
                        yield Work(words, node, run, turn)

    def _slow_call(self, call: m.Call, run: Run) -> str | None:
        seconds = self._sleep(call, run)
        if seconds is not None:
            return f"{seconds:g} s in asyncio.sleep()" if seconds >= SLOW_SECONDS else None
        names = spellings(call.func, run.frame, self.values)
        return next((f"for {what}" for name in sorted(names) if (what := named(REQUESTS, name)) is not None), None)

    def _sleep(self, call: m.Call, run: Run) -> float | None:
        """The seconds of an `asyncio.sleep()`, when they are known."""
        if not call.args or self.values.dotted(call.func, run.frame) != "asyncio.sleep":
            return None
        seconds = self.values.constant(call.args[0].value, run.frame)
        return float(seconds) if isinstance(seconds, (int, float)) else None

    def _words(self, node: m.Node, parents: Parents, run: Run, consumer: Consumer) -> str | None:
        if isinstance(node, m.While):
            return self._loop(node, parents, run, consumer)
        if not isinstance(node, (m.Call, m.Attribute, m.Name)):
            return None
        wait = self.turns.wait(node, parents, run.frame)
        if wait is None or (wait.limit is not None and wait.limit < LONG_SECONDS):
            return None
        if wait.how == "iterated":
            return self._source(node, wait.loop, run, consumer)
        return self._call(node, run) if isinstance(node, m.Call) else None

    def _call(self, call: m.Call, run: Run) -> str | None:
        """What an awaited call is, when it takes long."""
        seconds = self._sleep(call, run)
        if seconds is not None:
            return f"{seconds:g} s in asyncio.sleep()" if seconds >= LONG_SECONDS else None
        given = argument(call, 1 << 30, "stream")
        if given is not None and not (isinstance(given, m.Constant) and not given.value):
            return None  # the answer is read piece by piece afterwards
        return self._named(call, run)

    def _source(self, node: m.Expr, loop: m.For | None, run: Run, consumer: Consumer) -> str | None:
        """What is iterated over, when it takes long to its end."""
        to_the_end = loop is None or not endlessness_of(self.stack, consumer).ends(loop.body, run.frame)
        for spelling in spellings(node, run.frame, self.values):
            if to_the_end and (upstream := named(UPSTREAMS, spelling)) is not None:
                return f"for {upstream}"
            what = named(LONG_SOURCES, spelling) or named(LONG_CALLS, spelling.removesuffix("()"))
            if what is not None:
                return f"for {what}"
        return self._named(node, run) if isinstance(node, m.Call) else None

    def _named(self, call: m.Call, run: Run) -> str | None:
        for spelling in spellings(call.func, run.frame, self.values):
            what = named(LONG_CALLS, spelling)
            if what is not None:
                return None if self._is_stopped(call, run) else f"for {what}"
        func = call.func
        if self._has_runnables and isinstance(func, m.Attribute) and RUNNABLE.fullmatch(func.attr):
            known = any(isinstance(value, FunctionValue) for value in self.values.of(func, run.frame))
            return None if known else f"for {LLM}"
        return None

    def _is_stopped(self, call: m.Call, run: Run) -> bool:
        """Is a subprocess told to end in the same function?"""
        func = call.func
        if not isinstance(func, m.Attribute) or func.attr not in ("wait", "communicate"):
            return False
        told = {node.attr for node in within(run.node.body) if isinstance(node, m.Attribute)}
        return not told.isdisjoint(("kill", "terminate"))

    def _loop(self, loop: m.While, parents: Parents, run: Run, consumer: Consumer) -> str | None:
        """A loop that pauses and looks again, above all one that disconnect() is meant to end early."""
        limit = self.turns.limit(parents, run.frame)
        if limit is not None and limit < LONG_SECONDS:
            return None
        pauses = [pause for node, above in walked(loop.body) if (pause := self._pause(node, above, run)) is not None]
        dead = endlessness_of(self.stack, consumer).only_set_in(loop, run, "disconnect") if pauses else None
        if dead is not None:
            return f"in a loop that only disconnect() would end early, by {dead}; but that does not run meanwhile"
        return "in a loop that sleeps until something happens" if max(pauses, default=0.0) >= PAUSE_SECONDS else None

    def _pause(self, node: m.Node, above: Parents, run: Run) -> float | None:
        """The seconds of a pause in every turn of a loop; 0 when they are not known."""
        if not isinstance(node, m.Await) or not isinstance(node.value, m.Call):
            return None
        if any(isinstance(parent, m.Handler) for parent in above):
            return None  # the pause before another try
        if self.values.dotted(node.value.func, run.frame) != "asyncio.sleep":
            return None
        return self._sleep(node.value, run) or 0.0


def _is_entered(node: m.Node, parents: Parents) -> bool:
    """Is a call what `async with` enters?"""
    return len(parents) > 1 and isinstance(parents[-1], m.WithItem) and parents[-1].value is node and (
        isinstance(parents[-2], m.With) and parents[-2].is_async
    )  # fmt: skip


def long_work_of(stack: Stack) -> LongWork:
    """The long work of a stack; one object for all rules."""
    found: LongWork | None = stack.__dict__.get("_long_work")
    if found is None:
        found = stack.__dict__["_long_work"] = LongWork(stack)
    return found
