"""Does a call hold its thread until something outside answers? By what is called, and what made the object it is on."""

from __future__ import annotations

from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import contains, within
from wslint.knowledge import blocking as known
from wslint.knowledge.blocking import Wait
from wslint.stack.code.callees import Body, called, is_of_none
from wslint.stack.code.values import (
    AttributeValue,
    CallValue,
    Display,
    ExternalValue,
    Frame,
    FunctionValue,
    Unknown,
    Value,
    Values,
    argument,
)
from wslint.stack.execution.threads import Running
from wslint.stack.model import CallUse


@dataclass(frozen=True)
class Origin:
    """What made a value: a dotted name outside the project, and the attributes (also called ones) that lead on."""

    dotted: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class Blocked:
    """A blocking call: `name` as a person would say it, and what it waits for."""

    name: str
    wait: Wait

    @property
    def waits(self) -> str:
        """`waits for …`; a sleep just waits."""
        return f"waits for {self.wait.what}" if self.wait.what else "waits"


class Blocking:
    """Tells blocking calls of one stack."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def of(self, call: m.Call, frame: Frame) -> Blocked | None:
        """The wait that a call surely is, whatever its object can be; None when it is none, or not known."""
        found = self.callee(call.func, frame)
        return None if found is None else self.with_arguments(found, call, frame)

    def of_running(self, use: CallUse, running: Running) -> Blocked | None:
        """The wait of a call where it runs, with what its callers give; None when it is over soon, too."""
        found = self.callee(use.node.func, running.frame)
        if found is None or is_over_soon(use, running.body) or (running.entered and asks_kind(use, running.body)):
            return None
        return self.with_arguments(found, use.node, running.bound(self.values))

    def callee(self, func: m.Expr, frame: Frame) -> Blocked | None:
        """The wait of calling an expression."""
        values = [value for value in self.values.of(func, frame) if not is_of_none(value)]
        found = [self._value(value) for value in values]
        first = found[0] if found else None
        if first is None or any(other is None or other.wait != first.wait for other in found):
            return None
        return first

    def _value(self, value: Value) -> Blocked | None:
        if isinstance(value, CallValue):
            return None  # what a call gives, not what it is
        if self._is_task_result(value):
            assert isinstance(value, AttributeValue)
            return Blocked(f"{value.attr}() of a task's result", known.RESULT)
        chain = self._chain(value)
        if chain is not None:
            return Blocked(f"{chain}()", known.RUNNABLE)
        origin = self.origin(value)
        return None if origin is None else _blocked(origin)

    def origin(self, value: Value, depth: int = 0) -> Origin | None:
        """What made a value; None when that is of the project or not known."""
        match value:
            case ExternalValue(dotted=dotted):
                return Origin(dotted)
            case CallValue(callee=callee) if depth < 8:
                return self.origin(callee, depth + 1)
            case AttributeValue(value=owner, attr=attr, frame=frame) if depth < 8:
                if isinstance(owner, Unknown):
                    owner = self._entered(owner, frame)
                origin = self.origin(owner, depth + 1)
                return None if origin is None else Origin(origin.dotted, (*origin.path, attr))
            case _:
                return None

    def _entered(self, value: Unknown, frame: Frame) -> Value:
        """`with Client() as client`: the clients that are known here give themselves."""
        node = frame.scope.node
        if isinstance(value.node, m.WithItem) and node is not None and contains(node.span, value.node.span):
            return self.values.one(value.node.value, frame)
        return value

    def _is_task_result(self, value: Value) -> bool:
        """`task.delay(…).get` of a Celery task of the project."""
        match value:
            case AttributeValue(
                attr=attr,
                value=CallValue(callee=AttributeValue(attr=start, value=FunctionValue(node=node))),
            ) if attr in known.WAITS_FOR_TASK and start in known.STARTS_TASK:
                decorators = node.decorators if isinstance(node, m.FunctionDef) else ()
                return any(last_name(called(decorator)) in known.CELERY_TASK_DECORATORS for decorator in decorators)
            case _:
                return False

    def _chain(self, value: Value) -> str | None:
        """The blocking method of a LangChain or LangGraph runnable."""
        if not isinstance(value, AttributeValue) or value.attr not in known.RUNNABLE_METHODS:
            return None
        if not self._is_runnable(value.value):
            return None
        origin = self.origin(value.value)
        return value.attr if origin is None else f"{_maker(origin.dotted)}.{value.attr}"

    def _is_runnable(self, value: Value, depth: int = 0) -> bool:
        match value:
            case Display(node=m.BinaryOp(op="|", left=left, right=right), frame=frame) if depth < 8:
                sides = [self.values.one(side, frame) for side in (left, right)]
                return any(self._is_runnable(side, depth + 1) for side in sides)
            case CallValue():
                origin = self.origin(value)
                return (
                    origin is not None
                    and origin.dotted.startswith(known.RUNNABLES)
                    and not origin.dotted.startswith(known.QUICK_RUNNABLES)
                    and not set(origin.path) & known.RUNNABLE_METHODS
                )
            case _:
                return False

    def with_arguments(self, found: Blocked, call: m.Call, frame: Frame) -> Blocked | None:
        """What the arguments make of a wait: a short sleep, or none at all when the author has bounded it."""
        if found.wait is known.SLEEP:
            seconds = argument(call, 0, "secs")
            given = self.values.constant(seconds, frame) if seconds is not None else None
            if isinstance(given, (int, float)) and given < 1:
                return None if given < known.HICCUP else Blocked(found.name, known.SHORT_SLEEP)
        if found.wait is known.QUEUE:
            options = known.BOUNDS.get(found.name.rpartition(".")[2].rstrip("()"), frozenset())
            if any(arg.keyword is None or arg.keyword in options for arg in call.args):
                return None
        return found


def is_over_soon(use: CallUse, body: Body) -> bool:
    """Has the author looked before the call (`if not items.empty()`), or ended what it waits for (`terminate()`)?"""
    tests = [parent.test for parent in use.parents if isinstance(parent, (m.If, m.While, m.Conditional))]
    if any(isinstance(node, m.Attribute) and node.attr in known.LOOKS_FIRST for node in within(tests)):
        return True
    return last_name(use.node.func) in known.ENDED_BY and any(
        isinstance(node, m.Attribute) and node.attr in known.ENDED_BY[last_name(use.node.func)] for node in body.nodes()
    )


def asks_kind(use: CallUse, body: Body) -> bool:
    """Does a call stand under a test of what kind of thing a parameter is, which not every caller passes?"""
    params = {param.name for param in body.node.params}
    tests = [parent.test for parent in use.parents if isinstance(parent, (m.If, m.While, m.Conditional))]
    return any(
        isinstance(node, m.Call)
        and last_name(node.func) in known.ASKS_KIND
        and any(isinstance(arg.value, m.Name) and arg.value.id in params for arg in node.args[:1])
        for node in within(tests)
    )


def _blocked(origin: Origin) -> Blocked | None:
    dotted, path = origin.dotted, origin.path
    if not path and dotted in known.CALLS:
        return Blocked(f"{dotted.removeprefix('builtins.').removeprefix('django.core.mail.')}()", known.CALLS[dotted])
    if not path and dotted.startswith(known.STRIPE) and dotted.rpartition(".")[2] in known.STRIPE_METHODS:
        return Blocked(f"{dotted}()", known.REMOTE)
    for client in known.CLIENTS.get(dotted, ()):
        if _is_method(client, path):
            return Blocked(f"{'.'.join((_maker(dotted), *path))}()", client.wait)
    return None


def _maker(dotted: str) -> str:
    """The class in a dotted name, else the call: `Redis` of `redis.Redis.from_url`, `boto3.client(…)`."""
    return next((part for part in reversed(dotted.split(".")) if part[:1].isupper()), f"{dotted}(…)")


def _is_method(client: known.Client, path: tuple[str, ...]) -> bool:
    """Does a path from a client end at its first waiting method?"""
    if not path or set(path) & client.not_through:
        return False
    if client.methods is None:
        return len(path) == 1 and path[0] not in client.quick
    return path[-1] in client.methods and not set(path[:-1]) & client.methods
