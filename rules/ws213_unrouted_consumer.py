from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Related, Rule
from wslint.stack import Stack
from wslint.stack.routing.unrouted import unrouted


class UnroutedConsumer(Rule):
    """No route leads to a consumer, and nothing else of the project uses it.

    Why: a consumer is served by the route that names it, and by nothing else. One that was written, imported perhaps,
    and never put into the list of routes is dead code; so is all that looks as if it guarded or fed it.

    See: nothing at start. A client that opens its path gets HTTP 500: `ValueError: No route found for path 'ws/…'.`

    Mend: `path("ws/…", Consumer.as_asgi())` in the list that reaches URLRouter, or take the class out. The rule is
    silent when any route, wrapper or application of the project cannot be read to its end, in libraries, and when the
    class is named anywhere else: in a test, a comment, a template or a document.

    Bad:
        # asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        http = get_asgi_application()

        from consumers import Chat

        routes = [path("ws/chat/", Chat.as_asgi())]
        application = ProtocolTypeRouter({"http": http, "websocket": AllowedHostsOriginValidator(URLRouter(routes))})
        # consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()

        class Presence(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()

    Good:
        # asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        http = get_asgi_application()

        from consumers import Chat, Presence

        routes = [path("ws/chat/", Chat.as_asgi()), path("ws/presence/", Presence.as_asgi())]
        application = ProtocolTypeRouter({"http": http, "websocket": AllowedHostsOriginValidator(URLRouter(routes))})
        # consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()

        class Presence(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
    """

    code = "WS213"
    name = "unrouted-consumer"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for consumer, router in unrouted(stack):
            yield self.finding(
                consumer.location,
                f"no route leads to `{consumer.name}`, and nothing else uses it",
                hint=f'add a route: `path("…", {consumer.name}.as_asgi())`, or take the class out',
                symptom="a client that opens its path gets HTTP 500: ValueError: No route found for path",
                symbol=consumer.name,
                related=[Related(router.frame.at(router.call.func), "every route of this router is known")],
            )
