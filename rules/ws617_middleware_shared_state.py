from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack.middleware.gates import Gate
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.passages import is_made_for_connection, passages, uses_of
from wslint.stack.middleware.shared import Use, kept


class MiddlewareSharedState(Rule):
    """A middleware keeps something of one connection on itself, and serves all connections.

    Why: a middleware is made once, when the application is put together. `self.user = …` in `__call__` is one variable
    for everybody; while one connection awaits, another one writes to it.

    See: nothing fails, and under load a connection gets the user of another one. It does not show in development,
    where one connects alone.

    Mend: keep it in a local variable, or in the scope: `scope["user"] = user` (each connection has its own).

    Bad:
        # chat/middleware.py
        from urllib.parse import parse_qs
        from chat.tokens import user_of

        class TokenMiddleware:
            def __init__(self, inner):
                self.inner = inner

            async def __call__(self, scope, receive, send):
                self.token = parse_qs(scope["query_string"].decode()).get("token", [""])[0]
                user = await user_of(self.token)
                return await self.inner(dict(scope, user=user, token=self.token), receive, send)
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.core.asgi import get_asgi_application
        from chat.middleware import TokenMiddleware
        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": TokenMiddleware(URLRouter(websocket_urlpatterns))}
        )

    Good:
        # chat/middleware.py
        from urllib.parse import parse_qs
        from chat.tokens import user_of

        class TokenMiddleware:
            def __init__(self, inner):
                self.inner = inner

            async def __call__(self, scope, receive, send):
                token = parse_qs(scope["query_string"].decode()).get("token", [""])[0]
                user = await user_of(token)
                return await self.inner(dict(scope, user=user, token=token), receive, send)
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.core.asgi import get_asgi_application
        from chat.middleware import TokenMiddleware
        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": TokenMiddleware(URLRouter(websocket_urlpatterns))}
        )
    """

    code = "WS617"
    name = "middleware-shared-state"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for gate in Guards.of(stack).gates:
            uses = uses_of(gate, stack)
            if gate.cls is None or not uses or is_made_for_connection(gate, uses):
                continue
            for write, read in kept(passages(gate)):
                if write.location not in told:
                    told.add(write.location)
                    yield self._report(gate, write, read, uses[0].location)

    def _report(self, gate: Gate, write: Use, read: Use, use: Location) -> Finding:
        return self.finding(
            write.location,
            f"{gate.name} keeps self.{write.attr} of one connection on itself, and its one instance serves all of them",
            hint=f"use a local variable, or put it in the scope: scope[{write.attr!r}]".replace("'", '"'),
            symptom=f"while one connection awaits, another one writes self.{write.attr}: under load a connection gets "
            "what belongs to somebody else",
            symbol=gate.name,
            related=[
                Related(read.location, "read here, when another connection may have written it"),
                Related(use, "the one instance is made here"),
            ],
        )
