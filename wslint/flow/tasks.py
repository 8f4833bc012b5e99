"""The tasks that a consumer starts: what runs in them, where they are kept, and whether leaving stops them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import below
from wslint.flow.turn import Parents, Run, Turn, Turns, as_consumer, walked
from wslint.location import Location
from wslint.stack.code.values import Frame, SelfValue
from wslint.stack.model import Consumer

LEAVING = ("disconnect", "websocket_disconnect", "http_disconnect", "dispatch", "__call__", "close", "__del__")
"""Methods that run when a connection ends, or around everything."""

STORES = frozenset({"append", "add", "insert", "extend"})
HARMLESS = frozenset({"add_done_callback", "set_name", "get_name", "done"})


@dataclass(eq=False, frozen=True)
class Task:
    """A `create_task()` or `ensure_future()` in a consumer's own code.

    It is started in `turn`; `run` is its coroutine. `kept` are the attributes of the consumer that hold it, empty when
    nothing does; None when something else gets it.
    """

    turn: Turn
    start: m.Call
    frame: Frame
    run: Run
    kept: frozenset[str] | None

    @property
    def location(self) -> Location:
        return self.frame.at(self.start)


class Tasks:
    """The tasks of one consumer."""

    def __init__(self, consumer: Consumer, turns: Turns) -> None:
        self.consumer = consumer
        self.turns = turns

    def __iter__(self) -> Iterator[Task]:
        seen: set[int] = set()
        for turn in self.turns.of(self.consumer):
            for run in self.turns.runs(turn):
                if run.frame.owner not in self.consumer.cls.ancestry:
                    continue
                for node, parents in walked(run.node.body):
                    if isinstance(node, m.Call) and node.args and self.turns.starts_task(node, run.frame):
                        coroutine = self._coroutine(node.args[0].value, run)
                        if coroutine is not None and id(node) not in seen:
                            seen.add(id(node))
                            yield Task(turn, node, run.frame, coroutine, _kept(node, parents, run))

    def _coroutine(self, expr: m.Expr, run: Run) -> Run | None:
        """The coroutine of a task, when it belongs to this connection: a method, a nested function, or given `self`."""
        frame = run.frame
        while (
            isinstance(expr, m.Name) and (bound := frame.arguments.get(expr.id)) is not None and bound.expr is not None
        ):
            expr, frame = bound.expr, bound.frame
        if not isinstance(expr, m.Call):
            return None
        for function, given, in_thread in self.turns.called(expr, frame):
            node = function.node
            if in_thread or not isinstance(node, m.FunctionDef) or not node.is_async:
                continue
            own = isinstance(function.receiver, SelfValue) or function.frame.owner is not None
            if own or any(isinstance(found, m.Name) and found.id == "self" for found in below(given)):
                inner = self.turns.values.enter(function, given, frame)
                return None if inner is None else Run(node, inner)
        return None

    def left_behind(self, task: Task) -> bool:
        """Does surely nothing stop a task when its connection ends?"""
        if task.kept is None or any(self._is_shared(name) for name in task.kept):
            return False
        return not any(self._mentions(name) for name in task.kept or ("all_tasks",))

    def _is_shared(self, name: str) -> bool:
        """Is an attribute one of the class, which any other connection may use?"""
        return self.consumer.cls.defines(name) and name not in self.consumer.cls.instance_assignments

    def _mentions(self, name: str) -> bool:
        """Does what runs on leaving look at an attribute, or at attributes that it finds by their names?"""
        for method_name in LEAVING:
            method = self.consumer.method(method_name)
            if method is None:
                continue
            for run in self.turns.followed(Run(method.node, as_consumer(method, self.consumer.cls))):
                for node, parents in walked(run.node.body, nested=True):
                    if (
                        parents
                        and isinstance(parents[-1], m.Assign)
                        and any(node is one for one in parents[-1].targets)
                    ):
                        continue
                    match node:
                        case m.Attribute(attr=attr) if attr in (name, "__dict__", "all_tasks"):
                            return True
                        case m.Constant(value=value) if value == name:
                            return True
                        case m.Name(id="vars" | "all_tasks"):
                            return True
                        case _:
                            pass
        return False


def _kept(node: m.Node, parents: Parents, run: Run, seen: frozenset[str] = frozenset()) -> frozenset[str] | None:
    """The attributes of `self` that hold what a node gives; None when something else may."""
    kept: set[str] = set()
    inner = node
    for parent in reversed(parents):
        match parent:
            case m.ExpressionStatement():
                return frozenset(kept)
            case m.Sequence() | m.Conditional() | m.Dict() | m.DictItem() | m.Starred():
                pass
            case m.Comprehension() if parent.element is inner:
                pass
            case m.Argument():
                pass
            case m.Attribute(attr=attr) if attr in HARMLESS:
                return frozenset(kept)
            case m.Call(func=m.Attribute(value=holder, attr=attr)) if attr in STORES:
                name = _own(holder)
                return None if name is None else frozenset({name})
            case m.Assign() | m.Walrus():
                targets = parent.targets if isinstance(parent, m.Assign) else (parent.target,)
                for target in targets:
                    held = _held(target, run, seen)
                    if held is None:
                        return None
                    kept |= held
                return frozenset(kept)
            case _:
                return None
        inner = parent
    return None


def _held(target: m.Expr, run: Run, seen: frozenset[str]) -> frozenset[str] | None:
    """The attributes that hold what is assigned to a target; `seen` are the names that led here."""
    name = _own(target)
    if name is not None:
        return frozenset({name})
    if not isinstance(target, m.Name) or target.id in run.frame.scope.index.elsewhere:
        return None
    if target.id in seen:
        return frozenset()
    kept: set[str] = set()
    for node, parents in walked(run.node.body, nested=True):
        if not isinstance(node, m.Name) or node.id != target.id or node is target:
            continue
        around = parents[-1] if parents else None
        if isinstance(around, m.Assign) and any(node is bound for bound in around.targets):
            continue
        held = (
            _kept(node, parents, run, seen | {target.id}) if not isinstance(around, m.Attribute) else _looked_at(around)
        )
        if held is None:
            return None
        kept |= held
    return frozenset(kept)


def _looked_at(attribute: m.Attribute) -> frozenset[str] | None:
    return frozenset() if attribute.attr in HARMLESS else None


def _own(node: m.Expr) -> str | None:
    """`name` of `self.name`, also of `self.name[key]`."""
    if isinstance(node, m.Subscript):
        node = node.value
    match node:
        case m.Attribute(value=m.Name(id="self"), attr=attr):
            return attr
        case _:
            return None
