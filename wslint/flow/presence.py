"""Marks that only disconnect() takes back: nothing else clears them, nothing says how old they are."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.flow.marks import Mark, Marks, is_saved, model_of
from wslint.flow.turn import Run, turns_of, walked
from wslint.knowledge import presence as known
from wslint.stack.code.functions import functions
from wslint.stack.code.values import Unknown
from wslint.stack.model import Consumer, Stack, is_test_path


class Presence:
    """What the consumers of a stack tell about their connections."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.turns = turns_of(stack)
        self.marks = Marks(stack)

    def left(self, consumer: Consumer) -> Iterator[tuple[Mark, Mark]]:
        """Marks that only disconnect() takes back: (how it takes it back, how it was set)."""
        runs: dict[str, list[Run]] = {"connect": [], "frame": [], "disconnect": []}
        for turn in self.turns.of(consumer):
            kind = turn.kind if turn.kind in runs else "frame"
            runs[kind].extend(self.turns.runs(turn))
        if self._beats(consumer, runs):
            return
        connect, frame = self.marks.of(runs["connect"]), self.marks.of(runs["frame"])
        for off in self.marks.of(runs["disconnect"]):
            set_first = next((mark for mark in connect if off.undoes(mark)), None)
            if set_first is not None and any(mark.repeats(set_first) for mark in frame):
                continue  # a heartbeat
            set_later = next((mark for mark in frame if off.undoes(mark) and off.kind != "rows"), None)
            on = set_first or set_later
            if on is not None and not self._expires(off, runs) and not self._cleared_elsewhere(off, on):
                yield off, on

    def _expires(self, off: Mark, runs: dict[str, list[Run]]) -> bool:
        """Is some key given a time to live in this consumer's code?"""
        if off.kind in ("field", "rows"):
            return False
        for run in (run for found in runs.values() for run in found):
            for node in within(run.node.body):
                if isinstance(node, m.Call) and (
                    (isinstance(node.func, m.Attribute) and node.func.attr in known.EXPIRES)
                    or any(arg.keyword in known.LIFETIMES and not _is_none(arg.value) for arg in node.args)
                ):
                    return True
        return False

    def _beats(self, consumer: Consumer, runs: dict[str, list[Run]]) -> bool:
        """Does it write the time while it is connected: with every frame, or in a task?"""
        own = {run.node for found in runs.values() for run in found}
        beating = [*runs["frame"]]
        beating += [Run(method.node, method.frame) for method in consumer.methods.values() if method.node not in own]
        return any(
            isinstance(node, m.Call)
            and self.stack.values.dotted(node.func, run.frame) in known.NOW
            and any(_writes(parent, run) for parent in parents)
            for run in beating
            for node, parents in walked(run.node.body)
        )

    def _cleared_elsewhere(self, off: Mark, on: Mark) -> bool:
        """Does code that is no consumer's take such a mark back, or judge it by its age?"""
        needle = off.subject if isinstance(off.subject, str) else max(off.subject.texts, key=len)
        mine = self._of_consumers()
        for path in mentions(self.stack.tree, (needle.encode(),)):
            module = None if is_test_path(path) or "/migrations/" in path else self.stack.modules.at(path)
            if module is None:
                continue
            for function, _ in functions(module, self.stack.values):
                if function.node in mine or _is_view(function.node):
                    continue
                run = Run(function.node, function.frame)
                if any(self._compares_age(node, off, on, run) for node in within(function.node.body)):
                    return True
                if any(mark.repeats(off) for mark in self.marks.of([run])):
                    return True
        return False

    def _compares_age(self, node: m.Node, off: Mark, on: Mark, run: Run) -> bool:
        """`Model.objects.filter(field=True, last_seen__lt=…)`"""
        if not isinstance(node, m.Call) or not any(
            (arg.keyword or "").endswith(known.COMPARISONS) for arg in node.args
        ):
            return False
        if off.kind == "rows":
            return model_of(node.func) == off.subject
        asked = [self.marks.constant(arg.value, run) for arg in node.args if arg.keyword == off.subject]
        return any(isinstance(state, Unknown) or state in (on.state, off.state) for state in asked)

    def _of_consumers(self) -> set[m.FunctionDef]:
        """Every function that runs in a turn of a consumer."""
        found: set[m.FunctionDef] | None = self.stack.__dict__.get("_in_turns")
        if found is None:
            found = self.stack.__dict__["_in_turns"] = {
                run.node
                for consumer in self.stack.consumers
                for turn in self.turns.of(consumer)
                for run in self.turns.runs(turn)
            }
        return found


def _writes(node: m.Node, run: Run) -> bool:
    """Does it put what stands in it where others see it?"""
    match node:
        case m.Assign(targets=targets):
            return any(isinstance(target, m.Attribute) and is_saved(target, run) for target in targets)
        case m.Call(func=m.Attribute(attr=attr)):
            return attr in known.UPDATES | known.SETS | known.STORES
        case _:
            return False


def _is_none(node: m.Expr) -> bool:
    return isinstance(node, m.Constant) and node.value is None


def _is_view(function: m.FunctionDef) -> bool:
    return any(param.name == "request" for param in function.params)
