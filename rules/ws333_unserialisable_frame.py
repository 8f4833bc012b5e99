from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import CallValue, Consumer, Frame, FunctionUse, Stack, calls_within, facts, within
from wslint.stack.client.clientinput import client_input
from wslint.stack.code.guarded import is_caught
from wslint.stack.consumers.handling import own_name
from wslint.stack.groups.jsonable import Jsonable

MAX_DEPTH = 3
MAX_ENTERED = 200
"""How many helpers lead from a method to the send."""

HINTS = {
    "datetime": "`.isoformat()`",
    "date": "`.isoformat()`",
    "time": "`.isoformat()`",
    "set": "`list(…)` or `sorted(…)`",
    "frozenset": "`list(…)` or `sorted(…)`",
    "bytes": "`.decode()`",
    "__proxy__": "`str(…)`, or gettext() in place of gettext_lazy()",
    "UUID": "`str(…)`",
    "Decimal": "`str(…)`",
    "timedelta": "`.total_seconds()`",
    "QuerySet": "`list(….values(…))`, or a serializer",
    "FieldFile": "`.url`",
    "ImageFieldFile": "`.url`",
}


class UnserialisableFrame(Rule):
    """A frame is built from a value that JSON has no form for.

    Why: send_json() and json.dumps() take dicts, lists, text, numbers, booleans and None. A datetime, a UUID, a
    Decimal, a set or a model instance is a TypeError, each time.

    See: `TypeError: Object of type datetime is not JSON serializable` in the server's log; the connection ends with
    1011 (daphne) or 1006 (uvicorn), in connect() before accept() with HTTP 500.

    Mend: `.isoformat()`, `str(…)`, `list(…)`; `json.dumps(…, cls=DjangoJSONEncoder)`, or an encode_json() of one's own.

    Bad:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer
        from django.utils import timezone

        class ClockConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                await self.send_json({"now": timezone.now()})

    Good:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer
        from django.utils import timezone

        class ClockConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                await self.send_json({"now": timezone.now().isoformat()})
    """

    code = "WS333"
    name = "unserialisable-frame"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        types = Jsonable(stack)
        for function in stack.functions:
            consumer = function.consumer
            if consumer is None or function.in_tests or function.vendored or consumer.kind in ("http", "library"):
                continue
            for encoded, frame in _encoded(stack, consumer, function.node, function.frame, 0, count()):
                for leaf, home in types.leaves(encoded, frame):
                    refused = types.refused(leaf, home)
                    location = home.at(leaf)
                    if refused is not None and location not in told:
                        told.add(location)
                        yield self._finding(function, consumer, location, refused)

    def _finding(self, function: FunctionUse, consumer: Consumer, location: Location, refused: str) -> Finding:
        shown = "lazy text" if refused == "__proxy__" else refused
        article = "an" if shown[0] in "AEIOaeio" else "a"
        return self.finding(
            location,
            f"{article} {shown} goes into a frame as JSON, which has no form for it",
            hint=HINTS.get(refused, "its fields, or a serializer"),
            symptom=f"`TypeError: Object of type {refused} is not JSON serializable`; the connection ends with 1011 "
            "(daphne) or 1006 (uvicorn)",
            symbol=f"{consumer.name}.{function.name}",
        )


def _encoded(
    stack: Stack, consumer: Consumer, node: facts.FunctionDef, frame: Frame, depth: int, entered: Iterator[int]
) -> Iterator[tuple[facts.Expr, Frame]]:
    """What a method encodes as JSON and sends, through helpers too."""
    trace = client_input(stack, consumer)
    for call in calls_within(node.body):
        name = own_name(call, node)
        if name is None or is_caught(node.body, call, frozenset({"builtins.TypeError"}), frame, stack.values):
            continue
        if name == "send_json" and _is_stock(consumer):
            yield from ((arg.value, frame) for arg in call.args[:1] if not arg.star)
        elif name in ("send", "base_send"):
            for arg in call.args:
                yield from _dumped(stack, arg.value, frame)
        elif depth < MAX_DEPTH and call.args:
            for inner, inside in trace.entering(call, frame):
                if inner is not node and next(entered) < MAX_ENTERED:
                    yield from _encoded(stack, consumer, inner, inside, depth + 1, entered)


def _is_stock(consumer: Consumer) -> bool:
    """Is send_json() the one of Channels, with its encoder?"""
    return consumer.kind == "json" and not any(consumer.cls.defines(name) for name in ("send_json", "encode_json"))


def _dumped(stack: Stack, expr: facts.Expr, frame: Frame) -> Iterator[tuple[facts.Expr, Frame]]:
    """What plain json.dumps() calls in an argument are given, or those that it was assigned from."""
    found = [(node, frame) for node in within((expr,)) if isinstance(node, facts.Call)]
    found += [(value.node, value.frame) for value in stack.values.of(expr, frame) if isinstance(value, CallValue)]
    for call, home in {id(call): (call, home) for call, home in found}.values():
        plain = not any(arg.star or arg.keyword in ("default", "cls") for arg in call.args)
        if plain and call.args and stack.values.dotted(call.func, home) == "json.dumps":
            yield call.args[0].value, home
