from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Related, Rule
from wslint.stack import App, Route, Router, Stack, Wrapper, facts
from wslint.stack.code.edits import import_edit, import_line


class NestedRouterNeverMatches(Rule):
    """A router is nested under a route that takes whole paths only, so that nothing inside it is ever reached.

    Why: a route takes a path to its end. URLRouter makes an exception for a route whose target is itself a URLRouter:
    there the route takes a prefix and the inner router gets the rest. It knows the inner router only when it stands
    there directly, not when middleware is around it. A regular expression that ends in `$` leaves nothing over in
    either case.

    See: HTTP 500 when a client opens a path of the inner router, and `ValueError: No route found for path …`.

    Mend: put the middleware around the outer router, or around each consumer; or use `re_path(r"^chat/", …)` without
    `$`, which takes a prefix.

    Bad:
        from channels.auth import AuthMiddlewareStack
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        chat = URLRouter([path("room/", ChatConsumer.as_asgi())])
        router = URLRouter([path("chat/", AuthMiddlewareStack(chat))])

    Good:
        from channels.auth import AuthMiddlewareStack
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import URLRouter
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        chat = URLRouter([path("room/", ChatConsumer.as_asgi())])
        router = AuthMiddlewareStack(URLRouter([path("chat/", chat)]))
    """

    code = "WS209"
    name = "nested-router-never-matches"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for route in stack.routes:
            if route.pattern is None or not route.targets:
                continue
            ways = [_way_to_router(target) for target in route.targets]
            routers = [router for _, router in ways if router is not None]
            if len(routers) == len(ways) and all(_is_blocked(route, *way) for way in ways):
                yield self._finding(stack, route, ways[0][0], routers[0])

    def _finding(self, stack: Stack, route: Route, wrappers: list[Wrapper], router: Router) -> Finding:
        ends = route.function != "path"
        names = ", ".join(wrapper.name for wrapper in wrappers)
        return self.finding(
            route.pattern_location,
            f"`{route.pattern}` takes nothing but the whole path: no route of the router inside "
            + ("is ever reached" if ends else f"{names} is ever reached"),
            hint="drop the `$`" if ends else f"put {names} around the outer router, or use re_path() without `$`",
            symptom="HTTP 500 for every path of the inner router; log: ValueError: No route found for path …",
            related=[Related(router.location, "the router that gets nothing")],
            fix=_fix(stack, route),
        )


def _way_to_router(app: App) -> tuple[list[Wrapper], Router | None]:
    """The wrappers around a nested router, outermost first, and the router."""
    wrappers: list[Wrapper] = []
    while isinstance(app, Wrapper):
        known = app.dotted is not None or app.cls is not None
        passes_on = app.cls is not None and app.cls.defines("_path_routing")
        if not known or passes_on or len(app.inner) != 1:
            return wrappers, None
        wrappers.append(app)
        app = app.inner[0]
    return wrappers, app if isinstance(app, Router) else None


def _is_blocked(route: Route, wrappers: list[Wrapper], router: Router | None) -> bool:
    """Does the route leave nothing of a path over, while every inner route asks for something?"""
    pattern = route.pattern or ""
    if router is None or not router.complete or not router.routes:
        return False
    whole = bool(wrappers) if route.function == "path" else pattern.endswith("$") and not pattern.endswith(r"\$")
    return whole and all(_asks_for_text(inner) for inner in router.routes)


def _asks_for_text(route: Route) -> bool:
    if route.pattern is None:
        return False
    if route.function == "path":
        return route.pattern != ""
    try:
        return re.search(re.sub(r"\(\?P<\w+>", "(", route.pattern), "") is None
    except re.error:
        return False


def _fix(stack: Stack, route: Route) -> Fix | None:
    node, func = route.pattern_node, route.call.func
    if not isinstance(node, facts.Constant) or route.pattern is None:
        return None
    if route.function != "path":
        return Fix((Edit(route.pattern_location, f'r"{route.pattern[:-1]}"'),), safe=False, title="drop the `$`")
    if "<" in route.pattern or not isinstance(func, facts.Name):
        return None
    path = route.pattern_location.path
    line = import_line(stack, path, "django.urls", "re_path")
    imported = None if line is None else import_edit(stack, path, [line], of_project=False)
    edits = [
        Edit(route.frame.at(func), "re_path"),
        Edit(route.pattern_location, f'r"^{re.escape(route.pattern)}"'),
        *([] if imported is None else [imported]),
    ]
    return Fix(tuple(edits), safe=False, title="take it as a prefix")
