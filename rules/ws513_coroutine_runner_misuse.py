from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import ASYNC_TO_SYNC
from wslint.rule import Edit, Finding, Fix, Level, Rule
from wslint.stack import CallUse, CallValue, Frame, FunctionUse, FunctionValue, Stack, facts
from wslint.stack.code.coroutines import gives_no_coroutine, is_coroutine_function
from wslint.stack.code.places import after, before, between

LOOPS = frozenset({"asyncio.get_event_loop", "asyncio.new_event_loop"})


class CoroutineRunnerMisuse(Rule):
    """asyncio.run() or run_until_complete() on something that is no coroutine: a function, a result.

    Why: both take the coroutine that calling a coroutine function gives, `asyncio.run(notify(text))`. The function
    itself, as `async_to_sync` takes it, is no coroutine; neither is what a plain function returns.

    See: `ValueError: a coroutine was expected, got <function …>` with asyncio.run(), `TypeError: An asyncio.Future, a
    coroutine or an awaitable is required` with run_until_complete(); in Celery and in signals often only in a log.

    Mend: call the function inside the brackets. In code that speaks to the channel layer `async_to_sync(function)(…)`
    is the usual form.

    Bad:
        import asyncio
        from channels.layers import get_channel_layer

        def notify(text):
            layer = get_channel_layer()
            asyncio.run(layer.group_send)("room", {"type": "room.news", "text": text})

    Good:
        import asyncio
        from channels.layers import get_channel_layer

        def notify(text):
            layer = get_channel_layer()
            asyncio.run(layer.group_send("room", {"type": "room.news", "text": text}))
    """

    code = "WS513"
    name = "coroutine-runner-misuse"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for function in stack.functions:
            if function.is_async or function.vendored or function.in_tests:
                continue  # in async code the runner itself is wrong: WS504
            for use in function.calls:
                runner = _runner(use.node, function.frame, stack)
                what = _no_coroutine(use.node.args[0].value, function.frame, stack) if runner else ""
                if what:
                    yield self.finding(
                        function.at(use.node.args[0].value),
                        f"{runner}() takes a coroutine, and this is {what}",
                        hint="call the coroutine function inside the brackets",
                        symptom="ValueError: a coroutine was expected"
                        if runner == "asyncio.run"
                        else "TypeError: An asyncio.Future, a coroutine or an awaitable is required",
                        symbol=function.name if function.owner is None else f"{function.owner.name}.{function.name}",
                        fix=_fix(use, function, stack),
                    )


def _runner(call: facts.Call, frame: Frame, stack: Stack) -> str:
    """The name of the runner that a call is, when it has one plain argument first."""
    if not call.args or call.args[0].star or call.args[0].keyword:
        return ""
    if stack.values.dotted(call.func, frame) == "asyncio.run":
        return "asyncio.run"
    if isinstance(call.func, facts.Attribute) and call.func.attr == "run_until_complete":
        loop = stack.values.one(call.func.value, frame)
        if isinstance(loop, CallValue) and loop.dotted in LOOPS:
            return "run_until_complete"
    return ""


def _no_coroutine(expr: facts.Expr, frame: Frame, stack: Stack) -> str:
    """What an argument surely is instead of a coroutine; empty when it may be one."""
    if is_coroutine_function(expr, frame, stack.values):
        return "the function, not called"
    if not isinstance(expr, facts.Call):
        return ""
    if isinstance(expr.func, facts.Call) and stack.values.dotted(expr.func.func, frame) == ASYNC_TO_SYNC:
        return "the result of async_to_sync(…)(…), which has run it already"
    return "the result of a plain function" if gives_no_coroutine(expr, frame, stack.values) else ""


def _fix(use: CallUse, function: FunctionUse, stack: Stack) -> Fix | None:
    """`asyncio.run(f)(x)` → `asyncio.run(f(x))`; `asyncio.run(f)` → `asyncio.run(f())` when f takes nothing."""
    inner, frame, outer = use.node.args[0].value, function.frame, use.outer
    if not is_coroutine_function(inner, frame, stack.values) or len(use.node.args) != 1:
        return None
    if outer is not None and outer.func is use.node:
        first = before(outer.args[0], frame) if outer.args else after(outer, frame)
        called = Edit(between(after(inner, frame), first), "(" if outer.args else "())")
        edits = (called, Edit(after(outer, frame), ")")) if outer.args else (called,)
        return Fix(edits, safe=True, title="call it inside the brackets")
    value = stack.values.one(inner, frame)
    if isinstance(value, FunctionValue) and len(value.node.params) == (1 if value.receiver is not None else 0):
        return Fix((Edit(after(inner, frame), "()"),), safe=True, title="call it")
    return None
