from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Rule
from wslint.stack import Route, Stack, facts

_REGEX = re.compile(r"^\^|\$$|\(\?(?:P<|:|P=|=|!|<)|\\[wWdDsSbB]|\\[./-]|\[\^|\][+*]|\)[+*?]|\.[+*]")
"""What nobody writes in a `path()` for its own sake."""

_CONVERTER = re.compile(r"(?<!\?P)(?<!\?)(?<!\\)<(?:(\w+):)?([A-Za-z_]\w*)>")
_CHARACTER_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]")

_REGEX_OF_CONVERTER = {"int": "[0-9]+", "str": "[^/]+", "slug": "[-a-zA-Z0-9_]+", "path": ".+"}
_CONVERTER_OF_REGEX = {
    r"\d+": "int",
    "[0-9]+": "int",
    r"\w+": "str",
    "[^/]+": "str",
    r"[-\w]+": "slug",
    r"[\w-]+": "slug",
    r"[\w\-]+": "slug",
    "[-a-zA-Z0-9_]+": "slug",
    "[a-zA-Z0-9_-]+": "slug",
    ".+": "path",
    ".*": "path",
}


class WrongRouteSyntax(Rule):
    """A regular expression in `path()`, or a `<converter:name>` in `re_path()`.

    Why: `path()` takes everything outside its angle brackets literally, `re_path()` knows no converters. Both accept
    the other's syntax without complaint, and the route then waits for a path with those very characters in it.

    See: HTTP 500 when a client opens the path, and `ValueError: No route found for path 'ws/chat/lobby/'.` in the log.

    Mend: `path("ws/chat/<str:room_name>/", …)` or `re_path(r"^ws/chat/(?P<room_name>[^/]+)/$", …)`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter([path(r"^ws/chat/(?P<room_name>[^/]+)/$", ChatConsumer.as_asgi())])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        router = URLRouter([path("ws/chat/<str:room_name>/", ChatConsumer.as_asgi())])
    """

    code = "WS206"
    name = "wrong-route-syntax"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for route in stack.routes:
            spellings = [] if route.pattern_node is None else stack.texts.of(route.pattern_node, route.frame)
            wrong = [_wrong_part(route.function, "\0".join(pattern.texts)) for pattern in spellings]
            if wrong and all(wrong):
                yield self._finding(route, wrong[0] or "", "".join(spellings[0].texts))

    def _finding(self, route: Route, part: str, text: str) -> Finding:
        other = "re_path" if route.function == "path" else "path"
        mended = as_converters(text) if route.function == "path" else as_regex(text)
        fix = None
        if mended is not None and isinstance(route.pattern_node, facts.Constant):
            mended_source = ("r" if "\\" in mended else "") + f'"{mended}"'
            if '"' not in mended:
                fix = Fix((Edit(route.pattern_location, mended_source),), safe=False, title="rewrite the pattern")
        what = "a regular expression" if route.function == "path" else "a converter"
        return self.finding(
            route.pattern_location,
            f"`{part}` is the syntax of {what}, which `{route.function}()` takes literally: the route never matches",
            hint=f"use `{other}()`" + (f", or write `{mended}`" if mended is not None else ""),
            symptom="HTTP 500; log: ValueError: No route found for path …",
            fix=fix,
        )


def _wrong_part(function: str, text: str) -> str | None:
    """The most telling piece of the other syntax."""
    if function == "path":
        found = _REGEX.finditer(re.sub(r"<[^<>]*:[^<>]*>", "<>", text))
    else:
        found = _CONVERTER.finditer(_CHARACTER_CLASS.sub("[]", text))
    return max((match[0] for match in found), key=len, default=None)


def as_converters(text: str) -> str | None:
    """The `path()` form of a simple regular expression; None when it has none."""

    def converter(match: re.Match[str]) -> str:
        kind = _CONVERTER_OF_REGEX.get(match[2])
        return f"<{kind}:{match[1]}>" if kind is not None else match[0]

    mended = re.sub(r"\(\?P<(\w+)>((?:\[[^\]]*\]|[^()])*)\)", converter, text.removeprefix("^").removesuffix("$"))
    return None if _wrong_part("path", mended) is not None or re.search(r"[()\\\[\]]", mended) else mended


def as_regex(text: str) -> str | None:
    """The `re_path()` form of a pattern with converters; None when one of them is not Django's."""
    kinds = [match[1] or "str" for match in _CONVERTER.finditer(text)]
    if any(kind not in _REGEX_OF_CONVERTER for kind in kinds):
        return None
    return _CONVERTER.sub(lambda match: f"(?P<{match[2]}>{_REGEX_OF_CONVERTER[match[1] or 'str']})", text)
