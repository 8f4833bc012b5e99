from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import is_handler
from wslint.knowledge.channels import CONSUMER_COROUTINES
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Consumer, Method, Stack, facts, within
from wslint.stack.code.places import before

AWAITED = {
    "connect": ("websocket_connect",),
    "disconnect": ("websocket_disconnect",),
    "receive": ("websocket_receive",),
    "receive_json": ("websocket_receive", "receive"),
    "websocket_connect": (),
    "websocket_receive": (),
    "websocket_disconnect": (),
}
"""Methods that Channels awaits, with those of its own that do it; a project that overrides them awaits as it likes."""


class SyncMethodInAsyncConsumer(Rule):
    """A plain `def` where Channels awaits the method of an async consumer.

    Why: an async consumer awaits connect(), disconnect(), receive(), receive_json() and its event handlers. A plain
    method runs and returns None, which cannot be awaited; an accept() or send() in it is only made, never run.

    See: `TypeError: object NoneType can't be used in 'await' expression` after the body has run: HTTP 500 for
    connect(), close code 1011 (daphne) or 1006 (uvicorn) for the others.

    Mend: `async def`, and `await` before accept(), send() and close().

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            def receive(self, text_data=None, bytes_data=None):
                print(text_data)

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                print(text_data)
    """

    code = "WS310"
    name = "sync-method-in-async-consumer"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        events = {
            kind.replace(".", "_")
            for send in stack.sends
            if send.event is not None
            for kind in send.event.types
            if kind
        }
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or consumer.is_async is not True or not consumer.complete:
                continue
            if consumer.kind not in ("websocket", "json", "raw") or consumer.dispatches_itself:
                continue
            for method in consumer.methods.values():
                if method.location in told or not _is_awaited(consumer, method, events) or _may_be_awaitable(method):
                    continue
                told.add(method.location)
                yield self._finding(stack, consumer, method)

    def _finding(self, stack: Stack, consumer: Consumer, method: Method) -> Finding:
        return self.finding(
            method.location,
            f"{method.owner.name}.{method.name}() is a plain `def`, and an async consumer awaits it",
            hint=f"`async def {method.name}`, with `await` before what it calls on the connection",
            symptom="`TypeError: object NoneType can't be used in 'await' expression` after the body: "
            + ("HTTP 500" if method.name in ("connect", "websocket_connect") else _dies(method.name)),
            symbol=f"{consumer.name}.{method.name}",
            fix=_fix(stack, method),
        )


def _dies(name: str) -> str:
    if name in ("disconnect", "websocket_disconnect"):
        return "in the log of every disconnect"
    return "the client gets close code 1011 (daphne) or 1006 (uvicorn)"


def _is_awaited(consumer: Consumer, method: Method, events: set[str]) -> bool:
    """Does Channels await the method?"""
    name = method.name
    if name in AWAITED:
        if consumer.kind == "raw" and not name.startswith("websocket_"):
            return False
        if name == "receive_json" and consumer.kind != "json":
            return False
        return not any(consumer.cls.defines(caller) for caller in AWAITED[name])
    return name in events and is_handler(method) and not _is_called(consumer, name)


def _is_called(consumer: Consumer, name: str) -> bool:
    """Does the consumer use the method itself, as a helper?"""
    return any(
        isinstance(node, facts.Attribute) and node.attr == name and isinstance(node.value, facts.Name)
        for method in consumer.methods.values()
        for node in within(method.node.body)
    )


def _may_be_awaitable(method: Method) -> bool:
    """Is it async, decorated, left to a subclass, or does it return something?"""
    node = method.node
    if node.is_async or node.decorators:
        return True
    last = node.body[-1]
    if isinstance(last, facts.Raise):
        return True
    returned = (inner.value for inner in within(node.body) if isinstance(inner, facts.Return))
    return any(value is not None and not isinstance(value, facts.Constant) for value in returned)


def _fix(stack: Stack, method: Method) -> Fix:
    edits = [Edit(before(method.node, method.frame), "async ")]
    function = stack.function_at(method.node)
    for use in function.calls if function is not None else ():
        func = use.node.func
        if use.usage != "dropped" or not isinstance(func, facts.Attribute):
            continue
        on_super = isinstance(func.value, facts.Call) and getattr(func.value.func, "id", "") == "super"
        on_self = isinstance(func.value, facts.Name) and func.value.id in [
            param.name for param in method.node.params[:1]
        ]
        if (on_self and func.attr in CONSUMER_COROUTINES) or (
            on_super and func.attr in (*CONSUMER_COROUTINES, *AWAITED)
        ):
            edits.append(Edit(before(use.node, method.frame), "await "))
    return Fix(tuple(edits), safe=False, title="make it async")
