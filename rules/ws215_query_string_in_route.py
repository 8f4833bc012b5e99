from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import Route, Stack

_CHARACTER_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")
_OPTIONAL = re.compile(r"\((?:\?:|\?P<\w+>)?(?:\\.|[^()\\])*\)(?:[?*]|\{0?,\d*\})|\\\?(?:[?*]|\{0?,\d*\})")
"""Parts of a regular expression that may be missing: the route also matches without them."""

_IN_REGEX = re.compile(r"\\\?.*|(?<!\()\?[\w-]+=.*")
_IN_PATH = re.compile(r"(?<!\()\?(?:[\w-]*=|<).*")


class QueryStringInRoute(Rule):
    """A route's pattern holds the `?` of a query string.

    Why: routes are matched against the path alone. What follows the `?` in the address is in `scope["query_string"]`,
    so a pattern that asks for it waits for a path with a question mark in it.

    See: HTTP 500 when a client opens the address, and `ValueError: No route found for path 'ws/chat/'.` in the log.

    Mend: route the path, and read `parse_qs(self.scope["query_string"].decode())` in the consumer.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import re_path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter([re_path(r"^ws/chat/\\?token=(?P<token>\\w+)$", ChatConsumer.as_asgi())])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import re_path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter([re_path(r"^ws/chat/$", ChatConsumer.as_asgi())])
    """

    code = "WS215"
    name = "query-string-in-route"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[Location] = set()
        for route in stack.routes:
            spellings = [] if route.pattern_node is None else stack.texts.of(route.pattern_node, route.frame)
            queries = [_query(route.function, "".join(pattern.texts)) for pattern in spellings]
            if queries and all(queries) and route.pattern_location not in seen:
                seen.add(route.pattern_location)
                yield self._finding(route, queries[0] or "")

    def _finding(self, route: Route, query: str) -> Finding:
        return self.finding(
            route.pattern_location,
            f"`{query}` is a query string, and routes see only the path: this one never matches",
            hint='end the route before the `?`, and read `parse_qs(self.scope["query_string"].decode())`',
            symptom="HTTP 500; log: ValueError: No route found for path …",
        )


def _query(function: str, text: str) -> str | None:
    """The part of a pattern that can only match a query string."""
    if function == "path":
        found = _IN_PATH.search(text)
    else:
        found = _IN_REGEX.search(_OPTIONAL.sub("", _CHARACTER_CLASS.sub("[]", text)))
    return None if found is None else found[0]
