from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from wslint.rule import Finding, Level, Related, Rule
from wslint.stack import Stack
from wslint.stack.project.browsers import browser_clients
from wslint.stack.tokens.headerauth import header_auths


class HeaderAuthForBrowser(Rule):
    """Websockets are authenticated by an Authorization header alone, and pages of the project open them.

    Why: `new WebSocket(url, protocols)` takes an address and subprotocols. There is no way to add a header to the
    handshake, and libraries for browsers use the same constructor. Programs outside a browser can send one, which is
    why it works in tests and tools.

    See: the handshake of a page has no Authorization header. It is refused (HTTP 403, 1006 in the browser), or its
    user stays anonymous.

    Mend: take the token from where a page can put it: a subprotocol, a query parameter (a token for one connection,
    for URLs are logged), or the first message. Cookies are sent by themselves: AuthMiddlewareStack.

    Bad:
        # chat/middleware.py
        import jwt
        from channels.exceptions import DenyConnection
        from channels.middleware import BaseMiddleware
        from django.conf import settings

        class TokenMiddleware(BaseMiddleware):
            async def __call__(self, scope, receive, send):
                header = dict(scope["headers"]).get(b"authorization", b"").decode()
                try:
                    claims = jwt.decode(header.removeprefix("Bearer "), settings.SECRET_KEY, algorithms=["HS256"])
                except jwt.PyJWTError:
                    raise DenyConnection from None
                return await super().__call__(dict(scope, reader=claims["sub"]), receive, send)
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
        # config/asgi.py
        import os
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django_asgi_app = get_asgi_application()

        from chat.consumers import Chat
        from chat.middleware import TokenMiddleware

        routes = URLRouter([path("ws/chat/", Chat.as_asgi())])
        application = ProtocolTypeRouter(
            {"http": django_asgi_app, "websocket": AllowedHostsOriginValidator(TokenMiddleware(routes))}
        )
        # static/chat.js
        const socket = new WebSocket(`wss://${location.host}/ws/chat/`);

    Good:
        # chat/middleware.py
        from urllib.parse import parse_qs

        from channels.exceptions import DenyConnection
        from channels.middleware import BaseMiddleware
        from django.core.cache import cache

        class TicketMiddleware(BaseMiddleware):
            async def __call__(self, scope, receive, send):
                ticket = parse_qs(scope["query_string"].decode()).get("ticket", [""])[0]
                reader = await cache.aget(f"ticket:{ticket}")
                if reader is None:
                    raise DenyConnection
                await cache.adelete(f"ticket:{ticket}")
                return await super().__call__(dict(scope, reader=reader), receive, send)
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
        # config/asgi.py
        import os
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django_asgi_app = get_asgi_application()

        from chat.consumers import Chat
        from chat.middleware import TicketMiddleware

        routes = URLRouter([path("ws/chat/", Chat.as_asgi())])
        application = ProtocolTypeRouter(
            {"http": django_asgi_app, "websocket": AllowedHostsOriginValidator(TicketMiddleware(routes))}
        )
        # static/chat.js
        const socket = new WebSocket(`wss://${location.host}/ws/chat/?ticket=${ticket}`);
    """

    code = "WS616"
    name = "header-auth-for-browser"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for auth in {one.location: one for one in header_auths(stack)}.values():
            clients = list(islice(browser_clients(stack, auth.location.path), 3))
            if not clients:
                continue
            yield self.finding(
                auth.location,
                f"{auth.reader} knows clients by an Authorization header alone, and the page {clients[0].path} opens "
                "websockets: no page can add that header to a handshake",
                hint="take the token from a subprotocol, a query parameter (good for one connection) or the first "
                "message, or use the session: AuthMiddlewareStack",
                symptom="the handshake of a page has no such header: it is refused (HTTP 403, 1006 in the browser) or "
                "its user stays anonymous",
                symbol=auth.reader,
                related=[Related(client, "a page opens a websocket here") for client in clients],
            )
