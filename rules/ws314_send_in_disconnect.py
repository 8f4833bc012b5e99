from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import Flow, Occurrence, is_handler, life_of
from wslint.flow.unset import leaves_before
from wslint.knowledge import channels as known
from wslint.rule import Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Method, Stack, calls_within, facts, within
from wslint.stack.code.callers import following, own_calls, place_of
from wslint.stack.code.edits import cut_edit
from wslint.stack.code.guarded import GONE, is_caught
from wslint.stack.project.servers import servers_of

DOES = {"send": "sends a frame", "close": "closes", "accept": "accepts"}

NOTHING = frozenset(
    "debug info warning warn error exception critical log print str format accept close send send_json super "
    "StopConsumer sleep len range list dict set tuple int bool getattr hasattr isinstance any all sorted enumerate "
    "items keys values get time now".split()
) | {""}
"""Calls that nobody misses: logging, another word to the client, a look at a value."""


class SendInDisconnect(Rule):
    """disconnect() speaks to a client that has gone.

    Why: Channels calls disconnect() when the connection is over, whoever ended it. There is nobody to send to and
    nothing to close.

    See: daphne drops it in silence. uvicorn raises: `ClientDisconnected`, which it hides, or `RuntimeError: Unexpected
    ASGI message 'websocket.close', after sending 'websocket.close'`. What stands after it in disconnect(), a
    group_discard() say, does not run. That is an error where the project is seen to run on uvicorn, else a warning.

    Mend: leave it out. Others are told by a group_send().

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def disconnect(self, code):
                await self.send(text_data="bye")
                await self.close()

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def disconnect(self, code):
                await self.channel_layer.group_discard("hall", self.channel_name)
    """

    code = "WS314"
    name = "send-in-disconnect"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        harmful = Level.ERROR if "uvicorn" in servers_of(stack) else Level.WARNING
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket or _is_called(stack, consumer):
                continue
            flow = life_of(stack, consumer).disconnect
            for late in () if flow is None else flow.of(*DOES):
                if flow is None or (late.dropped and consumer.is_async is not False) or _is_caught(stack, flow, late):
                    continue
                finding = self._finding(consumer, flow, late, harmful)
                if finding is not None and finding.location not in told:
                    told.add(finding.location)
                    yield finding

    def _finding(self, consumer: Consumer, flow: Flow, late: Occurrence, harmful: Level) -> Finding | None:
        skipped = _skipped(consumer, flow, late)
        elsewhere = _is_used_elsewhere(consumer, late.method)
        if elsewhere and (skipped is None or _asks_first(late)):
            return None  # a helper that is right in its other uses, and may do no harm here
        place = flow.method.at(late.outer) if elsewhere else late.location
        message = f"disconnect() of {consumer.name} {DOES[late.kind]} when the connection is over"
        return self.finding(
            place,
            message if skipped is None else f"{message}: {skipped}() after it may never run",
            hint="leave it out; others are told by a group_send()",
            symptom=_symptom(late, skipped),
            level=None if skipped is None else harmful,
            symbol=f"{consumer.name}.disconnect",
            related=[Related(late.location, f"{DOES[late.kind]} here")] if elsewhere else (),
            fix=None if elsewhere else _fix(late),
        )


def _is_called(stack: Stack, consumer: Consumer) -> bool:
    """Does the project call disconnect() itself, or by an event, to hang up?"""
    if any("disconnect" in send.event.types for send in stack.sends if send.event is not None):
        return True
    return any(
        target.name == "disconnect"
        for method in consumer.methods.values()
        if method.name != "disconnect"
        for _, target in own_calls(consumer.cls, method)
    )


def _is_caught(stack: Stack, flow: Flow, late: Occurrence) -> bool:
    """Is what uvicorn raises caught on the way, or may it be?"""
    return any(
        is_caught(method.node.body, node, GONE, method.frame, stack.values)
        for method, node in ((late.method, late.node), (flow.method, late.outer))
    )


def _is_used_elsewhere(consumer: Consumer, method: Method) -> bool:
    """Is a method run at other times than by disconnect()?"""
    if method.name == "disconnect":
        return False
    if method not in consumer.methods.values() or method.name in known.CONSUMER_API or is_handler(method):
        return True
    return any(
        other.name != "disconnect" and other.node is not method.node and target.node is method.node
        for other in consumer.methods.values()
        for _, target in own_calls(consumer.cls, other)
    )


def _asks_first(late: Occurrence) -> bool:
    """Does it stand under a condition of its own method?"""
    return any(test is node for node in within(late.method.node.body) for test in late.conditions)


def _skipped(consumer: Consumer, flow: Flow, late: Occurrence) -> str | None:
    """The first call that stands after it and does something, by name."""
    nothing = NOTHING
    if consumer.complete and consumer.cls.method_after(flow.method.owner, "disconnect") is None:
        nothing |= {"super().disconnect"}
    muted = {id(late.node)}
    places = {id(late.node): (late.method, late.node), id(late.outer): (flow.method, late.outer)}
    for method, node in places.values():
        for statement in following(method.node.body, node):
            for call in calls_within((statement,)):
                name = _name(call.func)
                if name in nothing:
                    muted.update(map(id, calls_within(call.args)))
                elif id(call) not in muted:
                    return name
    return None


def _name(func: facts.Expr) -> str:
    """What a call calls, by its last name; async_to_sync(f) is f."""
    match func:
        case facts.Attribute(value=facts.Call(func=facts.Name(id="super")), attr=name):
            return f"super().{name}"
        case facts.Attribute(value=facts.Attribute(attr=owner), attr="close" | "send" as name):
            return f"{owner}.{name}"
        case facts.Attribute(attr=name) | facts.Name(id=name):
            return name
        case facts.Call(args=(given, *_)):
            return _name(given.value)
        case _:
            return ""


def _symptom(late: Occurrence, skipped: str | None) -> str:
    """What the servers do; who asks before it has not closed already."""
    again = f"`RuntimeError: Unexpected ASGI message 'websocket.{late.kind}', after sending 'websocket.close'`"
    asked = _asks_first(late) or leaves_before(late.method.node, late.node)
    raised = "ClientDisconnected, which it hides" + ("" if asked else f", or {again}")
    rest = "" if skipped is None else ", and the rest of disconnect() does not run"
    return f"daphne drops it in silence; uvicorn raises {raised}{rest}"


def _fix(late: Occurrence) -> Fix | None:
    place = place_of(late.method.node.body, late.node)
    if place is None or late.call is None or not place.is_all(late.node):
        return None
    span = place.statement.span
    edit = cut_edit(place, late.location.path) if span.line == span.end_line else None
    return None if edit is None else Fix((edit,), safe=not any(calls_within(late.call.args)), title="leave it out")
