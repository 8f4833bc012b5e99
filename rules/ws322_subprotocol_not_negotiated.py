from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import Occurrence, life_of
from wslint.knowledge.channels import CLIENT_SUBPROTOCOLS
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Display, Literal, Stack, argument, facts
from wslint.stack.middleware.subprotocols import (
    Offer,
    first_items,
    is_in_a_page,
    is_offered_list,
    mentions_offer,
    offers,
)


class SubprotocolNotNegotiated(Rule):
    """The subprotocol that is accepted is not one that the client offers.

    Why: a client may offer subprotocols, and the server picks one of them, a str, or none. A browser that offered some
    and got none gives up; one that gets another does so too.

    See: offered and none accepted: the browser closes with 1006, `Sent non-empty 'Sec-WebSocket-Protocol' header but no
    response was received`; Python's clients do not mind. Accepted but not offered, or a list or bytes: daphne drops the
    handshake after 5 s, under uvicorn the client refuses it. `scope["subprotocols"][0]` with none offered: HTTP 500.

    Mend: look whether the client offers it, `"jwt" in self.scope["subprotocols"]`, and accept without one if not.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept(subprotocol=self.scope["subprotocols"][0])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept(subprotocol=next(iter(self.scope["subprotocols"]), None))
    """

    code = "WS322"
    name = "subprotocol-not-negotiated"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for finding in (*self._unguarded(stack), *self._accepted(stack)):
            if finding.location not in told:
                told.add(finding.location)
                yield finding

    def _unguarded(self, stack: Stack) -> Iterator[Finding]:
        for function, item in first_items(stack):
            yield self.finding(
                function.at(item),
                f"{function.name}() takes an item of the subprotocols, and a client may offer none",
                hint="`next(iter(…), None)`, or look whether there is one",
                symptom="`IndexError: list index out of range`, HTTP 500 for every client that offers no subprotocol",
                symbol=function.name,
                fix=_first_or_none(function.at(item.value), function.at(item), item),
            )

    def _accepted(self, stack: Stack) -> Iterator[Finding]:
        offered = offers(stack)
        for consumer in stack.consumers:
            connect = life_of(stack, consumer).connect if consumer.is_websocket else None
            if connect is None or not connect.known or consumer.in_tests or consumer.vendored:
                continue
            accepts = [accept for accept in connect.of("accept") if accept.call is not None]
            given = [(accept, _given(accept)) for accept in accepts]
            for accept, protocol in given:
                if protocol is not None:
                    yield from self._one(stack, consumer, accept, protocol, offered)
            mine = next((offer for offer in offered if offer.consumer is consumer), None)
            if mine is not None and accepts and all(protocol is None for _, protocol in given):
                yield self._none(consumer, accepts[0], mine)

    def _one(
        self, stack: Stack, consumer: Consumer, accept: Occurrence, protocol: facts.Expr, offered: list[Offer]
    ) -> Iterator[Finding]:
        """A subprotocol that is no str, or one that nobody was seen to offer."""
        values = [value for frame in accept.frames for value in stack.values.of(protocol, frame)]
        kinds = {
            "bytes" if isinstance(value, Display) and isinstance(value.node, facts.Bytes) else "a list"
            for value in values
            if isinstance(value, Display) and isinstance(value.node, (facts.Bytes, facts.Sequence))
        }
        symptom = "daphne drops the handshake after 5 s; under uvicorn the client refuses it"
        if is_offered_list(protocol) or (kinds and len(kinds) == len(values)):
            kind = "a list" if is_offered_list(protocol) else min(kinds)
            yield self.finding(
                accept.method.at(protocol),
                f"{consumer.name} accepts with {kind} as its subprotocol",
                hint="one of the offered names, a str, or None",
                symptom=symptom,
                symbol=f"{consumer.name}.{accept.method.name}",
            )
            return
        names = {value.value for value in values if isinstance(value, Literal) and isinstance(value.value, str)}
        seen = {name for offer in offered for name in offer.names} | CLIENT_SUBPROTOCOLS
        unseen = len(names) == 1 == len(values) and not names & seen and not mentions_offer(accept.method.node)
        if unseen and not is_in_a_page(stack, min(names)):
            yield self.finding(
                accept.method.at(protocol),
                f"{consumer.name} accepts the subprotocol {min(names)!r} whether or not the client offers it",
                hint='look first: `"…" in self.scope["subprotocols"]`',
                symptom=f"for a client that does not offer it: {symptom}",
                level=Level.INFO,
                symbol=f"{consumer.name}.{accept.method.name}",
            )

    def _none(self, consumer: Consumer, accept: Occurrence, offer: Offer) -> Finding:
        return self.finding(
            accept.location,
            f"{consumer.name} accepts without a subprotocol, and a client offers {' or '.join(map(repr, offer.names))}",
            hint="`accept(subprotocol=…)` with one that the client offers",
            symptom="a browser closes with 1006 (`Sent non-empty 'Sec-WebSocket-Protocol' header but no response was "
            "received`); Python's clients do not mind",
            symbol=f"{consumer.name}.{accept.method.name}",
            related=[Related(offer.location, "offered here")],
        )


def _given(accept: Occurrence) -> facts.Expr | None:
    """The subprotocol of an accept(); None where none is named."""
    if accept.call is None or accept.name != "accept":
        return None
    given = argument(accept.call, 0, "subprotocol")
    return None if isinstance(given, facts.Constant) and given.value is None else given


def _first_or_none(offered: Location, item: Location, node: facts.Subscript) -> Fix | None:
    if not (isinstance(node.index, facts.Constant) and node.index.value == 0):
        return None
    start, end = offered.span, item.span
    before = type(start)(start.line, start.column, start.line, start.column)
    after = type(start)(start.end_line, start.end_column, end.end_line, end.end_column)
    edits = (Edit(Location(item.path, before), "next(iter("), Edit(Location(item.path, after), "), None)"))
    return Fix(edits, safe=False, title="the first one, or none")
