from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import is_handler
from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import Consumer, Method, Stack, below, facts

CALLED = {
    "connect": ("websocket_connect",),
    "disconnect": ("websocket_disconnect",),
    "receive": ("websocket_receive",),
    "receive_json": ("websocket_receive", "receive"),
    "websocket_connect": (),
    "websocket_receive": (),
    "websocket_disconnect": (),
}
"""Methods that Channels calls, with those of its own that do it; a project that overrides these calls as it likes."""


class AsyncMethodInSyncConsumer(Rule):
    """An `async def` method in a sync consumer: it is called, and its body never runs.

    Why: a sync consumer calls connect(), receive() and its event handlers like any function. Calling a coroutine
    function only makes a coroutine, which is thrown away.

    See: nothing. The client of an async connect() waits until its handshake times out; frames and events have no
    effect. `RuntimeWarning: coroutine … was never awaited` is printed under uvicorn, never under daphne.

    Mend: `def` without await, or an async consumer (AsyncWebsocketConsumer) with every method async.

    Bad:
        from channels.generic.websocket import WebsocketConsumer

        class RoomConsumer(WebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                self.send(text_data=text_data)

    Good:
        from channels.generic.websocket import WebsocketConsumer

        class RoomConsumer(WebsocketConsumer):
            def receive(self, text_data=None, bytes_data=None):
                self.send(text_data=text_data)
    """

    code = "WS311"
    name = "async-method-in-sync-consumer"
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
            if consumer.in_tests or consumer.vendored or consumer.is_async is not False or not consumer.complete:
                continue
            if consumer.kind not in ("websocket", "json", "raw") or consumer.dispatches_itself:
                continue
            for method in consumer.methods.values():
                if method.location in told or not method.node.is_async or method.node.decorators:
                    continue
                if _is_called(consumer, method, events) and not _is_used(consumer, method.name):
                    told.add(method.location)
                    yield self._finding(consumer, method)

    def _finding(self, consumer: Consumer, method: Method) -> Finding:
        return self.finding(
            method.location,
            f"{method.owner.name}.{method.name}() is `async def`, and {consumer.name} is a sync consumer: "
            "nothing awaits it",
            hint="`def`, or an async consumer as the base with every method async",
            symptom="the handshake is never answered and times out"
            if method.name in ("connect", "websocket_connect")
            else "the body never runs; uvicorn prints `coroutine … was never awaited`, daphne nothing",
            symbol=f"{consumer.name}.{method.name}",
        )


def _is_called(consumer: Consumer, method: Method, events: set[str]) -> bool:
    """Does Channels call the method?"""
    name = method.name
    if name not in CALLED:
        return name in events and is_handler(method)
    if consumer.kind == "raw" and not name.startswith("websocket_"):
        return False
    if name == "receive_json" and consumer.kind != "json":
        return False
    return not any(consumer.cls.defines(caller) for caller in CALLED[name])


def _is_used(consumer: Consumer, name: str) -> bool:
    """Does the consumer use the method itself, for example in `async_to_sync(self.name)`?"""
    return any(
        isinstance(node, facts.Attribute) and node.attr == name and isinstance(node.value, facts.Name)
        for method in consumer.methods.values()
        for node in below(method.node)
    )
