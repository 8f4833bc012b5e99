from __future__ import annotations

from collections.abc import Iterator

from wslint.flow.marks import Mark
from wslint.flow.presence import Presence
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack


class PresenceReliesOnDisconnect(Rule):
    """Who is online is taken back in disconnect() only.

    Why: disconnect() does not run after an exception in connect(), receive() or a handler, after a crash, a kill or a
    lost machine, nor when daphne gets SIGTERM. What others read as "online" then stays for ever.

    See: users who are shown as online and are not, counters that only grow, rows of connections that are long gone:
    a few more with each deployment.

    Mend: let it expire: a timeout on the cache key, `expire` on the Redis key, a `last_seen` that a heartbeat renews
    and a task or query judges by its age.

    Bad:
        # rooms/models.py
        from django.db import models

        class Guest(models.Model):
            is_online = models.BooleanField(default=False)
        # rooms/consumers.py
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncWebsocketConsumer
        from rooms.models import Guest

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.mark(True)
                await self.accept()

            async def disconnect(self, code):
                await self.mark(False)

            @database_sync_to_async
            def mark(self, online):
                Guest.objects.filter(pk=1).update(is_online=online)

    Good:
        # rooms/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from django.core.cache import cache

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await cache.aset("online_1", True, timeout=60)
                await self.accept()

            async def receive(self, text_data=None, bytes_data=None):
                await cache.aset("online_1", True, timeout=60)

            async def disconnect(self, code):
                await cache.adelete("online_1")
    """

    code = "WS334"
    name = "presence-relies-on-disconnect"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        presence = Presence(stack)
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.complete or not consumer.is_websocket:
                continue
            for off, on in presence.left(consumer):
                place = _place(consumer, off)
                if place not in told:
                    told.add(place)
                    yield self._finding(consumer, off, on, place)

    def _finding(self, consumer: Consumer, off: Mark, on: Mark, place: Location) -> Finding:
        return self.finding(
            place,
            MESSAGES[off.kind].format(off, consumer.name),
            hint="let it expire, or have a heartbeat renew it and a task clear what is old",
            symptom="after an exception, a crash, a kill or daphne's SIGTERM it stays as it is for ever",
            symbol=f"{consumer.name}.disconnect",
            related=[Related(on.run.at(on.node), "set here")],
        )


MESSAGES = {
    "field": "{} is set back in disconnect() of {} only, which does not always run",
    "rows": "rows of {} are deleted in disconnect() of {} only, which does not always run",
    "count": "{} is decremented in disconnect() of {} only, which does not always run",
    "members": "members are taken out of {} in disconnect() of {} only, which does not always run",
    "key": "the key {} is set back in disconnect() of {} only, which does not always run",
}


def _place(consumer: Consumer, off: Mark) -> Location:
    """In the consumer's own code: the write, or the call that leads to it."""
    if off.run.frame.owner in consumer.cls.ancestry:
        return off.run.at(off.node)
    return off.run.place(off.node, consumer.cls)
