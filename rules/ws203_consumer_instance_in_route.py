from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Bare, CallValue, Stack, application_slots


class ConsumerInstanceInRoute(Rule):
    """One consumer instance serves every connection of a route.

    Why: `as_asgi()` makes an application that creates a consumer for each connection. An instance is an application
    too, but there is only this one: each connection replaces the scope and the send of those before it.

    See: no error, and with one client everything works. From the second client on, what the first one asks is answered
    on the socket of the last one, with that user's scope: users get each other's data.

    Mend: `path("ws/chat/", ChatConsumer.as_asgi())`; arguments go into `as_asgi(…)`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter([path("ws/chat/", ChatConsumer())])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter([path("ws/chat/", ChatConsumer.as_asgi())])
    """

    code = "WS203"
    name = "consumer-instance-in-route"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if stack.packages.surely_below("channels", "3"):
            return
        # A worker has one application for each channel name, so an instance is shared with nobody there.
        seen = {mount.location for mount in stack.mounts if mount.protocol == "channel"}
        for slot in application_slots(stack):
            for app in slot if all(_is_shared(app) for app in slot) else ():
                if isinstance(app, Bare) and app.location not in seen:
                    seen.add(app.location)
                    yield self._finding(app)

    def _finding(self, app: Bare) -> Finding:
        name = app.cls.name if app.cls is not None else (app.dotted or "").rpartition(".")[2]
        fix = None
        if isinstance(app.value, CallValue) and app.location == app.value.frame.at(app.value.node):
            end = app.value.node.func.span
            place = Location(app.location.path, end.end)
            fix = Fix((Edit(place, ".as_asgi"),), safe=True, title="call as_asgi()")
        return self.finding(
            app.location,
            f"one `{name}` object serves all connections",
            hint=f"`{name}.as_asgi()` makes a consumer for each connection",
            symptom="no error; from the second client on, frames of one client are answered on the socket of another",
            fix=fix,
        )


def _is_shared(app: object) -> bool:
    """An instance whose `__call__` is that of Channels, which keeps scope and send on it."""
    if not isinstance(app, Bare) or app.form != "instance":
        return False
    return app.cls is None or not app.cls.defines("__call__")
