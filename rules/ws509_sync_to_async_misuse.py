from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import SYNC_TO_ASYNC
from wslint.rule import Edit, Finding, Fix, Level, Rule
from wslint.stack import CallUse, FunctionUse, FunctionValue, Stack, facts, within
from wslint.stack.code.coroutines import KEEPS, is_coroutine_function
from wslint.stack.code.places import after, before, between


class SyncToAsyncMisuse(Rule):
    """sync_to_async() around a coroutine function, not awaited, or awaited without a call.

    Why: sync_to_async() and database_sync_to_async() take a plain function and give a coroutine function; that one is
    called, and the call is awaited.

    See: around a coroutine function `TypeError: sync_to_async can only be applied to sync functions.`; awaited without
    a call `TypeError: object SyncToAsync can't be used in 'await' expression`; not awaited, the function never runs
    and nothing is raised.

    Mend: `await sync_to_async(function)(arguments)`; a coroutine function is awaited as it is.

    Bad:
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                self.store(text_data)

            @database_sync_to_async
            def store(self, text):
                self.text = text

    Good:
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.store(text_data)

            @database_sync_to_async
            def store(self, text):
                self.text = text
    """

    code = "WS509"
    name = "sync-to-async-misuse"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for function in stack.functions:
            if function.vendored or function.in_tests:
                continue
            yield from self._decorated(stack, function)
            for use in function.calls:
                if _wraps(stack, use.node, function):
                    yield from self._wrapped(stack, function, use)
                elif use.usage == "dropped" and _runs_in_thread(stack, use.node, function):
                    yield self._dropped(function, use)

    def _decorated(self, stack: Stack, function: FunctionUse) -> Iterator[Finding]:
        for decorator in function.node.decorators:
            target = decorator.func if isinstance(decorator, facts.Call) else decorator
            generates = any(isinstance(node, facts.Yield) for node in within(function.node.body))
            if function.is_async and not generates and stack.values.dotted(target, function.frame) in SYNC_TO_ASYNC:
                yield self.finding(
                    function.at(decorator),
                    f"{function.name}() is a coroutine function: it cannot be decorated with a wrapper of plain ones",
                    hint=f"drop the decorator, or make it `def {function.name}`",
                    symptom="TypeError: sync_to_async can only be applied to sync functions.",
                    symbol=function.symbol,
                )

    def _wrapped(self, stack: Stack, function: FunctionUse, use: CallUse) -> Iterator[Finding]:
        inner = use.node.args[0].value
        frame = function.frame
        if is_coroutine_function(inner, frame, stack.values):
            fix = None
            if _is_called(use) and isinstance(use.parents[-2], facts.Await):
                edits = (
                    Edit(between(before(use.node, frame), before(inner, frame)), ""),
                    Edit(between(after(inner, frame), after(use.node, frame)), ""),
                )
                fix = Fix(edits, safe=True, title="await the coroutine function itself")
            yield self.finding(
                function.at(inner),
                "a coroutine function is wrapped as if it were a plain one",
                hint="`await` its call, without the wrapper",
                symptom="TypeError: sync_to_async can only be applied to sync functions.",
                symbol=function.symbol,
                fix=fix,
            )
        elif use.usage == "awaited" and not isinstance(inner, facts.Call):
            value = stack.values.one(inner, frame)
            bound = 1 if isinstance(value, FunctionValue) and value.receiver is not None else 0
            bare = isinstance(value, FunctionValue) and len(value.node.params) == bound
            yield self.finding(
                function.at(use.node),
                "the wrapped function is awaited and never called",
                hint="call it: `await wrapper(function)(…)`",
                symptom="TypeError: object can't be used in 'await' expression",
                symbol=function.symbol,
                fix=Fix((Edit(after(use.node, frame), "()"),), safe=True, title="call it") if bare else None,
            )
        elif _is_called(use) and isinstance(use.parents[-2], facts.ExpressionStatement):
            assert use.outer is not None
            yield self._dropped(function, next(one for one in function.calls if one.node is use.outer))

    def _dropped(self, function: FunctionUse, use: CallUse) -> Finding:
        edit = Edit(before(use.node, function.frame), "await ")
        return self.finding(
            function.at(use.node),
            "the call of the wrapped function is not awaited: it never runs",
            hint="`await` it" if function.is_async else "sync code calls the function itself, without the wrapper",
            symptom="nothing happens, and under daphne nothing is logged",
            symbol=function.symbol,
            fix=Fix((edit,), safe=True, title="await it") if function.is_async else None,
        )


def _wraps(stack: Stack, call: facts.Call, function: FunctionUse) -> bool:
    """Is it `sync_to_async(something)`?"""
    if not call.args or call.args[0].star or call.args[0].keyword:
        return False
    return stack.values.dotted(call.func, function.frame) in SYNC_TO_ASYNC


def _is_called(use: CallUse) -> bool:
    return use.outer is not None and use.outer.func is use.node and use.parents[-1] is use.outer


def _runs_in_thread(stack: Stack, call: facts.Call, function: FunctionUse) -> bool:
    """Is it a call of a plain function with the decorator?"""
    value = stack.values.one(call.func, function.frame)
    if not isinstance(value, FunctionValue) or not isinstance(value.node, facts.FunctionDef) or value.node.is_async:
        return False
    names = [stack.values.dotted(one, value.frame) for one in value.node.decorators]
    return bool(names) and names[0] in SYNC_TO_ASYNC and set(names) <= SYNC_TO_ASYNC | KEEPS
