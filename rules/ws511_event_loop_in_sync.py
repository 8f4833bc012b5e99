from __future__ import annotations

from collections.abc import Iterable, Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import CallUse, Frame, FunctionUse, Stack, facts, within
from wslint.stack.execution.called_by import is_plain_view, is_task
from wslint.stack.execution.threads import SHARED, Running, threads_of

NEEDS_RUNNING = frozenset({"create_task", "get_running_loop"})
"""Raise in every thread without a running loop."""

NEEDS_SET = frozenset({"get_event_loop", "ensure_future"})
"""Raise in every thread but the main one when no loop has been set there."""

MAKES_LOOP = frozenset({"set_event_loop", "new_event_loop", "is_running", "_get_running_loop"})


class EventLoopInSync(Rule):
    """asyncio.create_task() or get_event_loop() where no event loop runs: in a sync consumer, a thread, a plain view.

    Why: the loop runs in the server's main thread. Methods of sync consumers, functions under `sync_to_async` and plain
    views run in worker threads, which have no loop to give a task to.

    See: `RuntimeError: no running event loop` or `RuntimeError: There is no current event loop in thread
    'ThreadPoolExecutor-0_0'.`; the connection dies (HTTP 500 before accept, 1011 with daphne or 1006 with uvicorn after
    it), and the coroutine that was to become a task is never awaited.

    Mend: make the consumer async, where `asyncio.create_task()` is right; or run the coroutine to its end with
    `async_to_sync(coroutine_function)(…)`.

    Bad:
        import asyncio
        from channels.generic.websocket import WebsocketConsumer

        class TickerConsumer(WebsocketConsumer):
            def connect(self):
                self.accept()
                asyncio.create_task(self.tick())

            async def tick(self):
                await asyncio.sleep(1)
                self.send(text_data="tick")

    Good:
        import asyncio
        from channels.generic.websocket import AsyncWebsocketConsumer

        class TickerConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
                self.ticking = asyncio.create_task(self.tick())

            async def disconnect(self, code):
                self.ticking.cancel()

            async def tick(self):
                await asyncio.sleep(1)
                await self.send(text_data="tick")
    """

    code = "WS511"
    name = "event-loop-in-sync"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        threads = threads_of(stack)
        seen: set[int] = set()
        for running in (*threads.shared, *threads.unmanaged):
            where = _where(running)
            if any(_makes_loop(nodes) for nodes in _way(running)):
                continue
            for call, name in _needing(running.calls, running.frame, stack, NEEDS_RUNNING | NEEDS_SET):
                if id(call) not in seen:
                    seen.add(id(call))
                    related = [Related(running.steps[0].location, "called here")] if running.steps else []
                    yield self._reported(running.at(call), name, where, running.root.symbol, related)
        looped = {id(running.node) for running in threads.loop}
        for function in stack.functions:
            where = _outside(stack, function)
            if where and id(function.node) not in looped and not _makes_loop(within(function.node.body)):
                for call, name in _needing(function.calls, function.frame, stack, NEEDS_RUNNING):
                    if id(call) not in seen:
                        yield self._reported(function.at(call), name, where, function.name, [])

    def _reported(self, location: Location, name: str, where: str, symbol: str, related: list[Related]) -> Finding:
        return self.finding(
            location,
            f"asyncio.{name}() {where}: no event loop runs in that thread",
            hint="make it async, or run the coroutine to its end: `async_to_sync(coroutine_function)(…)`",
            symptom="RuntimeError: There is no current event loop in thread 'ThreadPoolExecutor-0_0'."
            if name in NEEDS_SET
            else "RuntimeError: no running event loop",
            symbol=symbol,
            related=related,
        )


def _where(running: Running) -> str:
    consumer = running.root.consumer
    if running.thread == SHARED and consumer is not None and consumer.is_async is False:
        return f"in {running.root.name}() of a sync consumer"
    return f"in {running.root.name}(), which runs in a worker thread"


def _outside(stack: Stack, function: FunctionUse) -> str:
    """A plain function that Django or Celery calls; empty when its caller is not known."""
    if is_plain_view(function, stack.values):
        return "in a plain view"
    return "in a Celery task" if not function.is_async and is_task(function, stack.values) else ""


def _way(running: Running) -> Iterator[Iterator[facts.Node]]:
    """What runs with a function, and with each of those that lead to it."""
    yield running.nodes()
    for step in running.steps:
        if isinstance(step.frame.scope.node, facts.FunctionDef):
            yield within(step.frame.scope.node.body)


def _makes_loop(nodes: Iterable[facts.Node]) -> bool:
    """Does code look for a running loop, or make one of its own?"""
    return any(isinstance(node, facts.Attribute) and node.attr in MAKES_LOOP for node in nodes)


def _needing(
    calls: tuple[CallUse, ...], frame: Frame, stack: Stack, names: frozenset[str]
) -> Iterator[tuple[facts.Call, str]]:
    """The calls that need a loop in their thread, and what they call."""
    for use in calls:
        module, _, name = (stack.values.dotted(use.node.func, frame) or "").rpartition(".")
        elsewhere = any(arg.keyword == "loop" for arg in use.node.args) or any(map(_has_way_out, use.parents))
        if module == "asyncio" and name in names and not elsewhere:
            yield use.node, name


def _has_way_out(node: facts.Node) -> bool:
    """`try: … except RuntimeError: …`, or a handler that runs the coroutine in another way."""
    handlers = node.handlers if isinstance(node, facts.Try) else ()
    named = (inner.id for handler in handlers for inner in within((handler,)) if isinstance(inner, facts.Name))
    return any(name in ("RuntimeError", "asyncio", "async_to_sync") for name in named)
