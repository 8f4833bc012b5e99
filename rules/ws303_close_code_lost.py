from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import CLOSED, CONNECTING, Flow, Life, Occurrence, life_of
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Consumer, Literal, Parameter, Stack, Value
from wslint.stack.code.callers import place_of
from wslint.stack.code.places import before

ASSUMES_OPEN = ("accept", "send", "group_add")


class CloseCodeLost(Rule):
    """A close code that is sent before accept() never reaches the client.

    Why: before accept() there is no WebSocket yet. The server answers the handshake with an HTTP refusal, which has no
    place for a close code.

    See: HTTP 403 in the handshake; the browser reports `onerror` and close code 1006, never the code of the consumer
    (daphne and uvicorn). A client that stops on 4001 goes on reconnecting.

    Mend: accept first: `await self.accept()`, then close with the code. A plain denial needs no code.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                if self.scope["url_route"]["kwargs"]["room"] == "cellar":
                    await self.close(code=4004)
                    return
                await self.accept()

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                if self.scope["url_route"]["kwargs"]["room"] == "cellar":
                    await self.accept()
                    await self.close(code=4004)
                    return
                await self.accept()
    """

    code = "WS303"
    name = "close-code-lost"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        awaited = bool(stack.config.close_codes)
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket:
                continue
            life = life_of(stack, consumer)
            flow = life.connect
            if flow is None:
                continue
            lost = [close for close in flow.of("close") if self._is_lost(stack, consumer, flow, close)]
            for close in lost if awaited else lost[:1]:
                if close.location not in told:
                    told.add(close.location)
                    yield self._finding(stack, life, flow, close, awaited)

    def _is_lost(self, stack: Stack, consumer: Consumer, flow: Flow, close: Occurrence) -> bool:
        """Does it run before accept() only, with a code, and with the connection left alone afterwards?"""
        if not close.before or any(state.socket != CONNECTING for state in close.before):
            return False
        if consumer.is_async and close.dropped:
            return False
        if any(
            state.socket == CLOSED and state.closed_by is close and not state.doubtful
            for kind in ASSUMES_OPEN
            for later in flow.of(kind)
            for state in later.before
        ):
            return False
        return _has_code(stack, close)

    def _finding(self, stack: Stack, life: Life, flow: Flow, close: Occurrence, awaited: bool) -> Finding:
        consumer = life.consumer
        number = _code(stack, close)
        shown = "the close code" if number is None else f"close code {number}"
        await_ = "await " if consumer.is_async else ""
        return self.finding(
            close.location,
            f"{shown} of {consumer.name} is sent before accept(): the client never gets it",
            hint=f"`{await_}self.accept()` before the close, or close without a code",
            symptom=f"HTTP 403 in the handshake and close code 1006 in the browser, never {number or 'the code'}",
            level=Level.WARNING if awaited else None,
            symbol=f"{consumer.name}.{close.method.name}",
            fix=self._fix(life, flow, close, await_),
        )

    def _fix(self, life: Life, flow: Flow, close: Occurrence, await_: str) -> Fix | None:
        place = place_of(close.method.node.body, close.node)
        others = (other for other in life.flows() if other is not flow)
        if place is None or any(found.node is close.node for other in others for found in other.of("close")):
            return None
        name = close.method.node.params[0].name if close.method.node.params else "self"
        text = f"{await_}{name}.accept()\n" + " " * (place.statement.span.column - 1)
        at = before(place.statement, close.method.frame)
        return Fix((Edit(at, text),), safe=False, title="accept before the close")


def _has_code(stack: Stack, close: Occurrence) -> bool:
    """Is a code given, whatever it is, on some way from connect()?"""
    code = close.code
    if code is None:
        return False
    return any(not _surely_none(stack.values.of(code, frame)) for frame in close.frames)


def _surely_none(found: tuple[Value, ...]) -> bool:
    return all(isinstance(value, Parameter) or (isinstance(value, Literal) and value.value is None) for value in found)


def _code(stack: Stack, close: Occurrence) -> int | None:
    """The first code that is a number."""
    assert close.code is not None
    for frame in close.frames:
        for value in stack.values.of(close.code, frame):
            if isinstance(value, Literal) and isinstance(value.value, int):
                return value.value
    return None
