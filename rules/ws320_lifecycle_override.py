from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import life_of
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Method, Stack, below, facts
from wslint.stack.code.edits import import_edit, import_line
from wslint.stack.code.places import after
from wslint.stack.code.signatures import takes

DISCONNECT = "websocket_disconnect"
STOP = "StopConsumer"


class LifecycleOverride(Rule):
    """A consumer that does not end when its client leaves.

    Why: a consumer ends when `websocket_disconnect()` raises StopConsumer. The one of Channels' websocket consumers
    leaves the groups, calls disconnect() and raises it; an override has to do the same. AsyncConsumer and SyncConsumer
    have none at all.

    See: an override that raises nothing: groups are kept, disconnect() is never called, and the consumer waits for
    ever. Daphne logs `took too long to shut down and was killed` after 10 seconds; uvicorn keeps it until the process
    ends, and does not end while it waits. No method at all: `ValueError: No handler for message type
    websocket.disconnect` on every close.

    Mend: override disconnect() instead, or end with `await super().websocket_disconnect(message)`; in an AsyncConsumer
    or SyncConsumer `raise StopConsumer`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def websocket_disconnect(self, message):
                print("gone", self.scope["path"])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def websocket_disconnect(self, message):
                print("gone", self.scope["path"])
                await super().websocket_disconnect(message)
    """

    code = "WS320"
    name = "lifecycle-override"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.complete or consumer.is_abstract:
                continue
            if consumer.dispatches_itself or consumer.cls.defines("__call__"):
                continue
            method = consumer.method(DISCONNECT)
            if method is None:
                finding = self._absent(stack, consumer) if _is_websocket(consumer) else None
            else:
                finding = self._override(stack, consumer, method) if _is_called(consumer, method) else None
            if finding is not None and finding.location not in told:
                told.add(finding.location)
                yield finding

    def _override(self, stack: Stack, consumer: Consumer, method: Method) -> Finding | None:
        flow = life_of(stack, consumer).method(DISCONNECT)
        ends = [exit for exit in flow.exits if exit.how in ("return", "end")] if flow is not None and flow.known else []
        if flow is None or not ends or _calls_base(consumer):
            return None
        stops = any(exit.how == "stop" for exit in flow.exits)
        return self.finding(
            method.location,
            f"{method.owner.name}.{DISCONNECT}() "
            + ("does not raise StopConsumer on every path" if stops else "does not raise StopConsumer")
            + f", so {consumer.name} goes on after its client has left",
            hint="raise StopConsumer"
            if consumer.kind == "raw"
            else f"override disconnect() instead, or call super().{DISCONNECT}() last",
            symptom="daphne: `took too long to shut down and was killed` after 10 s; uvicorn keeps the consumer until "
            "the process ends"
            + ("" if consumer.kind == "raw" else "; groups are not left and disconnect() is not called"),
            symbol=f"{consumer.name}.{DISCONNECT}",
            related=[Related(ends[0].location, "ends here without it")] if stops else (),
            fix=None if stops else _end_it(stack, consumer, method),
        )

    def _absent(self, stack: Stack, consumer: Consumer) -> Finding:
        return self.finding(
            consumer.location,
            f"{consumer.name} serves websockets and has no {DISCONNECT}()",
            hint=f"write `{DISCONNECT}(self, message)` and raise StopConsumer in it",
            symptom="`ValueError: No handler for message type websocket.disconnect` whenever a client leaves",
            symbol=consumer.name,
            fix=_write_it(stack, consumer),
        )


def _is_websocket(consumer: Consumer) -> bool:
    """Is it a raw consumer that a websocket route mounts and that takes connections?"""
    mounted = any(mount.protocol == "websocket" for mount in consumer.mounts)
    cls = consumer.cls
    return consumer.kind == "raw" and mounted and cls.defines("websocket_connect") and not cls.defines(DISCONNECT)


def _is_called(consumer: Consumer, method: Method) -> bool:
    """Does Channels run the method to its end? (WS308, WS310 and WS311 tell when it cannot.)"""
    node = method.node
    runs = node.is_async is consumer.is_async and not node.decorators and takes(node, 1)
    return runs and (consumer.is_websocket or consumer.kind == "raw")


def _calls_base(consumer: Consumer) -> bool:
    """Does some method hand on to another `websocket_disconnect` (`super()`, `Base.websocket_disconnect(self, …)`)?"""
    return any(
        isinstance(node, facts.Attribute) and node.attr == DISCONNECT
        for cls in consumer.cls.ancestry
        for method in cls.own_methods.values()
        for node in below(method.node)
    )


def _end_it(stack: Stack, consumer: Consumer, method: Method) -> Fix | None:
    """The missing call as the last statement."""
    node, last = method.node, method.node.body[-1]
    if isinstance(last, facts.Return) or last.span.line == node.span.line:
        return None
    indent = "\n" + " " * (node.body[0].span.column - 1)
    if consumer.kind == "raw":
        return _raising(stack, method.path, Edit(after(last, method.frame), f"{indent}raise {STOP}"))
    call = f"super().{DISCONNECT}({node.params[1].name})"
    text = f"{indent}await {call}" if node.is_async else f"{indent}{call}"
    return Fix((Edit(after(last, method.frame), text),), safe=False, title=f"call super().{DISCONNECT}()")


def _write_it(stack: Stack, consumer: Consumer) -> Fix | None:
    """A method of its own at the end of the class."""
    cls = consumer.cls
    first, last = cls.node.body[0], cls.node.body[-1]
    if first.span.line == cls.node.span.line:
        return None
    indent = " " * (first.span.column - 1)
    word = "async def" if consumer.is_async else "def"
    text = f"\n\n{indent}{word} {DISCONNECT}(self, message):\n{indent}    raise {STOP}"
    return _raising(stack, cls.path, Edit(after(last, cls.frame), text))


def _raising(stack: Stack, path: str, edit: Edit) -> Fix | None:
    line = import_line(stack, path, "channels.exceptions", STOP)
    imported = None if line is None else import_edit(stack, path, [line], of_project=False)
    if line is not None and imported is None:
        return None
    edits = (edit,) if imported is None else (imported, edit)
    return Fix(edits, safe=False, title=f"raise {STOP}")
