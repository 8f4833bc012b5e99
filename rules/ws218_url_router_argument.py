from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import Stack
from wslint.stack.routing.router_argument import wrongs


class UrlRouterArgument(Rule):
    """URLRouter is given something else than one list of routes.

    Why: URLRouter takes a single list (or tuple) whose items are `path()`, `re_path()` or `url()`. A list in that list,
    a consumer in it, a single route, a module or a second list are none of that.

    See: the ASGI module cannot be imported, so no server starts: `AttributeError: 'list' object has no attribute
    'callback'`, `TypeError: 'URLPattern' object is not iterable`, `TypeError: 'module' object is not iterable`,
    `TypeError: URLRouter.__init__() takes 2 positional arguments but 3 were given`.

    Mend: `URLRouter([path(…), *chat.routing.websocket_urlpatterns])`.

    Bad:
        # chat/routing.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        websocket_urlpatterns = [path("ws/chat/", ChatConsumer.as_asgi())]

        # routing.py
        from channels.routing import URLRouter
        from chat.routing import websocket_urlpatterns

        router = URLRouter([websocket_urlpatterns])

    Good:
        # chat/routing.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        websocket_urlpatterns = [path("ws/chat/", ChatConsumer.as_asgi())]

        # routing.py
        from channels.routing import URLRouter
        from chat.routing import websocket_urlpatterns

        router = URLRouter(websocket_urlpatterns)
    """

    code = "WS218"
    name = "url-router-argument"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for router in stack.routers:
            for wrong in wrongs(stack, router):
                if wrong.location not in told:
                    told.add(wrong.location)
                    yield self.finding(
                        wrong.location,
                        f"URLRouter {wrong.message}",
                        hint=wrong.hint,
                        symptom=f"the ASGI module cannot be imported, no server starts: {wrong.error}",
                    )
