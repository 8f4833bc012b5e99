from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import ACCEPTED, Occurrence, life_of
from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import Consumer, Frame, Stack, facts, within
from wslint.stack.code.guarded import BROAD, WRONG_TYPE, is_caught
from wslint.stack.project.servers import servers_of

NEWER = {"close": "reason", "accept": "headers"}
SINCE = "4.1"
LONGEST = 123
"""Bytes of a close frame that are left for the reason (RFC 6455)."""


class ArgumentNeedsNewerChannels(Rule):
    """close(reason=…) or accept(headers=…) that this Channels, or the protocol, does not take.

    Why: both arguments came with Channels 4.1. A close frame has room for 123 bytes of reason, in UTF-8.

    See: in Channels 3 and 4.0 `TypeError: close() got an unexpected keyword argument 'reason'`: HTTP 500 in the
    handshake, 1011 or 1006 after it. For a longer reason uvicorn raises `ProtocolError: control frame too long` and the
    client gets 1006; daphne sends no reason at all.

    Mend: `channels>=4.1`, or leave the argument out; say more in a frame before the close.

    Bad:
        # requirements.txt
        channels==4.0.0
        # consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.close(code=4004, reason="no such room")

    Good:
        # requirements.txt
        channels==4.1.0
        # consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.close(code=4004, reason="no such room")
    """

    code = "WS327"
    name = "argument-needs-newer-channels"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        old = stack.packages.surely_below("channels", SINCE)
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket:
                continue
            for flow in life_of(stack, consumer).flows():
                for use in flow.of(*NEWER):
                    argument = _argument(use)
                    place = None if argument is None else use.method.at(argument)
                    if argument is None or place is None or place in told or (use.dropped and consumer.is_async):
                        continue
                    finding = self._too_new(stack, consumer, use, place) if old else None
                    if finding is None and not old:
                        finding = self._too_long(stack, consumer, use, argument.value, place)
                    if finding is not None:
                        told.add(place)
                        yield finding

    def _too_new(self, stack: Stack, consumer: Consumer, use: Occurrence, place: Location) -> Finding | None:
        asks = any("version" in name.lower() for test in use.conditions for name in _names(test))
        if asks or is_caught(use.method.node.body, use.node, WRONG_TYPE, use.method.frame, stack.values):
            return None
        name = NEWER[use.kind]
        return self.finding(
            place,
            f"{consumer.name} calls {use.kind}({name}=…), which needs Channels {SINCE}; an older one is required",
            hint=f"`channels>={SINCE}`, or leave `{name}` out",
            symptom=f"`TypeError: {use.kind}() got an unexpected keyword argument '{name}'`: HTTP 500 before accept(), "
            "close code 1011 (daphne) or 1006 (uvicorn) after it",
            symbol=f"{consumer.name}.{use.method.name}",
        )

    def _too_long(
        self, stack: Stack, consumer: Consumer, use: Occurrence, reason: facts.Expr, place: Location
    ) -> Finding | None:
        sockets = {state.socket for state in use.before}
        if use.kind != "close" or ACCEPTED not in sockets:
            return None
        if is_caught(use.method.node.body, use.node, BROAD, use.method.frame, stack.values):
            return None
        size = max((_size(stack, reason, frame) for frame in use.frames), default=0)
        if size <= LONGEST:
            return None
        return self.finding(
            place,
            f"the reason with which {consumer.name} closes has {size} bytes, and a close frame has room for {LONGEST}",
            hint="a short reason; say more in a frame before the close",
            symptom="uvicorn: `ProtocolError: control frame too long` and close code 1006; daphne sends no reason",
            level=Level.WARNING if servers_of(stack) == {"daphne"} else None,
            symbol=f"{consumer.name}.{use.method.name}",
        )


def _argument(use: Occurrence) -> facts.Argument | None:
    """The newer argument of a call, by its name or as the second one."""
    if use.call is None or use.name != use.kind:
        return None
    for index, argument in enumerate(use.call.args):
        if argument.star:
            return None
        if argument.keyword == NEWER[use.kind] or (index == 1 and argument.keyword is None):
            return argument
    return None


def _size(stack: Stack, reason: facts.Expr, frame: Frame) -> int:
    """How many bytes a reason has at least."""
    patterns = stack.texts.of(reason, frame)
    return max((sum(len(part.encode()) for part in pattern.texts) for pattern in patterns), default=0)


def _names(test: facts.Expr) -> Iterator[str]:
    for node in within((test,)):
        if isinstance(node, facts.Name):
            yield node.id
        elif isinstance(node, facts.Attribute):
            yield node.attr
