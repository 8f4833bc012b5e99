from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Fix, Level, Related, Rule
from wslint.stack import Stack
from wslint.stack.database.asked import Asked, asked_of
from wslint.stack.database.async_orm import asynchronous
from wslint.stack.database.queries import RELATION, SERIALIZED


class OrmInAsync(Rule):
    """A database query runs on the event loop.

    Why: Django refuses to query the database in async code, in plain functions that async code calls too. Building a
    queryset is allowed; reading it (a loop, `list()`, `len()`, a truth test, `[0]`), `get()`, `save()` and
    `transaction.atomic()` are not.

    See: `django.core.exceptions.SynchronousOnlyOperation: You cannot call this from an async context - use a thread or
    sync_to_async.` in the server's log; the connection dies with HTTP 500 before accept, 1011 (daphne) or 1006
    (uvicorn) after it. Under `except Exception` nothing is seen: a middleware then takes everybody for anonymous.

    Mend: the method's asynchronous form (`await Room.objects.aget(…)`, `async for`, `await room.asave()`), or a plain
    function run by `database_sync_to_async`.

    Bad:
        # chat/models.py
        from django.db import models

        class Room(models.Model):
            name = models.CharField(max_length=50)

        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Room

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                self.room = Room.objects.get(name="lobby")
                await self.accept()

    Good:
        # chat/models.py
        from django.db import models

        class Room(models.Model):
            name = models.CharField(max_length=50)

        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Room

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                self.room = await Room.objects.aget(name="lobby")
                await self.accept()
    """

    code = "WS506"
    name = "orm-in-async"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for asked in asked_of(stack):
            if asked.query.does not in (RELATION, SERIALIZED) and asked.query.crossing is None:
                yield self._finding(stack, asked)

    def _finding(self, stack: Stack, asked: Asked) -> Finding:
        query, name = asked.query, asked.body.name
        mend = asynchronous(stack, query, asked.body)
        message, related = f"{query.told} on the event loop", []
        hint = mend[0] if mend is not None else "run it in a plain function under database_sync_to_async"
        if query.steps:
            message = f"{query.steps[0].name}() queries the database, and {name}() calls it on the event loop"
            hint = f"`await database_sync_to_async({query.steps[0].name})(…)`"
            related = [Related(query.location, f"here {query.told}")]
        return self.finding(
            query.place,
            message,
            hint=hint,
            symptom=query.symptom,
            symbol=asked.name,
            related=related,
            fix=None if mend is None else Fix(mend[1], safe=False, title=mend[0]),
        )
