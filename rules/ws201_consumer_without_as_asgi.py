from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import CHANNELS_CONSUMERS
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Bare, Mounted, Stack, application_slots


class ConsumerWithoutAsAsgi(Rule):
    """A consumer class stands where an ASGI application is expected.

    Why: since Channels 3 a consumer is made per connection by the application that `as_asgi()` returns. The class
    itself takes scope, receive and send for arguments of its `__init__`, and what comes out cannot be awaited.

    See: nothing at start; every connection to that route is refused with HTTP 500 and the log says `TypeError: object
    ChatConsumer can't be used in 'await' expression`, or `__init__() takes … positional arguments but 4 were given`
    when the class has its own `__init__`; Channels 3 says `__call__() missing 1 required positional
    argument: 'send'`. A `WebsocketCommunicator` raises the same in a test.

    Mend: call `as_asgi()`: `path("ws/chat/", ChatConsumer.as_asgi())`.

    Bad:
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        # chat/routing.py
        from channels.routing import URLRouter
        from django.urls import path
        from .consumers import ChatConsumer

        router = URLRouter([path("ws/chat/", ChatConsumer)])

    Good:
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        # chat/routing.py
        from channels.routing import URLRouter
        from django.urls import path
        from .consumers import ChatConsumer

        router = URLRouter([path("ws/chat/", ChatConsumer.as_asgi())])
    """

    code = "WS201"
    name = "consumer-without-as-asgi"
    level = Level.ERROR
    in_tests = True

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if stack.packages.surely_below("channels", "3"):
            return
        seen = set(_version_switches(stack))
        for slot in application_slots(stack):
            for app in slot if all(_is_bare_consumer(app) for app in slot) else ():
                if isinstance(app, Bare) and app.location not in seen:
                    seen.add(app.location)
                    yield self._finding(stack, app, alone=len(slot) == 1)

    def _finding(self, stack: Stack, app: Bare, *, alone: bool) -> Finding:
        name = app.cls.name if app.cls is not None else (app.dotted or "").rpartition(".")[2]
        end = app.location.span
        insertion = Location(app.location.path, end.end)
        return self.finding(
            app.location,
            f"`{name}` is a consumer class, not an application",
            hint=f"call `as_asgi()`: `{name}.as_asgi()`",
            symptom=f"HTTP 500 on every connection; log: TypeError: {_error(stack, name)}",
            fix=Fix((Edit(insertion, ".as_asgi()"),), safe=True, title="call as_asgi()") if alone else None,
        )


def _error(stack: Stack, name: str) -> str:
    if stack.packages.surely_below("channels", "4"):
        return "__call__() missing 1 required positional argument: 'send' (Channels 3)"
    own = "with an `__init__` of its own: takes … positional arguments but 4 were given"
    return f"object {name} can't be used in 'await' expression ({own})"


def _version_switches(stack: Stack) -> Iterator[Location]:
    """Bare classes whose module mounts the same path with `as_asgi()` too: the other branch of a version test."""
    mounted = {
        (route.path, route.pattern) for route in stack.routes if any(isinstance(app, Mounted) for app in route.targets)
    }
    for route in stack.routes:
        if route.pattern is not None and (route.path, route.pattern) in mounted:
            yield from (app.location for app in route.targets if isinstance(app, Bare))


def _is_bare_consumer(app: object) -> bool:
    """A class used as it is; a version switch (`C if OLD else C.as_asgi()`) has another alternative."""
    if not isinstance(app, Bare) or app.form != "class":
        return False
    return app.cls is None or app.cls.derives_from(*CHANNELS_CONSUMERS)
