from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Route, Stack
from wslint.stack.routing.route_order import shadows


class ShadowedRoute(Rule):
    """A route of a URLRouter is never reached: one before it takes every path that it would take.

    Why: URLRouter tries its routes in order and takes the first that matches. A regular expression without `$` at its
    end takes every path that begins so, and `<str:…>` takes what a fixed word beside it would.

    See: no error at the start; a client that opens the path of the later route gets the consumer of the earlier one.

    Mend: end the earlier expression with `$`, or put the more special route first.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import re_path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        class AdminConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter(
            [
                re_path(r"^chat/", ChatConsumer.as_asgi()),
                re_path(r"^chat/admin/$", AdminConsumer.as_asgi()),
            ]
        )

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import re_path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        class AdminConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter(
            [
                re_path(r"^chat/$", ChatConsumer.as_asgi()),
                re_path(r"^chat/admin/$", AdminConsumer.as_asgi()),
            ]
        )
    """

    code = "WS208"
    name = "shadowed-route"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for earlier, later in shadows(stack):
            if later.pattern_location not in told:
                told.add(later.pattern_location)
                yield self._finding(earlier, later)

    def _finding(self, earlier: Route, later: Route) -> Finding:
        hint = "put this route first"
        if earlier.pattern == later.pattern:
            hint = "give one of them another path"
        elif earlier.function != "path" and not (earlier.pattern or "").endswith("$"):
            hint = f"end `{earlier.pattern}` with `$`, or put this route first"
        return self.finding(
            later.pattern_location,
            f"`{later.pattern}` is never reached: `{earlier.pattern}`, which is tried before it, takes all its paths",
            hint=hint,
            symptom="a client that opens this path is served by the earlier route",
            related=[Related(earlier.pattern_location, "this route is tried first")],
        )
