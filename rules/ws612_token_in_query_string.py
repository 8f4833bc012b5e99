from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack.tokens.querytokens import query_tokens


class TokenInQueryString(Rule):
    """A token that stays valid comes in the URL of the handshake.

    Why: servers, proxies and error trackers write URLs down, and the query string with them. Who reads a log has the
    tokens of everybody who connected, for as long as they are valid.

    See: nothing fails. The access log of uvicorn holds the token, `"WebSocket /ws/chat/?token=eyJ…" [accepted]`, and
    so does nginx's; daphne's own log leaves the query string out.

    Mend: fetch a token over HTTP that is good for one connection and a few seconds and put that into the URL; or send
    the token as a subprotocol, or as the first message.

    Bad:
        # chat/middleware.py
        from urllib.parse import parse_qs

        import jwt
        from channels.middleware import BaseMiddleware
        from django.conf import settings

        class TokenMiddleware(BaseMiddleware):
            async def __call__(self, scope, receive, send):
                token = parse_qs(scope["query_string"].decode()).get("token", [""])[0]
                try:
                    claims = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
                except jwt.PyJWTError:
                    claims = {}
                return await super().__call__(dict(scope, reader=claims.get("name")), receive, send)
        # config/asgi.py
        import os
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django_asgi_app = get_asgi_application()

        from chat.middleware import TokenMiddleware

        application = ProtocolTypeRouter(
            {"http": django_asgi_app, "websocket": AllowedHostsOriginValidator(TokenMiddleware(URLRouter([])))}
        )

    Good:
        # chat/middleware.py
        from urllib.parse import parse_qs

        from channels.middleware import BaseMiddleware
        from django.core.cache import cache

        class TicketMiddleware(BaseMiddleware):
            async def __call__(self, scope, receive, send):
                ticket = parse_qs(scope["query_string"].decode()).get("ticket", [""])[0]
                name = await cache.aget(f"ticket:{ticket}")
                await cache.adelete(f"ticket:{ticket}")
                return await super().__call__(dict(scope, reader=name), receive, send)
        # config/asgi.py
        import os
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django_asgi_app = get_asgi_application()

        from chat.middleware import TicketMiddleware

        application = ProtocolTypeRouter(
            {"http": django_asgi_app, "websocket": AllowedHostsOriginValidator(TicketMiddleware(URLRouter([])))}
        )
    """

    code = "WS612"
    name = "token-in-query-string"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for token in query_tokens(stack):
            if token.location in told:
                continue
            told.add(token.location)
            yield self.finding(
                token.location,
                f"{token.reader} takes a token from the URL that stays valid after the handshake",
                hint="put a token into the URL that is good for one connection, or send it as a subprotocol or as the "
                "first message",
                symptom="access logs of servers and proxies hold the tokens of everybody who connected",
                symbol=token.reader,
                related=[Related(token.judge, "the token is proven here")],
            )
