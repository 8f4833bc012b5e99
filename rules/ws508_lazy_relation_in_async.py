from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Related, Rule
from wslint.stack import Stack
from wslint.stack.database.asked import Asked, asked_of
from wslint.stack.database.queries import RELATION, SERIALIZED


class LazyRelationInAsync(Rule):
    """An attribute that loads a related object, read on the event loop.

    Why: `message.author` asks the database the first time it is read, wherever that is. The object may have come out
    of a thread all right; its foreign keys, reverse one-to-one accessors and a serializer's `data` are lazy still.

    See: `django.core.exceptions.SynchronousOnlyOperation: You cannot call this from an async context - use a thread or
    sync_to_async.` with `related_descriptors.py … __get__` above it, for objects whose relation nobody loaded before.

    Mend: `select_related("author")` in the query that gets the object, `message.author_id` where the key is enough, or
    build what is sent in the thread.

    Bad:
        # chat/models.py
        from django.contrib.auth.models import User
        from django.db import models

        class Message(models.Model):
            author = models.ForeignKey(User, on_delete=models.CASCADE)

        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Message

        class ChatConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                message = await Message.objects.alatest("pk")
                await self.send(message.author.username)

    Good:
        # chat/models.py
        from django.contrib.auth.models import User
        from django.db import models

        class Message(models.Model):
            author = models.ForeignKey(User, on_delete=models.CASCADE)

        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Message

        class ChatConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                message = await Message.objects.select_related("author").alatest("pk")
                await self.send(message.author.username)
    """

    code = "WS508"
    name = "lazy-relation-in-async"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for asked in asked_of(stack):
            if asked.query.does in (RELATION, SERIALIZED) and asked.query.crossing is None:
                yield self._finding(asked)

    def _finding(self, asked: Asked) -> Finding:
        query = asked.query
        does = f"{query.what} loads a related object" if query.does == RELATION else f"{query.what} reads the database"
        message, related = f"{does} on the event loop, unless it was loaded before", []
        if query.steps:
            entered = query.steps[0].name
            message = f"{entered}() reads {query.what} on the event loop: a query, unless it was loaded before"
            related = [Related(query.location, f"here {does}")]
        hint = (
            f'`select_related("{query.what.rpartition(".")[2]}")` where the object comes from, or read it in the thread'
        )
        return self.finding(
            query.place,
            message,
            hint=hint if query.does == RELATION else "take `.data` in the thread too",
            symptom=query.symptom,
            symbol=asked.name,
            related=related,
        )
