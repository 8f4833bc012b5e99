"""Which thread code runs on: the event loop, the one thread that all consumers share, or a thread of its own.

The event loop runs coroutine functions and what they call. `sync_to_async` and `database_sync_to_async` take a plain
function to *the* worker thread (`thread_sensitive`), where the methods of sync consumers run as well, one at a time.
`asyncio.to_thread`, executors, `Thread` and `thread_sensitive=False` take it to a thread that nobody else waits for.

What is called through a variable, a decorator or a parameter that cannot be followed is in none of the lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from wslint.facts import model as m
from wslint.facts.walk import calls_within, within
from wslint.knowledge import channels as known
from wslint.location import Location, Span
from wslint.stack.code.callees import PROPERTIES, Body, bodies, decorators, properties
from wslint.stack.code.functions import call_uses, deferred_uses
from wslint.stack.code.scope import Scope, scopes
from wslint.stack.code.values import Frame, FunctionValue, Values
from wslint.stack.execution.handing import LOOP as LOOP
from wslint.stack.execution.handing import SHARED as SHARED
from wslint.stack.execution.handing import UNMANAGED as UNMANAGED
from wslint.stack.execution.handing import Handed as Handed
from wslint.stack.execution.handing import Handing
from wslint.stack.model import CallUse, Consumer, FunctionUse, Stack

MAX_STEPS = 4
"""How many plain functions deep a thread is followed."""

MAX_RUNNING = 20_000
"""How many places one thread is followed to; a project that has more is not looked at further."""

ASKS_FIRST = frozenset({"get_running_loop", "is_running", "_get_running_loop", "current_task", "get_event_loop"})
"""Names in a plain function that looks whether a loop is running before it does something."""

SAME_THREAD = PROPERTIES | frozenset(
    {
        "builtins.staticmethod",
        "builtins.classmethod",
        "functools.lru_cache",
        "functools.cache",
        "abc.abstractmethod",
        "typing.override",
        "typing.final",
        "typing.no_type_check",
        "django.db.transaction.atomic",
        "django.db.transaction.non_atomic_requests",
        "tenacity.retry",
        "backoff.on_exception",
        "backoff.on_predicate",
    }
)
"""Decorators that run the function where it is called."""

_ENTRIES = frozenset("connect disconnect receive receive_json websocket_connect websocket_receive".split())
_ITERATORS = frozenset("list tuple set sorted sum next any all dict enumerate".split())


@dataclass(eq=False, frozen=True)
class Step:
    """A call on the way: the plain function `name` is entered by `call` (a property by reading it) in `frame`."""

    call: m.Call | m.Attribute
    frame: Frame
    name: str

    @property
    def shown(self) -> str:
        """`name()`, or just the name of a property."""
        return f"{self.name}()" if isinstance(self.call, m.Call) else self.name

    @property
    def location(self) -> Location:
        return self.frame.at(self.call)


@dataclass(eq=False, frozen=True)
class Running:
    """A function or lambda that runs on a thread.

    `entry` is where that thread begins (itself when there are no `steps`): the coroutine function, the function handed
    to a worker thread, the method of a sync consumer. `steps` lead from there, outermost first. `handed` says how the
    entry came to its thread, when by a call. `serving`: on the loop that it runs while a connection or request is
    served (a coroutine function that only a task or command runs has a loop for itself), on a worker thread that it is
    handed over while a websocket is served (async views have a worker thread of their own). `consumer` is the entry's.
    """

    thread: str
    body: Body
    entry: Running | None
    steps: tuple[Step, ...] = ()
    handed: Handed | None = None
    serving: bool = True
    consumer: Consumer | None = None

    @property
    def node(self) -> m.FunctionDef | m.Lambda:
        return self.body.node

    @property
    def frame(self) -> Frame:
        return self.body.frame

    @property
    def name(self) -> str:
        return self.body.name

    @property
    def symbol(self) -> str:
        """`Class.method` or `function`."""
        owner = self.frame.owner
        name = self.node.name if isinstance(self.node, m.FunctionDef) else self.name
        return name if owner is None else f"{owner.name}.{name}"

    @property
    def root(self) -> Running:
        """Where this thread begins."""
        return self.entry or self

    @property
    def calls(self) -> tuple[CallUse, ...]:
        """The calls that run with it."""
        return uses_of(self.body)

    def nodes(self) -> Iterator[m.Node]:
        """Everything that runs with it; nested functions and lambdas are not its own."""
        return self.body.nodes()

    def at(self, node: m.Node | Span) -> Location:
        return self.frame.at(node)

    @property
    def entered(self) -> bool:
        """Does a call of the project lead to it?"""
        return bool(self.steps) or self.handed is not None

    def bound(self, values: Values) -> Frame:
        """Its frame with the arguments of the call that leads to it as its parameters, where they can be seen."""
        call: m.Node | None = None
        if self.steps:
            call, frame = self.steps[-1].call, self.steps[-1].frame
            func = call.func if isinstance(call, m.Call) else None
        elif self.handed is not None:
            call, frame, func = self.handed.run, self.handed.frame, self.handed.given
        if not isinstance(call, m.Call) or func is None:
            return self.frame
        for value in values.of(func, frame):
            if isinstance(value, FunctionValue) and value.node is self.node:
                return values.enter(value, call, frame, decorated=True) or self.frame
        return self.frame

    def place(self, node: m.Node) -> Location:
        """Where a person would comment on a node that runs here: the call in the entry that leads to it."""
        return self.steps[0].location if self.steps else self.at(node)


def uses_of(body: Body) -> tuple[CallUse, ...]:
    """The calls that run with a function or lambda."""
    if isinstance(body.node, m.Lambda):
        return tuple(CallUse(call, "other", None, (body.node,)) for call in calls_within((body.node.body,)))
    return call_uses(body.frame.scope)


class Threads:
    """What runs on each thread; a function that several call is listed once for each entry."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.values = stack.values
        self._consumers = {id(cls): made for made in stack.consumers for cls in reversed(made.cls.ancestry)}
        self.handing = Handing(stack.values)
        self._callees: dict[int, tuple[tuple[m.Call | m.Attribute, Body], ...]] = {}

    # --- the lists ---

    @cached_property
    def loop(self) -> tuple[Running, ...]:
        """What runs on the event loop."""
        serving = self._entered([*self._connected(), *self._requested()])
        own = [self._body(function) for function in self.stack.functions if function.is_async]
        found: list[Running] = []
        for body in self._entered([*serving.values(), *own]).values():
            if not body.is_async:
                continue
            served = id(body.node) in serving
            root = Running(LOOP, body, None, serving=served, consumer=self._consumer(body.frame))
            found.extend(self._from(root))
            if len(found) > MAX_RUNNING:
                break
        return tuple(found)

    @cached_property
    def shared(self) -> tuple[Running, ...]:
        """What runs on the thread that all consumers share."""
        return tuple(self._threads(SHARED))

    @cached_property
    def unmanaged(self) -> tuple[Running, ...]:
        """What runs on threads of their own."""
        return tuple(self._threads(UNMANAGED))

    @cached_property
    def handed(self) -> tuple[Handed, ...]:
        """Every function that is given to a worker thread by a call."""
        found: list[Handed] = []
        for scope in self._scopes():
            frame = self.values.frame(scope)
            for use in (*call_uses(scope), *deferred_uses(scope)):
                handed = self.handing.of_use(use, frame)
                if handed is not None:
                    found.append(handed)
        return tuple(found)

    # --- following ---

    def runs_here(self, body: Body, thread: str = LOOP) -> bool:
        """Does calling a plain function surely run it in the thread of the caller, all of it?"""
        if body.is_async or not all(dotted in SAME_THREAD for dotted in decorators(body, self.values)):
            return False
        return thread != LOOP or not any(map(_looks_first, body.nodes()))

    def _from(self, root: Running) -> Iterator[Running]:
        """An entry and the plain functions that it calls, the shortest way to each."""
        yield root
        seen = {id(root.node)}
        work = [root]
        while work:
            caller = work.pop(0)
            if len(caller.steps) >= MAX_STEPS:
                continue
            for node, body in self._called(caller.body):
                if id(body.node) in seen or not self.runs_here(body, root.thread):
                    continue
                seen.add(id(body.node))
                step = Step(node, caller.frame, body.name)
                reached = Running(
                    root.thread, body, root, (*caller.steps, step), root.handed, root.serving, root.consumer
                )
                yield reached
                work.append(reached)

    def _called(self, body: Body) -> tuple[tuple[m.Call | m.Attribute, Body], ...]:
        """The calls of a body that enter project code, and the properties that it reads, with what they enter."""
        found = self._callees.get(id(body.node))
        if found is None:
            found = self._callees[id(body.node)] = (*self._calls(body), *self._reads(body))
        return found

    def _calls(self, body: Body) -> Iterator[tuple[m.Call, Body]]:
        for use in uses_of(body):
            if isinstance(use.node.func, (m.Name, m.Attribute)):
                for entered in bodies(use.node.func, body.frame, self.values):
                    if not entered.is_generator or entered.is_async or _is_iterated(use):
                        yield use.node, entered

    def _reads(self, body: Body) -> Iterator[tuple[m.Attribute, Body]]:
        for node in body.nodes() if body.frame.owner is not None else ():
            if isinstance(node, m.Attribute) and isinstance(node.value, m.Name):
                for entered in properties(node, body.frame, self.values):
                    yield node, entered

    def _entered(self, roots: list[Body]) -> dict[int, Body]:
        """All that runs on the loop with some functions: the coroutines and plain functions that they call, too."""
        found: dict[int, Body] = {}
        work = roots[::-1]
        while work:
            body = work.pop()
            if id(body.node) not in found:
                found[id(body.node)] = body
                reached = (entered for _, entered in self._called(body))
                work.extend(entered for entered in reached if entered.is_async or self.runs_here(entered))
        return found

    def _connected(self) -> list[Body]:
        """Coroutine methods of consumers and middleware."""
        classes = [
            *(consumer.cls for consumer in self.stack.consumers if not _is_worker(consumer)),
            *(middleware.cls for middleware in self.stack.middleware),
        ]
        methods = [method for cls in classes for method in cls.methods.values() if method.node.is_async]
        return [
            *(Body(method.node, method.frame) for method in methods),
            *self._with_parameters("scope", "receive", "send"),
        ]

    def _requested(self) -> list[Body]:
        """Async views."""
        return self._with_parameters("request")

    def _with_parameters(self, *names: str) -> list[Body]:
        found: list[Body] = []
        for function in self.stack.functions:
            params = [param.name for param in function.node.params if param.name not in ("self", "cls")]
            if function.is_async and tuple(params[: len(names)]) == names:
                found.append(self._body(function))
        return found

    @cached_property
    def _with_connections(self) -> frozenset[int]:
        """The functions that run, or are called to run in a thread, while a websocket is served."""
        found = self._entered(self._connected())
        called_there = (entered for body in found.values() for _, entered in self._called(body))
        return frozenset({*found, *(id(entered.node) for entered in called_there)})

    def _threads(self, thread: str) -> Iterator[Running]:
        count = 0
        for root in self._thread_roots(thread):
            for running in self._from(root):
                yield running
                count += 1
            if count > MAX_RUNNING:
                return

    def _thread_roots(self, thread: str) -> Iterator[Running]:
        given: set[int] = set()
        for handed in self.handed:
            for body in self._handed_bodies(handed):
                given.add(id(body.node))
                if handed.thread == thread:
                    serving = self.serves_connections(handed.frame.scope)
                    yield Running(thread, body, None, (), handed, serving, self._consumer(body.frame))
        for scope in self._scopes():
            if isinstance(scope.node, m.FunctionDef) and not scope.node.is_async:
                body = Body(scope.node, self.values.frame(scope))
                if self.handing.decorated(body) == thread:
                    serving = id(body.node) in self._with_connections
                    yield Running(thread, body, None, (), None, serving, self._consumer(body.frame))
        if thread == SHARED:
            yield from self._sync_consumers(given)

    def serves_connections(self, scope: Scope | None) -> bool:
        """Does the function around a place run for a websocket? (At module level: does the file hold a consumer?)"""
        while scope is not None:
            if id(scope.node) in self._with_connections:
                return True
            if scope.parent is None:
                return any(consumer.path == scope.module.path for consumer in self.stack.consumers)
            if isinstance(scope.node, m.FunctionDef):
                return False
            scope = scope.parent
        return False

    def _handed_bodies(self, handed: Handed) -> list[Body]:
        if isinstance(handed.given, m.Lambda):
            scope = handed.frame.scope.child(handed.given)
            return [Body(handed.given, self.values.frame(scope))]
        found = bodies(handed.given, handed.frame, self.values)
        return [body for body in found if not body.is_async and not body.is_generator]

    def _sync_consumers(self, given: set[int]) -> Iterator[Running]:
        """The methods of sync consumers that Channels calls; those given to a thread belong there."""
        seen = set(given)
        for consumer in self.stack.consumers:
            if consumer.is_async is not False:
                continue
            passed = _passed_on(consumer)
            for name, method in consumer.methods.items():
                body = Body(method.node, method.frame)
                entered = name in _ENTRIES or (_may_handle(method.node) and name not in passed)
                if entered and id(method.node) not in seen and self.runs_here(body, SHARED):
                    seen.add(id(method.node))
                    yield Running(SHARED, body, None, serving=not _is_worker(consumer), consumer=consumer)

    def _consumer(self, frame: Frame) -> Consumer | None:
        return self._consumers.get(id(frame.owner)) if frame.owner is not None else None

    def _body(self, function: FunctionUse) -> Body:
        return Body(function.node, function.frame)

    def _scopes(self) -> Iterator[Scope]:
        """The scopes of the files that matter."""
        for path in sorted({function.path for function in self.stack.functions}):
            module = self.stack.modules.at(path)
            if module is not None:
                yield from scopes(module)


def _looks_first(node: m.Node) -> bool:
    """Does a function look whether a loop is running, or let loops run within loops?"""
    if not isinstance(node, m.Attribute):
        return False
    return node.attr in ASKS_FIRST or (isinstance(node.value, m.Name) and node.value.id == "nest_asyncio")


def _is_iterated(use: CallUse) -> bool:
    """Does what a call gives run through at once, where it is called?"""
    parent = use.parents[-1]
    if isinstance(parent, (m.For, m.Generator)):
        return parent.iterable is use.node and not parent.is_async
    func = use.outer.func if use.outer is not None else None
    if isinstance(func, m.Attribute):
        return func.attr == "join"
    return isinstance(func, m.Name) and func.id in _ITERATORS


def _is_worker(consumer: Consumer) -> bool:
    """A plain consumer that no websocket or request reaches: `runworker` gives it a process of its own."""
    protocols = {mount.protocol for mount in consumer.mounts}
    return consumer.kind == "raw" and not consumer.subclassed and not protocols & {"websocket", "http"}


def _may_handle(node: m.FunctionDef) -> bool:
    """A public method besides the API with one parameter after self."""
    needed = [param for param in node.params if param.kind.startswith("positional") and param.default is None]
    return not node.name.startswith("_") and node.name not in known.CONSUMER_API and len(needed) == 2


def _passed_on(consumer: Consumer) -> set[str]:
    """The methods that are given away, as callbacks for example: who calls them, on what thread, is not known."""
    found: set[str] = set()
    for method in consumer.methods.values():
        nodes = list(within(method.node.body))
        run = {id(node.func) for node in nodes if isinstance(node, m.Call)}
        found |= {node.attr for node in nodes if isinstance(node, m.Attribute) and id(node) not in run}
    return found


def threads_of(stack: Stack) -> Threads:
    """The threads of a stack, worked out once."""
    found = stack.__dict__.get("_threads")
    if found is None:
        found = stack.__dict__["_threads"] = Threads(stack)
    assert isinstance(found, Threads)
    return found
