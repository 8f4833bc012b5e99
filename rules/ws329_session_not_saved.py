from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Consumer, Method, Stack, facts
from wslint.stack.code.callers import place_of
from wslint.stack.code.edits import import_edit, import_line
from wslint.stack.code.places import after
from wslint.stack.middleware.sessions import SessionCode, is_login, keeps_sessions, keys_of


class SessionNotSaved(Rule):
    """A websocket consumer changes the session and nobody saves it.

    Why: Django saves a session with the HTTP response. A websocket has none: Channels' session middleware saves when an
    HTTP answer starts, SESSION_SAVE_EVERY_REQUEST or not. login() of channels.auth only changes the session too;
    logout() is different, it deletes the stored session at once.

    See: no error. The change is there for the rest of this connection; the next request or connection has the old
    session: the user who logged in is anonymous again.

    Mend: `await database_sync_to_async(self.scope["session"].save)()` after it, `asave()` since Django 5.1. login()
    gives an anonymous session another key too, which only an HTTP response can bring into the cookie.

    Bad:
        from channels.auth import login
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await login(self.scope, self.scope["user"])

    Good:
        from channels.auth import login
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await login(self.scope, self.scope["user"])
                await database_sync_to_async(self.scope["session"].save)()
    """

    code = "WS329"
    name = "session-not-saved"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if any(keeps_sessions(middleware) for middleware in stack.middleware):
            return
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket or not consumer.cls.linked:
                continue
            code = [SessionCode(stack, method) for cls in consumer.cls.ancestry for method in cls.own_methods.values()]
            if any(one.saves() for one in code):
                continue
            used = {key for one in code for key in one.reads()}
            for one in code:
                change = next((node for node in one.changes() if not keys_of(node) or keys_of(node) - used), None)
                if change is not None and one.method.at(change) not in told:
                    told.add(one.method.at(change))
                    yield self._finding(stack, consumer, one.method, change)

    def _finding(self, stack: Stack, consumer: Consumer, method: Method, change: facts.Node) -> Finding:
        logs_in = isinstance(change, facts.Call) and is_login(stack, change, method)
        does = "logs a user in" if logs_in else "changes the session"
        return self.finding(
            method.at(change),
            f"{consumer.name}.{method.name}() {does}, and nothing saves the session",
            hint='`await database_sync_to_async(self.scope["session"].save)()` after it',
            symptom="no error: the next request or connection has the old session; over a websocket nothing is saved, "
            "whatever SESSION_SAVE_EVERY_REQUEST says",
            symbol=f"{consumer.name}.{method.name}",
            fix=_fix(stack, method, change),
        )


def _fix(stack: Stack, method: Method, change: facts.Node) -> Fix | None:
    """Save after the statement that changes it, on the thread for the database."""
    place = place_of(method.node.body, change)
    if place is None or not method.node.params or isinstance(place.statement, facts.FunctionDef):
        return None
    session = f'{method.node.params[0].name}.scope["session"]'
    indent = "\n" + " " * (place.statement.span.column - 1)
    at = after(place.statement, method.frame)
    if not method.node.is_async:
        return Fix((Edit(at, f"{indent}{session}.save()"),), safe=False, title="save the session")
    line = import_line(stack, method.path, "channels.db", "database_sync_to_async")
    added = None if line is None else import_edit(stack, method.path, [line], of_project=False)
    edits = [Edit(at, f"{indent}await database_sync_to_async({session}.save)()")]
    return Fix((*edits, *([added] if added is not None else [])), safe=False, title="save the session")
