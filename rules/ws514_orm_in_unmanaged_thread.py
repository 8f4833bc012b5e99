from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Related, Rule
from wslint.stack import Stack, facts
from wslint.stack.code.edits import import_edit, import_line
from wslint.stack.code.places import after, before, between
from wslint.stack.database.asked import closes, given_bodies, given_query
from wslint.stack.database.queries import Query
from wslint.stack.execution.threads import UNMANAGED, Handed, threads_of

DATABASE = "database_sync_to_async"


class OrmInUnmanagedThread(Rule):
    """Database work in a thread that never gives its connection back.

    Why: Django opens one connection per thread and closes it at the end of a request. A thread of `asyncio.to_thread`,
    an executor or `threading.Thread` belongs to no request: its connection stays open, one for every thread of the
    pool, in every process.

    See: `FATAL: remaining connection slots are reserved` or `too many connections` from the database after a while,
    and `connection already closed` after the database was restarted.

    Mend: `database_sync_to_async(function)(…)`; in a thread of its own, `close_old_connections()` or
    `connection.close()` in a `finally`.

    Bad:
        # chat/models.py
        from django.db import models

        class Room(models.Model):
            name = models.CharField(max_length=50)

        # chat/consumers.py
        import asyncio
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Room

        def names():
            return [room.name for room in Room.objects.all()]

        class RoomsConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send(", ".join(await asyncio.to_thread(names)))

    Good:
        # chat/models.py
        from django.db import models

        class Room(models.Model):
            name = models.CharField(max_length=50)

        # chat/consumers.py
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncWebsocketConsumer
        from chat.models import Room

        def names():
            return [room.name for room in Room.objects.all()]

        class RoomsConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send(", ".join(await database_sync_to_async(names)()))
    """

    code = "WS514"
    name = "orm-in-unmanaged-thread"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for handed in threads_of(stack).handed:
            if handed.thread != UNMANAGED or _closes(stack, handed):
                continue
            query = given_query(stack, handed)
            if query is not None:
                yield self._finding(stack, handed, query)

    def _finding(self, stack: Stack, handed: Handed, query: Query) -> Finding:
        place = handed.frame.at(handed.given)
        return self.finding(
            place,
            f"{query.told} in a thread of {_shown(handed.call)}, whose connection nobody closes",
            hint=f"`{DATABASE}(function)(…)`, or `close_old_connections()` in a `finally` of the function",
            symptom="connections pile up: `remaining connection slots are reserved`, `too many connections`",
            related=[Related(query.location, "here is the query")] if query.location != place else [],
            fix=_fix(stack, handed),
        )


def _closes(stack: Stack, handed: Handed) -> bool:
    """Does the function give the connection back itself, or is the wrapper Channels' own?"""
    if (stack.values.dotted(handed.call.func, handed.frame) or "").endswith(f".{DATABASE}"):
        return True
    return closes(stack, given_bodies(handed, stack.values))


def _shown(call: facts.Call) -> str:
    """The call as people name it: `to_thread()`."""
    func = call.func
    return f"{func.attr if isinstance(func, facts.Attribute) else func.id if isinstance(func, facts.Name) else '…'}()"


def _fix(stack: Stack, handed: Handed) -> Fix | None:
    """`asyncio.to_thread(f, x)`, `loop.run_in_executor(None, f, x)` → `database_sync_to_async(f)(x)`."""
    call, frame = handed.call, handed.frame
    rest = [arg for arg in call.args if arg.value is not handed.given]
    first = next((index for index, arg in enumerate(call.args) if arg.value is handed.given), None)
    if first is None or _shown(call) not in ("to_thread()", "run_in_executor()") or any(arg.star for arg in rest):
        return None
    line = import_line(stack, frame.path, "channels.db", DATABASE)
    added = import_edit(stack, frame.path, [line], of_project=False) if line is not None else None
    if line is not None and added is None:
        return None
    following = call.args[first + 1 :]
    edits = [Edit(between(before(call, frame), before(handed.given, frame)), f"{DATABASE}(")]
    if following:
        edits.append(Edit(between(after(handed.given, frame), before(following[0], frame)), ")("))
    else:
        edits.append(Edit(after(handed.given, frame), ")("))
    return Fix((*edits, *([added] if added is not None else [])), safe=False, title=f"run it under {DATABASE}")
