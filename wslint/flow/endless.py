"""Code that has no end of its own: loops that nothing leaves, waits that nothing ends while they last.

An end is a `break`, `return` or `raise` on a path of normal work. One that needs a failure (`except Exception: break`
around nothing but sends and sleeps) or a cancellation is none, and neither is a flag that cannot change meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.flow.flags import ANYTIME, Flags
from wslint.flow.turn import Run, Turn, Turns, turns_of, walked
from wslint.knowledge import channels as known
from wslint.knowledge.longwork import ENDLESS_CALLS, ENDLESS_SOURCES, UPSTREAMS, named
from wslint.location import Location
from wslint.stack.code.spelling import spellings
from wslint.stack.code.values import ExternalValue, Frame, FunctionValue
from wslint.stack.model import Consumer, Stack

MAX_DEPTH = 3
"""How many calls deep a `raise` that ends a loop is looked for."""

CANCELLATIONS = frozenset({"asyncio.CancelledError", "asyncio.exceptions.CancelledError", "builtins.GeneratorExit"})
FAILURES = frozenset({"builtins.Exception", "builtins.BaseException"})

TAME = ("asyncio.sleep", "time.", "builtins.", "json.", "logging.", "datetime.", "random.", "django.utils.timezone.")
"""Calls that go wrong only when something is broken."""

EXITS = frozenset({"sys.exit", "os._exit", "builtins.exit", "builtins.quit"})
MAY_END = frozenset({"asyncio.wait_for", "asyncio.timeout", "builtins.next", "builtins.anext"})
"""Calls that raise in the normal course of things."""


@dataclass(eq=False, frozen=True)
class Endless:
    """Where code never goes on. `kind` is loop, flag, source or wait; `what` is waited for, `setters` could end it.

    An "upstream" is read until somebody else closes it, which may be soon; a "timeout" is all that ends a wait.

    `node` is the smallest thing to point at: a loop's test, what a `for` iterates over, what is awaited.
    """

    kind: str
    node: m.Node
    run: Run
    what: str = ""
    setters: tuple[str, ...] = ()

    @property
    def location(self) -> Location:
        return self.run.at(self.node)

    @property
    def waits_for_own(self) -> bool:
        """Does the loop wait for an event or queue of the consumer, of which nobody knows any more when it is gone?"""
        loop = next((node for node in within(self.run.node.body) if getattr(node, "test", None) is self.node), None)
        return loop is not None and any(
            isinstance(node, m.Await) and _waited_for(node.value) is not None for node in within((loop,))
        )


@dataclass(eq=False, frozen=True)
class Stuck:
    """A turn that never returns, why, and where to say so."""

    turn: Turn
    endless: Endless
    place: Location


class Endlessness:
    """Looks for endless code in the runs of one consumer."""

    def __init__(self, turns: Turns, flags: Flags) -> None:
        self.turns = turns
        self.values = turns.values
        self.flags = flags

    def of(self, runs: Iterable[Run], blocked: frozenset[str]) -> Iterator[Endless]:
        """The endless places of a turn or task, the nearest first; `blocked` turns cannot run meanwhile."""
        for run in runs:
            if run.limit is None and not self.is_left(run):
                yield from self._in(run, blocked)

    def is_left(self, run: Run) -> bool:
        """Does the loop that takes the items of a generator end before the generator does?"""
        return run.loop is not None and self.ends(run.loop.body, run.steps[-1][1])

    def _in(self, run: Run, blocked: frozenset[str]) -> Iterator[Endless]:
        for node, parents in walked(run.node.body):
            match node:
                case m.While() if not self.ends(node.body, run.frame):
                    found = self._while(node, run, blocked)
                case m.For() if not self.ends(node.body, run.frame):
                    found = self._source(node.iterable, run)
                case m.Await():
                    found = self._await(node, run, blocked)
                case _:
                    found = None
            if found is not None and self.turns.limit(parents, run.frame) is None:
                yield found

    def _while(self, node: m.While, run: Run, blocked: frozenset[str]) -> Endless | None:
        test = node.test
        names = list(_flags(test))
        if not names:
            return Endless("loop", test, run)
        setters: list[str] = []
        for name, is_event in names:
            moved = self._moved(name, is_event, run, blocked, node)
            if moved is None:
                return None
            setters += moved
        words = " and ".join(f"self.{name}" for name, _ in names)
        return Endless("flag", test, run, words, tuple(dict.fromkeys(setters)))

    def only_set_in(self, loop: m.While, run: Run, turn: str) -> str | None:
        """The attribute in a loop's test that nothing but one turn changes."""
        for name, is_event in _flags(loop.test):
            if self._moved(name, is_event, run, frozenset({turn}), loop):
                return f"self.{name}"
        return None

    def _moved(
        self, name: str | None, is_event: bool, run: Run, blocked: frozenset[str], loop: m.While | None
    ) -> list[str] | None:
        """The turns that change an attribute, when all of them are blocked; None when something else may."""
        if name is None:
            return None
        places = self.flags.released_in(name) if is_event else self.flags.changed_in(name)
        if places is None:
            return None
        inside = self.flags.run_by(loop.body, run.node) if loop is not None else set()
        own = {id(node) for node in within(loop.body)} if loop is not None else set()
        found: list[str] = []
        for place, method in places:
            if id(place) in own or method in inside:
                return None
            roots = self.flags.roots(method)
            if ANYTIME in roots:
                return None
            found += sorted(roots)
        return found if blocked.issuperset(found) else None

    def _source(self, iterable: m.Expr, run: Run) -> Endless | None:
        for spelling in spellings(iterable, run.frame, self.values):
            words = named(ENDLESS_SOURCES, spelling)
            if words is not None:
                return Endless("source", iterable, run, words)
            words = named(UPSTREAMS, spelling)
            if words is not None:
                return Endless("upstream", iterable, run, words)
        return None

    def _await(self, node: m.Await, run: Run, blocked: frozenset[str]) -> Endless | None:
        if isinstance(node.value, m.Call) and self._is_written_here(node.value, run.frame):
            for spelling in spellings(node.value, run.frame, self.values):
                words = named(ENDLESS_CALLS, spelling)
                if words is not None:
                    return Endless("wait", node.value, run, words)
        name = _waited_for(node.value)
        places = self.flags.released_in(name) if name is not None else None
        if not places or name is None:
            return None
        here = self.flags.roots(run.node) | {run.node.name}
        found = sorted({root for _, method in places for root in self.flags.roots(method)})
        if ANYTIME in found or not blocked.issuperset(found) or here & set(found) or not found:
            return None
        kind = "timeout" if isinstance(node.value, m.Call) and _is_limited(node.value) else "wait"
        return Endless(kind, node.value, run, f"self.{name}", tuple(found))

    def _is_written_here(self, call: m.Call, frame: Frame) -> bool:
        """Is an object made in the expression itself, so that nobody else knows it?"""
        inner: m.Expr = call
        while isinstance(inner, (m.Call, m.Attribute)):
            inner = inner.func if isinstance(inner, m.Call) else inner.value
        return isinstance(self.values.one(inner, frame), ExternalValue)

    # --- ends ---

    def ends(self, body: tuple[m.Stmt, ...], frame: Frame) -> bool:
        """Does some path of normal work leave a loop with this body?"""
        return any(self._leaves(node, parents, frame, 0) for node, parents in walked(body))

    def _leaves(self, node: m.Node, parents: tuple[m.Node, ...], frame: Frame, depth: int) -> bool:
        match node:
            case m.Jump(kind="break"):
                leaves = depth == 0 and not any(isinstance(parent, (m.For, m.While)) for parent in parents)
            case m.Return():
                leaves = depth == 0
            case m.Raise():
                leaves = not self._is_caught(parents, frame)
            case m.Call():
                leaves = not self._is_caught(parents, frame) and self._raises(node, frame, depth)
            case _:
                return False
        return leaves and not any(self._needs_failure(parents, index, frame) for index in range(len(parents)))

    def _raises(self, call: m.Call, frame: Frame, depth: int) -> bool:
        """Does a call raise in the normal course of things?"""
        for value in self.values.of(call.func, frame):
            if isinstance(value, ExternalValue) and value.dotted in EXITS | MAY_END:
                return True
            if isinstance(value, FunctionValue) and isinstance(value.node, m.FunctionDef) and depth < MAX_DEPTH:
                inner = self.values.frame(value.frame.scope.child(value.node))
                if any(self._leaves(node, above, inner, depth + 1) for node, above in walked(value.node.body)):
                    return True
        return False

    def _is_caught(self, parents: tuple[m.Node, ...], frame: Frame) -> bool:
        """Does a `try` of the loop catch what is raised below these nodes?"""
        return any(
            isinstance(parent, m.Try)
            and any(statement is child for statement in parent.body)
            and any(self._names(handler, frame) & FAILURES for handler in parent.handlers)
            for parent, child in pairwise(parents)
        )

    def _needs_failure(self, parents: tuple[m.Node, ...], index: int, frame: Frame) -> bool:
        """Is an `except` among the nodes above one that only a cancellation or a failure enters?"""
        handler = parents[index]
        if not isinstance(handler, m.Handler):
            return False
        names = self._names(handler, frame)
        if names and names <= CANCELLATIONS:
            return True
        around = parents[index - 1] if index else None
        return names <= CANCELLATIONS | FAILURES and isinstance(around, m.Try) and self._is_tame(around, frame)

    def _is_tame(self, node: m.Try, frame: Frame) -> bool:
        """Does nothing in a `try` raise but when something is broken?"""
        for found in within(node.body):
            if isinstance(found, m.Raise) or (isinstance(found, m.Call) and not self._is_tame_call(found, frame)):
                return False
        return True

    def _is_tame_call(self, call: m.Call, frame: Frame) -> bool:
        func = call.func
        if isinstance(func, m.Attribute):
            if func.attr in known.LAYER_METHODS or func.attr in _SENDS:
                return True
            if isinstance(func.value, m.Name) and func.value.id in ("logger", "log", "logging"):
                return True
        for value in self.values.of(func, frame):
            if isinstance(value, ExternalValue) and value.dotted.startswith(TAME) and value.dotted not in MAY_END:
                return True
            if isinstance(value, FunctionValue):
                return not self._raises(call, frame, 0)
        return False

    def _names(self, handler: m.Handler, frame: Frame) -> frozenset[str]:
        """What a handler catches, as dotted names; "" for what is not known."""
        if handler.exception is None:
            return frozenset({"builtins.BaseException"})
        items = handler.exception.items if isinstance(handler.exception, m.Sequence) else (handler.exception,)
        return frozenset(self.values.dotted(item, frame) or "" for item in items)


def _flags(test: m.Expr) -> Iterator[tuple[str | None, bool]]:
    """The attributes that a test asks about, and whether for an event that is set; None for anything else."""
    match test:
        case m.Constant(value=value) if value:
            return
        case m.BoolOp():
            yield from _flags(test.left)
            yield from _flags(test.right)
        case m.UnaryOp(op="not"):
            yield from _flags(test.operand)
        case m.Compare(right=m.Constant()):
            yield from _flags(test.left)
        case m.Call(func=m.Attribute(attr="is_set", value=m.Attribute(value=m.Name(id="self"), attr=attr)), args=()):
            yield attr, True
        case m.Attribute(value=m.Name(id="self"), attr=attr):
            yield attr, False
        case _:
            yield None, False


def _is_limited(call: m.Call) -> bool:
    return isinstance(call.func, m.Attribute) and call.func.attr == "wait_for"


def _waited_for(node: m.Expr) -> str | None:
    """`name` in `await self.name`, `await self.name.wait()`, `await self.name.get()`, with or without a timeout."""
    match node:
        case m.Attribute(value=m.Name(id="self"), attr=attr):
            return attr
        case m.Call(func=m.Attribute(attr="wait" | "get", value=m.Attribute() as owner), args=()):
            return _waited_for(owner)
        case m.Call(func=m.Attribute(attr="wait_for" | "shield"), args=(first, *_)):
            return _waited_for(first.value)
        case _:
            return None


_SENDS = frozenset({"send", "send_json", "send_body"})


def endlessness_of(stack: Stack, consumer: Consumer) -> Endlessness:
    """The endless code of one consumer; one object for all rules."""
    found: dict[int, Endlessness] = stack.__dict__.setdefault("_endlessness", {})
    if id(consumer) not in found:
        turns = turns_of(stack)
        found[id(consumer)] = Endlessness(turns, Flags(consumer, turns))
    return found[id(consumer)]


def stuck_turns(stack: Stack) -> tuple[Stuck, ...]:
    """The turns of the project's consumers that never return, each place once."""
    found: tuple[Stuck, ...] | None = stack.__dict__.get("_stuck_turns")
    if found is None:
        found = stack.__dict__["_stuck_turns"] = tuple(_stuck_turns(stack))
    return found


def _stuck_turns(stack: Stack) -> Iterator[Stuck]:
    turns = turns_of(stack)
    told: set[Location] = set()
    for consumer in stack.consumers:
        if consumer.in_tests or consumer.vendored or consumer.is_abstract:
            continue
        blocked = frozenset(turn.name for turn in turns.of(consumer))
        for turn in turns.of(consumer):
            for endless in endlessness_of(stack, consumer).of(turns.runs(turn), blocked):
                place = endless.run.place(endless.node, consumer.cls)
                if endless.kind != "upstream" and place not in told:
                    told.add(place)
                    yield Stuck(turn, endless, place)
