"""One turn of a consumer: a method that Channels calls, and everything that runs before it returns.

A consumer handles one event at a time. What is started as a task runs beside the turn; what is awaited, called or
iterated is part of it, in helper methods, project functions and threads that are waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import children, within
from wslint.flow.life import is_handler
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.values import Bound, CallValue, Frame, FunctionValue, SelfValue, argument
from wslint.stack.model import Consumer, Stack

MAX_DEPTH = 6
"""How many calls deep the code of a turn is followed."""

WAITS_FOR_ALL = frozenset({"asyncio.gather", "asyncio.shield", "asyncio.wait_for"})
"""Calls that, awaited, wait for the coroutines they are given."""

TIMEOUTS = frozenset(
    {
        "asyncio.timeout",
        "async_timeout.timeout",
        "async_timeout.timeout_at",
        "asyncio.timeout_at",
        "anyio.move_on_after",
        "anyio.fail_after",
    }
)
"""Context managers that end what is awaited in them."""

TASK_STARTERS = frozenset({"asyncio.create_task", "asyncio.ensure_future", "asyncio.tasks.create_task"})

EVENT_NAMES = frozenset({"event", "message", "msg", "data", "payload"})
"""What people call the parameter of an event handler."""

Parents = tuple[m.Node, ...]


@dataclass(eq=False, frozen=True)
class Turn:
    """A method that Channels calls on a consumer; `kind` is connect, receive, disconnect, handle or handler."""

    consumer: Consumer
    method: Method
    kind: str

    @property
    def name(self) -> str:
        return self.method.name


@dataclass(eq=False, frozen=True)
class Run:
    """A function whose body runs to its end within a turn or a task, and how it was reached.

    `steps` are the calls on the way, outermost first (empty for the method itself); `limit` the seconds after which a
    timeout ends it (0 when unknown, None without one); `loop` is the `for` that takes the items of a generator.
    """

    node: m.FunctionDef
    frame: Frame
    steps: tuple[tuple[m.Node, Frame], ...] = ()
    limit: float | None = None
    loop: m.For | None = None

    def at(self, node: m.Node) -> Location:
        return self.frame.at(node)

    def place(self, node: m.Node, cls: Class) -> Location:
        """Where to say that a node should not run in this turn: at the call that leads into its function, or into other
        code from the consumer's; at the node itself when the function is a hook that a base calls.
        """
        owner = self.frame.owner
        own = [(step, frame) for step, frame in self.steps if frame.owner in cls.ancestry]
        if not own or (owner in cls.ancestry and own[-1][1].owner is not owner):
            return self.frame.at(node)
        step, frame = own[-1]
        return frame.at(step)


def walked(body: Iterable[m.Node], *, nested: bool = False) -> Iterator[tuple[m.Node, Parents]]:
    """Every node that runs with a body, with all nodes above it; bodies of definitions in it only when `nested`."""
    work: list[tuple[m.Node, Parents]] = [(node, ()) for node in reversed(tuple(body))]
    while work:
        node, parents = work.pop()
        yield node, parents
        if nested or not isinstance(node, (m.FunctionDef, m.ClassDef, m.Lambda)):
            chain = (*parents, node)
            work.extend((child, chain) for child in reversed(tuple(children(node))))


def as_consumer(method: Method, cls: Class) -> Frame:
    """The frame of a method with `self` an instance of a class that inherits it."""
    plain, params = method.frame, method.node.params
    if method.owner is cls or not params:
        return plain
    return Frame(plain.scope, {params[0].name: Bound(None, plain, SelfValue(cls))}, plain.parent, plain.owner)


class Turns:
    """The turns of a stack's consumers."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.values = stack.values
        self._runs: dict[tuple[int, int], tuple[Run, ...]] = {}
        self._generators: dict[int, bool] = {}
        self.event_methods = frozenset(
            kind.replace(".", "_")
            for send in stack.sends
            if send.event is not None
            for kind in send.event.types
            if kind is not None
        )

    def of(self, consumer: Consumer) -> Iterator[Turn]:
        """The methods of the project that Channels calls, one after the other.

        None of a worker, whose loop may be its only purpose, or of a consumer that dispatches in tasks.
        """
        if consumer.kind == "raw" and not any(name.startswith("websocket_") for name in consumer.methods):
            return
        if self._dispatches_in_tasks(consumer):
            return
        for name, method in consumer.methods.items():
            kind = _KINDS.get(name)
            if kind is None and self._handles(consumer, method):
                kind = "handler"
            if kind is not None and (kind == "handle") <= (consumer.kind == "http"):
                yield Turn(consumer, method, kind)

    def _dispatches_in_tasks(self, consumer: Consumer) -> bool:
        dispatch = consumer.method("dispatch")
        return dispatch is not None and any(
            isinstance(node, m.Attribute)
            and node.attr in ("create_task", "ensure_future", "start_soon", "run_in_executor")
            for node in within(dispatch.node.body)
        )

    def _handles(self, consumer: Consumer, method: Method) -> bool:
        if method.node.decorators or not is_handler(method) or consumer.dispatches_itself:
            return False
        return method.name in self.event_methods or (
            method.node.params[1].name in EVENT_NAMES and not _named_by_itself(consumer.cls, method.name)
        )

    def runs(self, turn: Turn) -> tuple[Run, ...]:
        """The method of a turn and all project code that it waits for."""
        key = (id(turn.consumer), id(turn.method.node))
        if key not in self._runs:
            self._runs[key] = self.followed(Run(turn.method.node, as_consumer(turn.method, turn.consumer.cls)))
        return self._runs[key]

    def followed(self, first: Run) -> tuple[Run, ...]:
        """A run and those within it, each function once, the nearest first."""
        found = [first]
        seen = {(first.node, first.limit is None)}
        for run in found:
            if len(run.steps) >= MAX_DEPTH:
                continue
            for inner in self._inner(run):
                key = (inner.node, inner.limit is None)
                if key not in seen:
                    seen.add(key)
                    found.append(inner)
        return tuple(found)

    def _inner(self, run: Run) -> Iterator[Run]:
        for node, parents in walked(run.node.body):
            if isinstance(node, m.Call):
                wait = self.wait(node, parents, run.frame)
                if wait is None and not _may_concern(node, run.frame):
                    continue
                for function, given, in_thread in self.called(node, run.frame):
                    inner = self._entered(function, given, run, node, wait, in_thread)
                    if inner is not None:
                        yield inner

    def called(self, node: m.Call, frame: Frame) -> Iterator[tuple[FunctionValue, m.Call, bool]]:
        """The project functions that a call can run, the call with their arguments, and whether in a thread."""
        method = _super_method(node.func, frame)
        if method is not None:
            yield FunctionValue(method.node, method.owner.frame, _receiver(frame), method.owner), node, False
            return
        for value in self.values.of(node.func, frame):
            match value:
                case FunctionValue():
                    yield value, node, False
                case CallValue(node=m.Call(args=(adapted, *_))) if value.dotted in _ADAPTERS:
                    for inner in self.values.of(adapted.value, value.frame):
                        if isinstance(inner, FunctionValue):
                            yield inner, node, value.dotted != known.ASYNC_TO_SYNC
                case _:
                    pass
        handed = self._handed(node, frame)
        if handed is not None:
            for value in self.values.of(node.args[handed].value, frame):
                if isinstance(value, FunctionValue):
                    rest = m.Call(node.span, node.args[handed].value, node.args[handed + 1 :])
                    yield value, rest, True

    def _handed(self, node: m.Call, frame: Frame) -> int | None:
        """Which argument a call runs in a thread."""
        position = 1 if isinstance(node.func, m.Attribute) and node.func.attr == "run_in_executor" else 0
        if position == 0 and self.values.dotted(node.func, frame) not in known.THREAD_RUNNERS - known.SYNC_TO_ASYNC:
            return None
        return position if len(node.args) > position else None

    def _entered(
        self, function: FunctionValue, given: m.Call, run: Run, call: m.Call, wait: Wait | None, in_thread: bool
    ) -> Run | None:
        node = function.node
        if not isinstance(node, m.FunctionDef):
            return None
        yields = self._generators.get(id(node))
        if yields is None:
            yields = self._generators[id(node)] = any(isinstance(found, m.Yield) for found in within(node.body))
        needs = "iterated" if yields else "awaited" if node.is_async or in_thread else ""
        blocking = isinstance(call.func, m.Call) and not in_thread  # async_to_sync(f)(): waits without await
        if needs and not blocking and (wait is None or wait.how != needs):
            return None
        frame = self.values.enter(function, given, run.frame)
        if frame is None:
            return None
        limit = _shorter(run.limit, wait.limit if wait is not None else None)
        loop = wait.loop if wait is not None else None
        return Run(node, frame, (*run.steps, (call, run.frame)), limit, loop)

    def starts_task(self, node: m.Call, frame: Frame) -> bool:
        """Does a call start a task on the event loop?"""
        if last_name(node.func) not in ("create_task", "ensure_future"):
            return False
        if self.values.dotted(node.func, frame) in TASK_STARTERS:
            return True
        if not isinstance(node.func, m.Attribute):
            return False
        loop = self.values.one(node.func.value, frame)
        return isinstance(loop, CallValue) and loop.dotted in _LOOPS

    def wait(self, node: m.Node, parents: Parents, frame: Frame) -> Wait | None:
        """How a coroutine or generator is waited for to its end, where it stands; None when it is not."""
        limit = self.limit(parents, frame)
        inner = node
        for parent in reversed(parents):
            match parent:
                case m.Conditional() | m.BoolOp() | m.Walrus() | m.Argument() | m.Starred() | m.Sequence():
                    pass
                case m.Comprehension() if parent.element is inner:
                    pass
                case m.Await():
                    return Wait("awaited", limit)
                case m.Call() if self._waits_for_all(parent, frame):
                    if last_name(parent.func) == "wait_for":
                        limit = _shorter(limit, self._seconds(argument(parent, 1, "timeout"), frame))
                case m.For() if parent.iterable is inner:
                    return Wait("iterated", limit, parent)
                case m.Generator() if parent.iterable is inner:
                    return Wait("iterated", limit)
                case _:
                    return None
            inner = parent
        return None

    def _waits_for_all(self, call: m.Call, frame: Frame) -> bool:
        """Does a call, when it is awaited, wait for the coroutines it is given?"""
        return last_name(call.func) in _WAITING_NAMES and (
            self.values.dotted(call.func, frame) in WAITS_FOR_ALL or self.starts_task(call, frame)
        )

    def limit(self, parents: Parents, frame: Frame) -> float | None:
        limit: float | None = None
        for parent in parents:
            for item in parent.items if isinstance(parent, m.With) else ():
                if isinstance(item.value, m.Call) and self.values.dotted(item.value.func, frame) in TIMEOUTS:
                    limit = _shorter(limit, self._seconds(argument(item.value, 0, "delay"), frame))
        return limit

    def _seconds(self, expr: m.Expr | None, frame: Frame) -> float | None:
        """The seconds of a timeout; 0 when they are not known, None when there are none."""
        if expr is None:
            return None
        value = self.values.constant(expr, frame)
        if value is None:
            return None
        return float(value) if isinstance(value, (int, float)) else 0.0


@dataclass(frozen=True)
class Wait:
    """`how` is "awaited" or "iterated" (by `loop`, None in a comprehension); `limit` as in Run."""

    how: str
    limit: float | None
    loop: m.For | None = None


def turns_of(stack: Stack) -> Turns:
    """The turns of a stack, one object for all rules."""
    found: Turns | None = stack.__dict__.get("_turns")
    if found is None:
        found = stack.__dict__["_turns"] = Turns(stack)
    return found


def _shorter(left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return right if left is None else left
    return min(left, right)


def _named_by_itself(cls: Class, name: str) -> bool:
    """Does the class use a method under its own name (calls it, starts it as a task, hands it on)?"""
    return name in cls.spoken


def _may_concern(call: m.Call, frame: Frame) -> bool:
    """May a call that nobody awaits run something of the consumer: a method, a function of its module, one given it?

    What else a handler calls is not looked up: that would read half of a large project.
    """
    match call.func:
        case m.Name(id=name):
            near = name in frame.module.scope.bindings or frame.scope.owner(name) is not None
        case m.Attribute(value=m.Name(id=name)):
            near = name == "self"
        case m.Call() | m.Attribute(value=m.Call()):
            near = True
        case _:
            near = False
    return near or any(isinstance(arg.value, m.Name) and arg.value.id == "self" for arg in call.args)


def _super_method(func: m.Expr, frame: Frame) -> Method | None:
    """The project method that `super().name` means."""
    match func:
        case m.Attribute(value=m.Call(func=m.Name(id="super")), attr=attr) if frame.owner is not None:
            receiver = _receiver(frame)
            return receiver.cls.method_after(frame.owner, attr) if receiver is not None else None
        case _:
            return None


def _receiver(frame: Frame) -> SelfValue | None:
    """What `self` is in a method's frame."""
    for bound in frame.arguments.values():
        if isinstance(bound.value, SelfValue):
            return bound.value
    return SelfValue(frame.owner) if frame.owner is not None else None


_KINDS = {
    "connect": "connect",
    "websocket_connect": "connect",
    "receive": "receive",
    "receive_json": "receive",
    "websocket_receive": "receive",
    "disconnect": "disconnect",
    "websocket_disconnect": "disconnect",
    "handle": "handle",
}

_ADAPTERS = known.SYNC_TO_ASYNC | {known.ASYNC_TO_SYNC}

_WAITING_NAMES = frozenset({"gather", "shield", "wait_for", "create_task", "ensure_future"})

_LOOPS = frozenset({"asyncio.get_event_loop", "asyncio.get_running_loop"})
