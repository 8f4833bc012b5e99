from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import CLOSED, CONNECTING, Flow, Life, Occurrence, life_of
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Consumer, Literal, Stack, argument
from wslint.stack.callers import from_outside, place_of, surely_none, values_from
from wslint.stack.places import before

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
        return _has_code(stack, consumer, flow, close)

    def _finding(self, stack: Stack, life: Life, flow: Flow, close: Occurrence, awaited: bool) -> Finding:
        consumer = life.consumer
        number = _code(stack, consumer, flow, close)
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


def _code_values(stack: Stack, consumer: Consumer, flow: Flow, close: Occurrence) -> list[tuple[object, ...]]:
    call = close.call
    expr = None if call is None else argument(call, 0, "code")
    if expr is None:
        return []
    found = values_from(stack.values, consumer.cls, flow.method, close.method, expr)
    return list(found) or [stack.values.of(expr, close.method.frame)]


def _has_code(stack: Stack, consumer: Consumer, flow: Flow, close: Occurrence) -> bool:
    """Is a code given, whatever it is, on the way from connect()?"""
    ways = _code_values(stack, consumer, flow, close)
    return any(not surely_none(way) and not from_outside(way) for way in ways)  # type: ignore[arg-type]


def _code(stack: Stack, consumer: Consumer, flow: Flow, close: Occurrence) -> int | None:
    for way in _code_values(stack, consumer, flow, close):
        for value in way:
            if isinstance(value, Literal) and isinstance(value.value, int):
                return value.value
    return None
