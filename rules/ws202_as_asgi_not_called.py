from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Bare, Stack, application_slots


class AsAsgiNotCalled(Rule):
    """`as_asgi` is named where an application is expected, but not called.

    Why: `as_asgi` is the factory; only its result is an ASGI application. The method itself takes no arguments, so it
    raises as soon as it is called with scope, receive and send.

    See: nothing at start; every connection to that route is refused with HTTP 500 and the log says `TypeError:
    AsyncConsumer.as_asgi() takes 1 positional argument but 4 were given`.

    Mend: add the parentheses: `path("ws/chat/", ChatConsumer.as_asgi())`.

    Bad:
        # consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        # routing.py
        from channels.routing import URLRouter
        from django.urls import path
        from consumers import ChatConsumer

        router = URLRouter([path("ws/chat/", ChatConsumer.as_asgi)])

    Good:
        # consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        # routing.py
        from channels.routing import URLRouter
        from django.urls import path
        from consumers import ChatConsumer

        router = URLRouter([path("ws/chat/", ChatConsumer.as_asgi())])
    """

    code = "WS202"
    name = "as-asgi-not-called"
    level = Level.ERROR
    in_tests = True

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[Location] = set()
        for slot in application_slots(stack):
            for app in slot if all(isinstance(app, Bare) and app.form == "uncalled" for app in slot) else ():
                if isinstance(app, Bare) and app.location not in seen:
                    seen.add(app.location)
                    yield self._finding(app, alone=len(slot) == 1)

    def _finding(self, app: Bare, *, alone: bool) -> Finding:
        name = app.cls.name if app.cls is not None else (app.dotted or "").rpartition(".")[2]
        end = app.location.span
        insertion = Location(app.location.path, end.end)
        return self.finding(
            app.location,
            f"`{name}.as_asgi` is not called",
            hint=f"add the parentheses: `{name}.as_asgi()`",
            symptom="HTTP 500 on every connection; "
            "log: TypeError: as_asgi() takes 1 positional argument but 4 were given",
            fix=Fix((Edit(insertion, "()"),), safe=True, title="call as_asgi()") if alone else None,
        )
