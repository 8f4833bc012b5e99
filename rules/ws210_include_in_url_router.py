from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import INCLUDE, URL_ROUTER
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule, Span
from wslint.stack import App, CallValue, Display, Route, Stack, argument, contains, facts


class IncludeInUrlRouter(Rule):
    """Django's `include()` in a list of routes that reaches a URLRouter.

    Why: `include()` makes a resolver for HTTP views. URLRouter refuses it when it is built; nesting is done with
    another URLRouter.

    See: the ASGI module cannot be imported, so no server starts: `ImproperlyConfigured: … include() is not supported in
    URLRouter. Use nested URLRouter instances instead.`

    Mend: `path("ws/", URLRouter(chat.routing.urlpatterns))`.

    Bad:
        # chat.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        urlpatterns = [path("chat/", ChatConsumer.as_asgi())]

        # routing.py
        from channels.routing import URLRouter
        from django.urls import include, path

        router = URLRouter([path("ws/", include("chat"))])

    Good:
        # chat.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        urlpatterns = [path("chat/", ChatConsumer.as_asgi())]

        # routing.py
        import chat
        from channels.routing import URLRouter
        from django.urls import path

        router = URLRouter([path("ws/", URLRouter(chat.urlpatterns))])
    """

    code = "WS210"
    name = "include-in-url-router"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[Location] = set()
        for route in stack.routes:
            included = [target for target in route.targets if _is_include(target)]
            if included and len(included) == len(route.targets):
                for target in included:
                    if target.location not in seen:
                        seen.add(target.location)
                        yield self._finding(stack, route, target)

    def _finding(self, stack: Stack, route: Route, target: App) -> Finding:
        related = () if _inside(target, route) else (Related(route.location, "this route"),)
        return self.finding(
            target.location,
            "`include()` in the routes of a URLRouter",
            hint="nest a router instead: `URLRouter(<module>.urlpatterns)`",
            symptom="the ASGI module cannot be imported, no server starts: ImproperlyConfigured: include() is not "
            "supported in URLRouter. Use nested URLRouter instances instead.",
            related=related,
            fix=_fix(stack, target),
        )


def _is_include(app: App) -> bool:
    return isinstance(app.value, CallValue) and app.value.dotted in INCLUDE


def _inside(target: App, route: Route) -> bool:
    return target.path == route.path and contains(route.location.span, target.location.span)


def _fix(stack: Stack, target: App) -> Fix | None:
    """`include(routes)` → `URLRouter(routes)`, where URLRouter is at hand and the argument is surely a list."""
    value = target.value
    if not isinstance(value, CallValue):
        return None
    router = stack.values.dotted(facts.Name(value.node.span, "URLRouter"), value.frame)
    given = argument(value.node, 0, "arg")
    if given is None or router != URL_ROUTER:
        return None
    if isinstance(given, facts.Sequence) and given.kind == "tuple" and given.items:
        given = given.items[0]
    listed = stack.values.one(given, value.frame)
    if not (isinstance(listed, Display) and isinstance(listed.node, facts.Sequence)):
        return None
    call, inner = value.node.span, given.span
    before = Span(call.line, call.column, inner.line, inner.column)
    after = Span(inner.end_line, inner.end_column, call.end_line, call.end_column)
    path = target.path
    return Fix((Edit(Location(path, before), "URLRouter("), Edit(Location(path, after), ")")), safe=False)
