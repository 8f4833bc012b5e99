from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import ACCEPTED, Flow, Occurrence, life_of
from wslint.rule import Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack, facts, within
from wslint.stack.code.callers import calls_into, place_of
from wslint.stack.code.edits import cut_edit


class AcceptedTwice(Rule):
    """connect() accepts the handshake a second time.

    Why: the connect() of Channels' own consumers accepts. `super().connect()` followed by `accept()`, or two accepts on
    one path, answer a handshake that is answered already.

    See: the connection dies at once. daphne: `'WebSocketProtocol' object has no attribute 'handshake_deferred'` and
    close code 1011; uvicorn: `Expected ASGI message 'websocket.send' or 'websocket.close', but got 'websocket.accept'`
    and 1006.

    Mend: accept() once; leave out `super().connect()` to accept later or with a subprotocol.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await super().connect()
                await self.accept()

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
    """

    code = "WS312"
    name = "accepted-twice"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket:
                continue
            flow = life_of(stack, consumer).connect
            if flow is None or not flow.known:
                continue
            for second in flow.of("accept"):
                first = _first(second)
                if first is None or (second.dropped and consumer.is_async is not False):
                    continue
                finding = self._finding(consumer, flow, first, second)
                if finding.location not in told:
                    told.add(finding.location)
                    yield finding

    def _finding(self, consumer: Consumer, flow: Flow, first: Occurrence, second: Occurrence) -> Finding:
        connect = flow.method
        is_own = second.method.node is connect.node
        entering = [] if is_own else calls_into(consumer.cls, connect, second.method.node)
        place = connect.at(entering[0][0]) if entering else second.location
        return self.finding(
            place,
            f"{consumer.name}.connect() accepts a second time",
            hint="accept() once; super().connect() of Channels' own consumers accepts too",
            symptom="the connection dies at once: close code 1011 (daphne), 1006 with "
            "`Expected ASGI message 'websocket.send' or 'websocket.close', but got 'websocket.accept'` (uvicorn)",
            symbol=f"{consumer.name}.connect",
            related=[Related(first.location, "accepted here")],
            fix=None if entering else _fix(second),
        )


def _first(second: Occurrence) -> Occurrence | None:
    """The accept that surely comes before this one on some path."""
    if _in_handler(second):
        return None
    return next(
        (
            state.accepted_by
            for state in second.before
            if state.socket == ACCEPTED and not state.doubtful and state.accepted_by is not None
        ),
        None,
    )


def _in_handler(second: Occurrence) -> bool:
    """Does it stand where an exception leads? The first accept may be what raised."""
    return any(
        inner is second.node
        for node in within(second.method.node.body)
        if isinstance(node, facts.Handler)
        for inner in within(node.body)
    )


def _fix(second: Occurrence) -> Fix | None:
    """Leave the second accept out, where it is a whole line and brings nothing with it."""
    place = place_of(second.method.node.body, second.node)
    if place is None or second.call is None or second.call.args or len(place.block) < 2:
        return None
    if any(state.socket != ACCEPTED for state in second.before):
        return None  # on another path it is the only one
    span = place.statement.span
    if span.line != span.end_line or not place.is_all(second.node):
        return None
    edit = cut_edit(place, second.location.path)
    return None if edit is None else Fix((edit,), safe=True, title="accept once")
