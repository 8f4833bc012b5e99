from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import ACCEPTED, CONNECTING, Occurrence, Turn, life_of, turns_of
from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import Consumer, Method, Middleware, Stack, facts, within
from wslint.stack.code.callers import own_calls
from wslint.stack.code.guarded import BROAD, is_caught
from wslint.stack.code.values import Frame

EXCEPTIONS = "channels.exceptions."
ANSWERS = {
    EXCEPTIONS + "DenyConnection": "refuses",
    EXCEPTIONS + "AcceptConnection": "accepts",
}
"""What these exceptions do in connect()."""


class MisplacedException(Rule):
    """StopConsumer, DenyConnection or AcceptConnection is raised where it does not mean what it says.

    Why: StopConsumer ends the consumer and closes nothing: it is for after the client has left. DenyConnection and
    AcceptConnection are caught around connect() only; anywhere else they are an error like any other.

    See: StopConsumer before accept(): the client waits until daphne gives up after 5 seconds, HTTP 500 with uvicorn.
    After it: with daphne the socket stays open and frames are ignored, with uvicorn the client sees 1006; disconnect()
    is not called on either. DenyConnection after accept(): a traceback, 1011 (daphne) or 1006 (uvicorn). In a
    middleware: HTTP 500.

    Mend: `await self.close(code=4000)` and `return`. In a middleware send `{"type": "websocket.close"}` and return.

    Bad:
        from channels.exceptions import StopConsumer
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                if text_data == "bye":
                    raise StopConsumer

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                if text_data == "bye":
                    await self.close()
    """

    code = "WS321"
    name = "misplaced-exception"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for finding in (*self._in_consumers(stack), *self._in_middleware(stack)):
            if finding.location not in told:
                told.add(finding.location)
                yield finding

    def _in_consumers(self, stack: Stack) -> Iterator[Finding]:
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.complete or consumer.dispatches_itself:
                continue
            if not consumer.is_websocket and not _serves_websockets(consumer):
                continue
            for turn in turns_of(stack).of(consumer):
                if turn.kind == "handler" and turn.name not in turns_of(stack).event_methods:
                    continue
                flow = life_of(stack, consumer).method(turn.name)
                for occurrence in flow.occurrences if flow is not None else ():
                    if occurrence.kind == "stop" and turn.kind != "disconnect" and not _closes_unseen(consumer, turn):
                        yield from self._stop(turn, occurrence)
                    elif isinstance(occurrence.node, facts.Raise) and not _is_answered(stack, turn, occurrence):
                        yield from self._answer(stack, turn, occurrence)

    def _stop(self, turn: Turn, stop: Occurrence) -> Iterator[Finding]:
        sockets = {state.socket for state in stop.before}
        if not sockets & {CONNECTING, ACCEPTED}:
            return
        waiting = CONNECTING in sockets and turn.kind == "connect"
        yield self.finding(
            stop.location,
            f"StopConsumer in {turn.name}() of {turn.consumer.name} ends the consumer and leaves the socket open",
            hint="close() and return" if turn.consumer.is_websocket else "send a websocket.close and return",
            symptom="daphne lets the client wait for 5 seconds, uvicorn answers HTTP 500"
            if waiting
            else "daphne keeps the socket open and ignores its frames, uvicorn drops it (1006); no disconnect()",
            symbol=f"{turn.consumer.name}.{turn.name}",
        )

    def _answer(self, stack: Stack, turn: Turn, raised: Occurrence) -> Iterator[Finding]:
        name = _exception(stack, raised.node, raised.method.frame)
        if name is None:
            return
        symptom = "a traceback; the client sees 1011 (daphne) or 1006 (uvicorn)"
        if turn.kind in ("connect", "disconnect"):
            symptom = "every such handshake is HTTP 500" if turn.kind == "connect" else "a traceback on the disconnect"
        yield self.finding(
            raised.location,
            f"{name.removeprefix(EXCEPTIONS)} {ANSWERS[name]} in connect() only, and {turn.name}() of "
            f"{turn.consumer.name} raises it",
            hint="close() and return",
            symptom=symptom,
            symbol=f"{turn.consumer.name}.{turn.name}",
        )

    def _in_middleware(self, stack: Stack) -> Iterator[Finding]:
        for middleware in stack.middleware:
            if middleware.in_tests or middleware.vendored or _is_caught_by_one(stack):
                continue
            for method in _running(middleware):
                for node in within(method.node.body):
                    name = _exception(stack, node, method.frame)
                    if name is None or _catches(stack, method, node):
                        continue
                    yield self.finding(
                        method.at(node),
                        f"{name.removeprefix(EXCEPTIONS)} {ANSWERS[name]} in connect() only; nobody catches it in "
                        f"{middleware.name}",
                        hint='`await send({"type": "websocket.close"})` and return',
                        symptom="a traceback for each refused client"
                        if _closes_before(method, node)
                        else "HTTP 500 in place of 403",
                        symbol=middleware.name,
                    )


def _serves_websockets(consumer: Consumer) -> bool:
    """Is it a raw consumer on a websocket route (and no worker)?"""
    return consumer.kind == "raw" and any(mount.protocol == "websocket" for mount in consumer.mounts)


def _closes_unseen(consumer: Consumer, turn: Turn) -> bool:
    """Does a raw consumer send a message that cannot be read? It may be a close."""
    return consumer.kind == "raw" and any(
        isinstance(node, facts.Call)
        and isinstance(node.func, facts.Attribute)
        and node.func.attr in ("send", "base_send")
        and not (node.args and isinstance(node.args[0].value, facts.Dict))
        for method in (turn.method, *(reached for _, reached in own_calls(consumer.cls, turn.method)))
        for node in within(method.node.body)
    )


def _is_answered(stack: Stack, turn: Turn, raised: Occurrence) -> bool:
    """Is DenyConnection caught: by Channels around connect(), or by the project around the raise or the way to it?"""
    if turn.name == "connect" and turn.consumer.is_websocket:
        return True
    return _catches(stack, raised.method, raised.node) or _catches(stack, turn.method, raised.outer)


def _catches(stack: Stack, method: Method, node: facts.Node) -> bool:
    return is_caught(method.node.body, node, BROAD | ANSWERS.keys(), method.frame, stack.values)


def _exception(stack: Stack, node: facts.Node, frame: Frame) -> str | None:
    """The exception for connect() that a statement raises."""
    if not isinstance(node, facts.Raise) or node.exception is None:
        return None
    raised = node.exception.func if isinstance(node.exception, facts.Call) else node.exception
    name = stack.values.dotted(raised, frame)
    return name if name in ANSWERS else None


def _running(middleware: Middleware) -> list[Method]:
    """`__call__` and the methods it leads to."""
    found = [middleware.call] if middleware.call is not None else []
    for method in found:
        for _, reached in own_calls(middleware.cls, method):
            if all(reached.node is not other.node for other in found):
                found.append(reached)
    return found


def _closes_before(method: Method, node: facts.Node) -> bool:
    """Is a `websocket.close` sent further up in the method?"""
    return any(
        isinstance(text, facts.Constant) and text.value == "websocket.close" and text.span < node.span
        for text in within(method.node.body)
    )


def _is_caught_by_one(stack: Stack) -> bool:
    """Does a middleware catch these exceptions for those inside it?"""
    for middleware in stack.middleware:
        for method in _running(middleware):
            for node in within(method.node.body):
                if not isinstance(node, facts.Handler) or node.exception is None:
                    continue
                caught = node.exception.items if isinstance(node.exception, facts.Sequence) else (node.exception,)
                if any(stack.values.dotted(one, method.frame) in ANSWERS for one in caught):
                    return True
    return False
