from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Route, Stack, facts
from wslint.stack.routing.route_order import overlaps


class UnanchoredRoute(Rule):
    """A `re_path()` with neither `^` nor `$` takes paths that are meant for a later route.

    Why: Django searches such an expression anywhere in the path, so that it takes every path that holds it. One that
    ends in `$` is matched against the whole path, and needs no `^`.

    See: no error; some paths of the later route are served by the consumer of this one.

    Mend: `re_path(r"^ws/chat/$", …)`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import re_path

        class LobbyConsumer(AsyncWebsocketConsumer):
            pass

        class RoomConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter(
            [
                re_path(r"chat/lobby", LobbyConsumer.as_asgi()),
                re_path(r"chat/(?P<room>[a-z]+)/$", RoomConsumer.as_asgi()),
            ]
        )

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import re_path

        class LobbyConsumer(AsyncWebsocketConsumer):
            pass

        class RoomConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter(
            [
                re_path(r"chat/lobby/$", LobbyConsumer.as_asgi()),
                re_path(r"chat/(?P<room>[a-z]+)/$", RoomConsumer.as_asgi()),
            ]
        )
    """

    code = "WS207"
    name = "unanchored-route"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for earlier, later, path in overlaps(stack):
            if earlier.pattern_location not in told:
                told.add(earlier.pattern_location)
                yield self._finding(earlier, later, path)

    def _finding(self, earlier: Route, later: Route, path: str) -> Finding:
        mended = f"^{earlier.pattern}$"
        fix = None
        if isinstance(earlier.pattern_node, facts.Constant) and '"' not in mended:
            edit = Edit(earlier.pattern_location, f'r"{mended}"')
            fix = Fix((edit,), safe=False, title="take the whole path")
        return self.finding(
            earlier.pattern_location,
            f"`{earlier.pattern}` has neither `^` nor `$` and takes paths of `{later.pattern}`, such as `/{path}`",
            hint=f"write `{mended}`",
            symptom=f"a client that opens `/{path}` is served by this route",
            related=[Related(later.pattern_location, "the route that is tried later")],
            fix=fix,
        )
