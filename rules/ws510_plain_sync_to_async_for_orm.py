from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Related, Rule
from wslint.stack import Frame, Stack, facts
from wslint.stack.code.edits import import_edit, import_line
from wslint.stack.database.asked import closes, given_bodies, given_query
from wslint.stack.database.queries import Query, queries_of
from wslint.stack.execution.threads import SHARED, threads_of

PLAIN, DATABASE = "asgiref.sync.sync_to_async", "database_sync_to_async"


class PlainSyncToAsyncForOrm(Rule):
    """sync_to_async() around database work instead of database_sync_to_async().

    Why: both run the function in a thread. Only Channels' wrapper gives the database connection back before and after,
    as Django does around a request (CONN_MAX_AGE); a consumer lives longer than any request. Since Channels 4.2 every
    event gives it back first, so in consumers this counts before that; a middleware runs before the first event.

    See: nothing at first. The thread's connection stays open while the handler goes on; one that the database server
    has dropped meanwhile is used again: `OperationalError: server closed the connection unexpectedly`,
    `InterfaceError: connection already closed`.

    Mend: `from channels.db import database_sync_to_async`, and use it in its place.

    Bad:
        # chat/models.py
        from django.db import models

        class Room(models.Model):
            name = models.CharField(max_length=50)

        # requirements.txt
        channels==4.1.0

        # chat/consumers.py
        from asgiref.sync import sync_to_async
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Room

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                self.room = await sync_to_async(Room.objects.get)(name="lobby")
                await self.accept()

    Good:
        # chat/models.py
        from django.db import models

        class Room(models.Model):
            name = models.CharField(max_length=50)

        # requirements.txt
        channels==4.1.0

        # chat/consumers.py
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Room

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                self.room = await database_sync_to_async(Room.objects.get)(name="lobby")
                await self.accept()
    """

    code = "WS510"
    name = "plain-sync-to-async-for-orm"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        queries, threads, serving = queries_of(stack), threads_of(stack), _serving(stack)
        for handed in threads.handed:
            if (
                handed.frame.path in serving
                and handed.thread == SHARED
                and stack.values.dotted(handed.call.func, handed.frame) == PLAIN
            ):
                query = given_query(stack, handed)
                if query is not None and not closes(stack, given_bodies(handed, stack.values)):
                    yield self._finding(stack, handed.call.func, handed.frame, query)
        for running in threads.shared:
            if (
                running.frame.path in serving
                and running.handed is None
                and not running.steps
                and isinstance(running.node, facts.FunctionDef)
            ):
                outside = running.frame.parent or running.frame
                for decorator in running.node.decorators:
                    target = decorator.func if isinstance(decorator, facts.Call) else decorator
                    if stack.values.dotted(target, outside) == PLAIN and not closes(stack, [running.body]):
                        for query in queries.of_body(running.body)[:1]:
                            yield self._finding(stack, target, running.frame, query)

    def _finding(self, stack: Stack, wrapper: facts.Expr, frame: Frame, query: Query) -> Finding:
        line = import_line(stack, frame.path, "channels.db", DATABASE)
        added = import_edit(stack, frame.path, [line], of_project=False) if line is not None else None
        edits = [Edit(frame.at(wrapper), DATABASE), *([added] if added is not None else [])]
        return self.finding(
            frame.at(wrapper),
            f"{query.told} under sync_to_async(), which keeps the thread's connection",
            hint=f"{DATABASE}() of channels.db gives it back",
            symptom="connections that the server has closed are used again: `connection already closed`",
            related=[Related(query.location, "here is the query")],
            fix=Fix(tuple(edits), safe=True, title=f"use {DATABASE}") if line is None or added is not None else None,
        )


def _serving(stack: Stack) -> set[str]:
    """The files of middleware and, before Channels 4.2, of consumers: what runs between events gives nothing back.

    In a view Django closes the connection when the request is over, and since 4.2 a consumer does before every event.
    """
    classes = [placed.cls for placed in stack.middleware]
    if stack.packages.surely_below("channels", "4.2"):
        classes += [placed.cls for placed in stack.consumers]
    return {base.path for cls in classes for base in cls.ancestry}
