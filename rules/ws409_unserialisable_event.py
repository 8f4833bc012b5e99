from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Send, Stack
from wslint.stack.code.guarded import BROAD, WRONG_TYPE, is_caught
from wslint.stack.groups.payloads import Payloads, Refused, uses_redis

HINTS = {
    "datetime": "send `.isoformat()`",
    "date": "send `.isoformat()`",
    "time": "send `.isoformat()`",
    "timedelta": "send `.total_seconds()`",
    "set": "send `list(…)` or `sorted(…)`",
    "frozenset": "send `list(…)` or `sorted(…)`",
    "generator": "send `list(…)`",
    "__proxy__": "send `str(…)`, or use gettext() in place of gettext_lazy()",
    "UUID": "send `str(…)`",
    "Decimal": "send `str(…)`",
    "QuerySet": "send `list(….values(…))` of plain fields, or a serializer's data",
    "FieldFile": "send its `.url`",
    "ImageFieldFile": "send its `.url`",
}
C_TYPES = {name: f"datetime.{name}" for name in ("datetime", "date", "time", "timedelta")} | {
    "Decimal": "decimal.Decimal"
}
"""How msgpack names the types that are written in C."""


class UnserialisableEvent(Rule):
    """An event holds what the Redis layer cannot carry.

    Why: channels_redis packs events with msgpack, which knows dicts with text keys, lists, text, bytes, numbers,
    booleans and None. A datetime, a UUID, a Decimal, a set, a model instance or a lazy translation is refused when it
    is sent. A dict with numbers or None for keys is sent, and refused by whoever reads it. The in-memory layer takes
    all of this, so that tests and a development server show nothing.

    See: `TypeError: can not serialize 'datetime.datetime' object` in the code that sends: HTTP 500 from a view, a lost
    connection from a consumer (1011 from daphne, 1006 from uvicorn); the core layer packs an event only when its group
    has a member. For keys: `ValueError: int is not allowed for map
    key when strict_map_key=True` in the process that receives; with the core layer it ends the consumer that happens
    to be reading, which may have nothing to do with the group.

    Mend: `.isoformat()`, `str(…)`, `list(…)`, an id in place of an instance; `str(key)` for keys.

    Bad:
        # settings.py
        INSTALLED_APPS = ["channels"]
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
        # consumers.py
        from channels.generic.websocket import AsyncJsonWebsocketConsumer
        from django.utils import timezone

        class ClockConsumer(AsyncJsonWebsocketConsumer):
            groups = ["clock"]

            async def receive_json(self, content, **kwargs):
                await self.channel_layer.group_send("clock", {"type": "clock.tick", "now": timezone.now()})

            async def clock_tick(self, event):
                await self.send_json({"tick": True})

    Good:
        # settings.py
        INSTALLED_APPS = ["channels"]
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
        # consumers.py
        from channels.generic.websocket import AsyncJsonWebsocketConsumer
        from django.utils import timezone

        class ClockConsumer(AsyncJsonWebsocketConsumer):
            groups = ["clock"]

            async def receive_json(self, content, **kwargs):
                now = timezone.now().isoformat()
                await self.channel_layer.group_send("clock", {"type": "clock.tick", "now": now})

            async def clock_tick(self, event):
                await self.send_json({"tick": True})
    """

    code = "WS409"
    name = "unserialisable-event"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        payloads = Payloads(stack)
        told: set[Location] = set()
        on_redis: dict[str, bool] = {}
        for send in stack.sends:
            if send.event is None or send.in_tests or send.vendored or send.method not in ("group_send", "send"):
                continue
            if send.path not in on_redis:
                on_redis[send.path] = uses_redis(stack, send.path)
            if not on_redis[send.path] or _tries(stack, send):
                continue
            for refused in payloads.refused(send):
                if refused.by_receiver and stack.packages.surely_below("channels-redis", "3"):
                    continue  # whose msgpack 0.6 reads such keys
                if refused.location not in told:
                    told.add(refused.location)
                    yield self._finding(send, refused)

    def _finding(self, send: Send, refused: Refused) -> Finding:
        place = send.through or send.location
        near = place.path == refused.location.path and place.span.line == refused.location.span.line
        related = () if near else (Related(place, "the event is sent here"),)
        kind = {"__proxy__": "lazy text", "NoneType": "None"}.get(refused.type, refused.type)
        if refused.by_receiver:
            return self.finding(
                refused.location,
                f"a dict in this event has {kind} for a key; the Redis layer sends it and cannot read it back",
                hint="use text for keys: `str(…)`",
                symptom=f"`ValueError: {refused.type} is not allowed for map key when strict_map_key=True` where it is "
                "received (channels-redis 3 and later); with the core layer it ends whichever consumer of that process "
                "is reading, not only those of the group",
                related=related,
            )
        article = "" if kind == "lazy text" else "an " if kind[0] in "AEIOaeio" else "a "
        return self.finding(
            refused.location,
            f"{article}{kind} goes into an event, and the Redis layer cannot carry it",
            hint="use text for keys: `str(…)`" if refused.is_key else HINTS.get(refused.type, "send its id or fields"),
            symptom=f"`TypeError: can not serialize '{C_TYPES.get(refused.type, refused.type)}' object` in the code "
            "that sends, with a Redis layer only; the in-memory layer takes it",
            related=related,
        )


def _tries(stack: Stack, send: Send) -> bool:
    """Does the code expect the TypeError (`except TypeError:`), and do something else then?"""
    body, frame, values = send.frame.scope.body, send.frame, stack.values
    return is_caught(body, send.call, WRONG_TYPE - BROAD, frame, values)
