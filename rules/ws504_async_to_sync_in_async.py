from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import ASYNC_TO_SYNC
from wslint.rule import Edit, Finding, Fix, Level, Related, Rule
from wslint.stack import CallUse, CallValue, Frame, FunctionUse, FunctionValue, Stack, facts, within
from wslint.stack.code.callees import bodies
from wslint.stack.code.places import after, before, between
from wslint.stack.execution.threads import threads_of

LOOPS = frozenset({"asyncio.get_event_loop", "asyncio.get_running_loop", "asyncio.new_event_loop"})

FITS_AWAIT = (facts.ExpressionStatement, facts.Assign, facts.Return, facts.Argument, facts.Await)
"""What may stand around `await x` without brackets."""

MAX_CALLS = 3
"""How many plain functions deep a runner is looked for."""


class AsyncToSyncInAsync(Rule):
    """async_to_sync(), asyncio.run() or run_until_complete() on the running event loop.

    Why: all three start a coroutine and wait for it. In async code a loop is running already, and waiting for it on
    itself would never end; they raise instead. The same call is right in a view, a task or a thread, which is how it
    gets into helpers that async code calls too.

    See: `RuntimeError: You cannot use AsyncToSync in the same thread as an async event loop - just await the async
    function directly.`, `asyncio.run() cannot be called from a running event loop` or `This event loop is already
    running`; the connection dies (HTTP 500 before accept, 1011 with daphne or 1006 with uvicorn after it).

    Mend: `await` the coroutine; a plain function that must stay runs in a thread: `await sync_to_async(function)()`.

    Bad:
        from asgiref.sync import async_to_sync
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                async_to_sync(self.channel_layer.group_add)("room", self.channel_name)
                await self.accept()

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.channel_layer.group_add("room", self.channel_name)
                await self.accept()
    """

    code = "WS504"
    name = "async-to-sync-in-async"
    level = Level.ERROR
    in_tests = True

    def stack(self, stack: Stack) -> Iterator[Finding]:
        runners = _Runners(stack)
        for function in stack.functions:
            if not function.is_async or function.vendored:
                continue
            for use in function.calls:
                runner = runners.direct(use.node, function.frame)
                if runner is not None:
                    yield self._direct(function, use, runner, runners)
                    continue
                through = runners.through(use.node, function.frame)
                if through is not None:
                    yield self._through(function, use.node, *through)

    def _direct(self, function: FunctionUse, use: CallUse, runner: str, runners: _Runners) -> Finding:
        return self.finding(
            function.at(use.node),
            f"{runner} in async code: {function.name}() runs on the event loop already",
            hint="`await` the coroutine",
            symptom=_symptom(runner),
            symbol=function.symbol,
            fix=_fix(use, function.frame, runners),
        )

    def _through(self, function: FunctionUse, call: facts.Call, name: str, runner: str, where: Related) -> Finding:
        return self.finding(
            function.at(call),
            f"{name}() uses {runner}, and {function.name}() calls it on the event loop",
            hint=f"`await sync_to_async({name})(…)`, or an async version of it",
            symptom=_symptom(runner),
            symbol=function.symbol,
            related=[where],
        )


class _Runners:
    """Which calls start a coroutine and wait for it."""

    def __init__(self, stack: Stack) -> None:
        self.values = stack.values
        self.threads = threads_of(stack)

    def direct(self, call: facts.Call, frame: Frame) -> str | None:
        """The runner that a call is."""
        func = call.func
        if self.adapter(func, frame) is not None:
            return "async_to_sync()"
        value = self.values.one(func, frame)
        if isinstance(value, FunctionValue) and isinstance(value.node, facts.FunctionDef):
            names = [self.values.dotted(decorator, value.frame) for decorator in value.node.decorators]
            return "async_to_sync()" if names == [ASYNC_TO_SYNC] else None
        if self.values.dotted(func, frame) == "asyncio.run" and call.args:
            return None if _patched(frame) else "asyncio.run()"
        if isinstance(func, facts.Attribute) and func.attr == "run_until_complete" and not _patched(frame):
            loop = self.values.one(func.value, frame)
            if isinstance(loop, CallValue) and loop.dotted in LOOPS:
                return "run_until_complete()"
        return None

    def adapter(self, func: facts.Expr, frame: Frame) -> facts.Call | None:
        """The call of async_to_sync that made a callable."""
        value = self.values.one(func, frame)
        if isinstance(value, CallValue) and value.dotted == ASYNC_TO_SYNC and len(value.node.args) == 1:
            return value.node
        return None

    def through(self, call: facts.Call, frame: Frame, depth: int = MAX_CALLS) -> tuple[str, str, Related] | None:
        """(the plain function that is called, the runner in it, where) when it surely comes to one."""
        entered = bodies(call.func, frame, self.values)
        if len(entered) != 1 or not self.threads.runs_here(entered[0]) or entered[0].is_generator:
            return None
        body = entered[0]
        for found in _unconditional(body.node.body if isinstance(body.node, facts.FunctionDef) else ()):
            runner = self.direct(found, body.frame)
            if runner is not None:
                return body.name, runner, Related(body.at(found), f"{runner} is here")
            if depth > 1:
                further = self.through(found, body.frame, depth - 1)
                if further is not None:
                    return body.name, further[1], further[2]
        return None


def _unconditional(body: tuple[facts.Stmt, ...]) -> Iterator[facts.Call]:
    """The calls that run whenever a body does, up to where it may leave; loops are taken to run."""
    for statement in body:
        match statement:
            case facts.If():
                yield from _calls((statement.test,))
                if any(isinstance(node, (facts.Return, facts.Raise)) for node in within((statement,))):
                    return
            case facts.Try():
                yield from _unconditional(statement.body)
            case facts.With() | facts.For():
                yield from _unconditional(statement.body)
            case facts.While() | facts.Match() | facts.FunctionDef() | facts.ClassDef():
                continue
            case _:
                yield from _calls((statement,))
                if isinstance(statement, (facts.Return, facts.Raise)):
                    return


def _calls(nodes: tuple[facts.Node, ...]) -> Iterator[facts.Call]:
    return (node for node in within(nodes) if isinstance(node, facts.Call))


def _patched(frame: Frame) -> bool:
    """Does the module let loops run within loops?"""
    return "nest_asyncio" in frame.module.scope.bindings


def _symptom(runner: str) -> str:
    return {
        "async_to_sync()": "RuntimeError: You cannot use AsyncToSync in the same thread as an async event loop - just "
        "await the async function directly.",
        "asyncio.run()": "RuntimeError: asyncio.run() cannot be called from a running event loop",
    }.get(runner, "RuntimeError: This event loop is already running")


def _fix(use: CallUse, frame: Frame, runners: _Runners) -> Fix | None:
    """`async_to_sync(f)(x)` → `await f(x)`, `asyncio.run(f(x))` → `await f(x)`."""
    call = use.node
    if not isinstance(use.parents[-1], FITS_AWAIT):
        return None
    if runners.adapter(call.func, frame) is call.func:
        assert isinstance(call.func, facts.Call)
        kept, outer = call.func.args[0].value, call.func
    elif runners.direct(call, frame) != "async_to_sync()" and len(call.args) == 1 and not call.args[0].keyword:
        kept, outer = call.args[0].value, call
    else:
        return None
    if not isinstance(kept, (facts.Name, facts.Attribute, facts.Call)):
        return None
    if outer is call.func and isinstance(kept, facts.Call):
        return None  # `async_to_sync(f(x))()`: what was meant to be called is not known
    edits = (
        Edit(between(before(outer, frame), before(kept, frame)), "" if use.usage == "awaited" else "await "),
        Edit(between(after(kept, frame), after(outer, frame)), ""),
    )
    return Fix(edits, safe=True, title="await it")
