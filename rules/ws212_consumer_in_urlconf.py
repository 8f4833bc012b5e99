from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import SCOPE_KEYS
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import App, Bare, Consumer, Mounted, Route, Router, Stack, Wrapper
from wslint.stack.routing.urlconfs import urlconf_routes


class ConsumerInUrlconf(Rule):
    """A websocket consumer stands in Django's URLconf, which only serves HTTP.

    Why: Django's URLconf is asked for HTTP requests and calls a view with one argument, the request. Websockets are
    routed by the URLRouter of the ASGI application, which does not look there. `manage.py check` says nothing.

    See: a client that opens the path gets HTTP 500 and the log says `ValueError: No route found for path 'ws/chat/'.`;
    a plain GET gets 500 with a `TypeError` (`… missing 2 required positional arguments: 'receive' and 'send'`; with
    middleware around the consumer `sync_to_async can only be applied to sync functions`).

    Mend: move the route into the list that the URLRouter takes.

    Bad:
        # settings.py
        ROOT_URLCONF = "urls"

        # urls.py
        from django.urls import path
        from consumers import ChatConsumer

        urlpatterns = [path("ws/chat/", ChatConsumer.as_asgi())]

        # consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

    Good:
        # settings.py
        ROOT_URLCONF = "urls"

        # urls.py
        urlpatterns = []

        # routing.py
        from channels.routing import URLRouter
        from django.urls import path
        from consumers import ChatConsumer

        router = URLRouter([path("ws/chat/", ChatConsumer.as_asgi())])

        # consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            pass
    """

    code = "WS212"
    name = "consumer-in-urlconf"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if any(not router.complete and not router.in_tests for router in stack.routers):
            return  # it may take the URLconf's list
        routed = {id(route.call) for route in stack.routes}
        told: set[Location] = set()
        for route, setting in urlconf_routes(stack):
            if id(route.call) in routed:
                continue
            for target, consumer in _websockets(stack, route):
                if target.location not in told:
                    told.add(target.location)
                    yield self._finding(route, setting, target, consumer)

    def _finding(self, route: Route, setting: Location, target: App, consumer: Consumer) -> Finding:
        path = "a path" if route.pattern is None else f"`{route.pattern}`"
        return self.finding(
            target.location,
            f"`{consumer.name}` is routed in Django's URLconf, which no websocket reaches",
            hint="move the route into the list that the URLRouter of the ASGI application takes",
            symptom=f"HTTP 500 for {path}: ValueError: No route found … for a websocket, a TypeError for a GET",
            symbol=consumer.name,
            related=[Related(setting, "the URLconf"), Related(consumer.location, "the consumer")],
        )


def _websockets(stack: Stack, route: Route) -> Iterator[tuple[App, Consumer]]:
    """The websocket consumers that a route of the URLconf mounts, where that is all it can mount."""
    found = [_websocket(stack, target) for target in route.targets]
    yield from (each for each in found if each is not None and all(found))


def _websocket(stack: Stack, app: App) -> tuple[App, Consumer] | None:
    """The websocket consumer that an application is, in middleware of Channels or bare."""
    place = app
    while isinstance(app, Wrapper) and app.dotted in SCOPE_KEYS and len(app.inner) == 1:
        app = app.inner[0]
    if isinstance(app, Router) and app.routes:
        return next((found for target in app.routes[0].targets if (found := _websocket(stack, target))), None)
    if not isinstance(app, (Mounted, Bare)) or app.cls is None or app.cls.method("as_asgi") is not None:
        return None
    consumer = stack.consumer_of(app.cls)
    if consumer is None or not consumer.is_websocket or consumer.cls.defines("http_request"):
        return None
    return place, consumer
