from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import CLOSED, CONNECTING, Occurrence, life_of
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack
from wslint.stack.code.callers import calls_into


class SendBeforeAccept(Rule):
    """connect() sends a frame before it has accepted the handshake.

    Why: until accept() there is no websocket, only an HTTP request that waits for its answer.

    See: HTTP 500 for every handshake. daphne: `Socket has not been accepted, so cannot send over it`; uvicorn:
    `RuntimeError: Expected ASGI message 'websocket.accept', 'websocket.close' …, but got 'websocket.send'`.

    Mend: accept() first. To tell a client why it is refused: accept(), then close() with a code from 4000 to 4999.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.send(text_data="welcome")
                await self.accept()

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
                await self.send(text_data="welcome")
    """

    code = "WS313"
    name = "send-before-accept"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        layer_sends = {id(send.call) for send in stack.sends}
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket:
                continue
            flow = life_of(stack, consumer).connect
            if flow is None or not flow.known:
                continue
            for sending in flow.of("send"):
                sockets = {state.socket for state in sending.before}
                if id(sending.node) in layer_sends or (sending.dropped and consumer.is_async is not False):
                    continue
                if CONNECTING not in sockets or not sockets <= {CONNECTING, CLOSED}:
                    continue
                finding = self._finding(consumer, sending)
                if finding.location not in told:
                    told.add(finding.location)
                    yield finding

    def _finding(self, consumer: Consumer, sending: Occurrence) -> Finding:
        connect = consumer.methods["connect"]
        place, related = sending.location, []
        is_own = sending.method.node is connect.node
        entering = [] if is_own else calls_into(consumer.cls, connect, sending.method.node)
        if entering:  # the helper may be right elsewhere: here it comes too early
            place = connect.at(entering[0][0])
            related = [Related(sending.location, "the frame is sent here")]
        return self.finding(
            place,
            f"{consumer.name}.connect() sends a frame before accept()",
            hint="accept() first; to refuse with a reason, accept() and close() with a code from 4000 to 4999",
            symptom="every handshake that comes here ends in HTTP 500 (daphne: `Socket has not been accepted, so "
            "cannot send over it`; uvicorn: RuntimeError)",
            symbol=f"{consumer.name}.connect",
            related=related,
        )
