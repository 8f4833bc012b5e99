from __future__ import annotations

from collections.abc import Iterator

from wslint.flow.unasked import Unasked, unasked
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack, facts
from wslint.stack.code.edits import has_own_lines
from wslint.stack.groups.foreign import foreign_joins
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.logins import has_session_user
from wslint.stack.middleware.public import route_text
from wslint.stack.middleware.strangers import namer


class UnauthenticatedConnect(Rule):
    """A consumer accepts everybody, and never asks who that is, behind a middleware that would tell it.

    Why: AuthMiddleware and its like refuse nobody. They put the user into the scope, an anonymous one for those who
    are not logged in, and leave the decision to connect(). A warning where another consumer of the same application
    does ask, or where this one changes the database for whoever comes; else information.

    See: nothing fails. Anybody who knows the URL gets HTTP 101 without a session or token, and what the socket gives.

    Mend: ask `self.scope["user"].is_authenticated` before accept(), and close() otherwise. A route that is public on
    purpose belongs in `public-routes` of the configuration.

    Bad:
        # config/asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        http = get_asgi_application()

        from consumers import Board

        application = ProtocolTypeRouter({
            "http": http,
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter([path("ws/board/", Board.as_asgi())]))
            ),
        })
        # consumers.py
        from asgiref.sync import async_to_sync
        from channels.generic.websocket import JsonWebsocketConsumer

        class Board(JsonWebsocketConsumer):
            groups = ["board"]

            def connect(self):
                self.accept()

            def receive_json(self, content, **kwargs):
                send = async_to_sync(self.channel_layer.group_send)
                send("board", {"type": "note.pinned", "note": content.get("note")})

            def note_pinned(self, event):
                self.send_json({"pinned": event["note"]})

    Good:
        # config/asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        http = get_asgi_application()

        from consumers import Board

        application = ProtocolTypeRouter({
            "http": http,
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter([path("ws/board/", Board.as_asgi())]))
            ),
        })
        # consumers.py
        from asgiref.sync import async_to_sync
        from channels.generic.websocket import JsonWebsocketConsumer

        class Board(JsonWebsocketConsumer):
            groups = ["board"]

            def connect(self):
                if not self.scope["user"].is_authenticated:
                    self.close()
                    return
                self.accept()

            def receive_json(self, content, **kwargs):
                send = async_to_sync(self.channel_layer.group_send)
                send("board", {"type": "note.pinned", "note": content.get("note")})

            def note_pinned(self, event):
                self.send_json({"pinned": event["note"]})
    """

    code = "WS605"
    name = "unauthenticated-connect"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        guards, told = Guards.of(stack), set[Location]()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or consumer.is_abstract:
                continue
            found = unasked(stack, consumer)
            if found is None or found.place in told:
                continue
            if not found.is_loud and any(join.owned for join in foreign_joins(stack, consumer)):
                continue  # WS620 says more
            told.add(found.place)
            yield self._finding(consumer, found, guards)

    def _finding(self, consumer: Consumer, found: Unasked, guards: Guards) -> Finding:
        mount = found.mounts[0]
        wrapper = namer(mount, guards)
        name = "the middleware" if wrapper is None else wrapper.name
        places = [(mount.location, f"{name} sets the user here"), (found.sibling, "another consumer asks here")]
        places.append((found.written, "the database is changed here for whoever comes"))
        return self.finding(
            found.place,
            f"{consumer.name} accepts everybody on /{route_text(mount).lstrip('/')}: nothing in it asks who is "
            f"calling, and {name} refuses nobody",
            hint='ask self.scope["user"].is_authenticated before accept(), else close(); a route that is public on '
            "purpose belongs in public-routes of the configuration",
            symptom="a client without a login gets HTTP 101"
            + (" and all that the socket gives" if found.written is None else " and changes the database"),
            level=Level.WARNING if found.is_loud else Level.INFO,
            symbol=consumer.name,
            related=[Related(place, text) for place, text in places if place is not None],
            fix=_fix(consumer, guards),
        )


def _fix(consumer: Consumer, guards: Guards) -> Fix | None:
    """Refuse strangers first; only where the user is always an object, and in connect() of the class itself."""
    method = consumer.method("connect")
    if method is None or method.owner is not consumer.cls or not has_session_user(consumer, guards):
        return None
    body = [one for one in method.node.body if not _is_docstring(one)]
    if not body or not has_own_lines(body[0], method.node) or not method.node.params:
        return None
    me, start = method.node.params[0].name, body[0].span
    indent, wait = " " * (start.column - 1), "await " if method.node.is_async else ""
    text = f'if not {me}.scope["user"].is_authenticated:\n{indent}    {wait}{me}.close()\n{indent}    return\n{indent}'
    before = start.begin
    return Fix((Edit(method.frame.at(before), text),), safe=False, title="refuse those who are not logged in")


def _is_docstring(statement: facts.Stmt) -> bool:
    return isinstance(statement, facts.ExpressionStatement) and isinstance(statement.value, facts.Constant)
