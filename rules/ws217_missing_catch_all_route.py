from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import ASYNC_WEBSOCKET
from wslint.rule import Edit, Finding, Fix, Level, Rule
from wslint.stack import Router, Stack, argument, contains, facts
from wslint.stack.code.edits import import_edit, import_line, is_bracketed
from wslint.stack.code.places import after, before
from wslint.stack.code.values import Display
from wslint.stack.routing.strays import open_ended

REFUSAL = '''class NoSuchPath({0}):
    """Refuses what no route above it takes."""

    async def connect(self):
        await self.close()


'''


class MissingCatchAllRoute(Rule):
    """No route of the router takes the paths that nobody made a route for.

    Why: URLRouter raises for a path that it does not know. Browser extensions and scanners open such paths, and so do
    clients with a wrong number or a missing slash.

    See: `ValueError: No route found for path 'socketcluster/'.` with a traceback in the log (and in Sentry) for each of
    them, and HTTP 500 for the client; a refusal would be HTTP 403 and one line.

    Mend: a last route that takes everything, `re_path(r"^.*$", …)`, with a consumer that closes in `connect()`.

    Bad:
        # asgi.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.urls import path

        class Chat(AsyncWebsocketConsumer):
            pass

        routes = [path("ws/chat/", Chat.as_asgi())]
        application = ProtocolTypeRouter({"websocket": AllowedHostsOriginValidator(URLRouter(routes))})

    Good:
        # asgi.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.urls import path, re_path

        class Chat(AsyncWebsocketConsumer):
            pass

        class NoSuchPath(AsyncWebsocketConsumer):
            async def connect(self):
                await self.close()

        routes = [path("ws/chat/", Chat.as_asgi()), re_path(r"^.*$", NoSuchPath.as_asgi())]
        application = ProtocolTypeRouter({"websocket": AllowedHostsOriginValidator(URLRouter(routes))})
    """

    code = "WS217"
    name = "missing-catch-all-route"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for router in open_ended(stack):
            yield self.finding(
                router.frame.at(router.call.func),
                "no route takes what the others do not",
                hint='add a last one, `re_path(r"^.*$", …)`, with a consumer that closes in connect()',
                symptom="a stray client (a browser extension, a scanner, a mistyped path) is a traceback in the log, "
                "ValueError: No route found for path …, and HTTP 500",
                fix=_fix(stack, router),
            )


def _fix(stack: Stack, router: Router) -> Fix | None:
    """A refusing consumer above the statement that holds the list, and a route to it behind the list's last item."""
    if stack.packages.capped_below("channels", "3"):  # whose consumers have no as_asgi()
        return None
    listed = argument(router.call, 0, "routes")
    held = None if listed is None else stack.values.one(listed, router.frame)
    if not isinstance(held, Display) or not isinstance(held.node, facts.Sequence) or held.node.kind != "list":
        return None
    module, last = held.frame.module, held.node.items[-1]
    statement = next((one for one in module.facts.body if contains(one.span, last.span)), None)
    if not isinstance(statement, facts.Assign) or "NoSuchPath" in module.scope.bindings:
        return None
    if statement.span.column != 1 or is_bracketed(stack, last, module.path):  # behind another on its line, in a block
        return None
    base = ASYNC_WEBSOCKET[0].rpartition(".")
    wanted = [
        line
        for line in (
            import_line(stack, module.path, base[0], base[2]),
            import_line(stack, module.path, "django.urls", "re_path"),
        )
        if line is not None
    ]
    added = import_edit(stack, module.path, wanted, of_project=False)
    if wanted and added is None:
        return None
    apart = ",\n" + " " * (last.span.column - 1) if last.span.line != held.node.span.line else ", "
    edits = (
        Edit(after(last, held.frame), f'{apart}re_path(r"^.*$", NoSuchPath.as_asgi())'),
        Edit(before(statement, held.frame), REFUSAL.format(base[2])),
    )
    return Fix(edits if added is None else (added, *edits), safe=False, title="refuse what no route takes")
