from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Rule
from wslint.stack import Route, Router, Stack, facts


class LeadingSlashRoute(Rule):
    """A route under a URLRouter begins with a slash, so it never matches.

    Why: URLRouter strips every leading slash of the path before it tries its routes, and a nested router does so again.
    Django's own check for such patterns (urls.W002) does not look at routers.

    See: HTTP 500 when a client opens the path, and `ValueError: No route found for path 'ws/chat/'.` in the log, where
    the path is printed without its slash.

    Mend: leave the slash out: `path("ws/chat/", …)`, `re_path(r"^ws/chat/$", …)`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter([path("/ws/chat/", ChatConsumer.as_asgi())])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter([path("ws/chat/", ChatConsumer.as_asgi())])
    """

    code = "WS205"
    name = "leading-slash-route"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for route in stack.routes:
            if route.pattern_node is None:
                continue
            spellings = stack.texts.of(route.pattern_node, route.frame)
            texts = [(pattern.parts[0], pattern.parts[-1]) for pattern in spellings]
            if all(
                isinstance(first, str) and never_matches(route, first, last if isinstance(last, str) else "")
                for first, last in texts
            ):
                yield self._finding(route, str(spellings[0]))

    def _finding(self, route: Route, text: str) -> Finding:
        mended = re.sub(r"^(\^?)(?:\\?/)+", r"\1", text)
        fix = None
        if isinstance(route.pattern_node, facts.Constant) and isinstance(route.pattern_node.value, str):
            fix = Fix((Edit(route.pattern_location, literal(mended)),), safe=True, title="drop the leading slash")
        return self.finding(
            route.pattern_location,
            f"`{text}` begins with a slash, which URLRouter has stripped from the path: the route never matches",
            hint=f"write `{mended}`",
            symptom="HTTP 500; log: ValueError: No route found for path …, printed without its slash",
            fix=fix,
        )


def never_matches(route: Route, first: str, last: str) -> bool:
    """Does a pattern that begins with `first` and ends with `last` ask for a slash that cannot be there?"""
    if route.function == "path":
        return first.startswith("/")
    body = first[1:] if first.startswith("^") else first
    slash = re.match(r"\\?/(?![?*{])", body)
    if slash is None or "|" in first:
        return False
    if first.startswith("^"):
        return True
    # Without both anchors Django searches, and the slash may be one in the middle of the path.
    return last.endswith("$") and not any(isinstance(target, Router) for target in route.targets)


def literal(text: str) -> str:
    """Python source of a string that holds a route."""
    return ("r" if "\\" in text else "") + ('"' + text + '"' if '"' not in text else "'" + text + "'")
