from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Rule
from wslint.stack import Route, Stack
from wslint.stack.code.languages import NoAnswer, pump
from wslint.stack.routing.route_paths import paths_of


class BacktrackingRoute(Rule):
    """The regular expression of a route takes time that doubles with every few characters of a path.

    Why: a repetition in a repetition, such as `(\\w+-?)+`, can split one text in very many ways. When the end does not
    match, Python's `re` tries them all. URLRouter does so in the event loop, before any consumer, authentication or
    origin check of a consumer has run.

    See: one connection to a path of some forty characters, from anyone, and the server process answers nobody for
    minutes; its log says nothing.

    Mend: write the repetition so that there is one way to read a text: `\\w+(-\\w+)*`, or `[-\\w]+`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import re_path

        class RoomConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter([re_path(r"^ws/(?P<room>(\\w+-?)+)/$", RoomConsumer.as_asgi())])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import re_path

        class RoomConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter([re_path(r"^ws/(?P<room>[-\\w]+)/$", RoomConsumer.as_asgi())])
    """

    code = "WS219"
    name = "backtracking-route"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for route in stack.routes:
            attack = None if route.function == "path" else _attack(route)
            if attack is not None:
                yield self._finding(route, *attack)

    def _finding(self, route: Route, beginning: str, middle: str, end: str) -> Finding:
        path = f"`/{beginning}` + `{middle}` × 40" + (f" + `{end}`" if end else "")
        return self.finding(
            route.pattern_location,
            f"`{route.pattern}` backtracks exponentially: it can read a repeated `{middle}` in many ways",
            hint="repeat what can be read in one way only, such as `[-\\w]+` or `\\w+(-\\w+)*`",
            symptom=f"{path} as a path stops the whole server process for minutes, before anyone is authenticated",
        )


def _attack(route: Route) -> tuple[str, str, str] | None:
    """What a path is made of on which the expression fails only after every way of reading it."""
    paths = paths_of(route)
    try:
        return None if paths is None else pump(paths)
    except NoAnswer:
        return None
