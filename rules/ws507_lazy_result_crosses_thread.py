from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack.database.asked import Asked, asked_of
from wslint.stack.database.async_orm import evaluated
from wslint.stack.database.queries import LAZY


class LazyResultCrossesThread(Rule):
    """A queryset is built in a thread and evaluated on the event loop.

    Why: a queryset runs its query when it is read, not where it is built. A function under `database_sync_to_async`
    that returns `Room.objects.filter(…)` has asked nothing yet; the loop over it in the consumer does, on the event
    loop, where Django refuses.

    See: `django.core.exceptions.SynchronousOnlyOperation: You cannot call this from an async context - use a thread or
    sync_to_async.` from the loop, `len()`, truth test or index in the consumer.

    Mend: evaluate it in the function: `return list(Room.objects.filter(…))`; or leave the thread out and read it with
    `async for`.

    Bad:
        # chat/models.py
        from django.db import models

        class Room(models.Model):
            name = models.CharField(max_length=50)

        # chat/consumers.py
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Room

        class RoomsConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                for room in await self.rooms():
                    await self.send(room.name)

            @database_sync_to_async
            def rooms(self):
                return Room.objects.order_by("name")

    Good:
        # chat/models.py
        from django.db import models

        class Room(models.Model):
            name = models.CharField(max_length=50)

        # chat/consumers.py
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Room

        class RoomsConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                for room in await self.rooms():
                    await self.send(room.name)

            @database_sync_to_async
            def rooms(self):
                return list(Room.objects.order_by("name"))
    """

    code = "WS507"
    name = "lazy-result-crosses-thread"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[Location] = set()
        for asked in asked_of(stack):
            crossing = asked.query.crossing
            if crossing is not None and crossing.location not in seen:
                seen.add(crossing.location)
                yield self._finding(asked, crossing.location)

    def _finding(self, asked: Asked, location: Location) -> Finding:
        query, name = asked.query, asked.body.name
        how = query.what if query.does == LAZY else "read"
        edits = evaluated(query)
        return self.finding(
            location,
            f"a queryset is built in a thread, and {how} on the event loop in {name}()",
            hint="evaluate it in the thread: `list(…)` around it",
            symptom=query.symptom,
            symbol=asked.name,
            related=[Related(query.place, f"here it is {how}")],
            fix=Fix(edits, safe=False, title="evaluate it in the thread") if edits else None,
        )
