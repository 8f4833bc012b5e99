from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Mount, Router, Stack
from wslint.stack.code.edits import import_edit, import_line, wrap_edits
from wslint.stack.middleware.guards import Entry, Guards
from wslint.stack.middleware.public import route_text
from wslint.stack.middleware.unwrapped import Unwrapped, unwrapped


class UnwrappedAuthMiddleware(Rule):
    """The project has a token middleware for websockets, and a route is served outside it.

    Why: an ASGI middleware sees only the connections of the application that it is put around. Defining or importing
    it does nothing, and one router inside it says nothing about its neighbours.

    See: whoever brings a valid token is nobody on that route. Where no other middleware sets the user,
    `scope["user"]` raises `KeyError: 'user'` and the handshake gets HTTP 500; behind AuthMiddlewareStack the user is
    AnonymousUser, so the consumer refuses with HTTP 403 (1006 in the browser), or serves without a login.

    Mend: put the middleware around what serves the route: `"websocket": TokenAuthMiddleware(URLRouter(…))`. Routes
    that are public on purpose belong in `public-routes` of the configuration.

    Bad:
        # chat/middleware.py
        from urllib.parse import parse_qs
        from channels.middleware import BaseMiddleware
        from chat.tokens import user_of

        class TokenAuthMiddleware(BaseMiddleware):
            async def __call__(self, scope, receive, send):
                query = parse_qs(scope["query_string"].decode())
                scope["user"] = await user_of(query.get("token", [""])[0])
                return await super().__call__(scope, receive, send)
        # chat/consumers.py
        from channels.generic.websocket import WebsocketConsumer

        class Chat(WebsocketConsumer):
            def connect(self):
                if self.scope["user"].is_authenticated:
                    self.accept()
                else:
                    self.close()
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        http = get_asgi_application()

        from chat.consumers import Chat
        from chat.middleware import TokenAuthMiddleware

        application = ProtocolTypeRouter({
            "http": http,
            "websocket": AllowedHostsOriginValidator(URLRouter([path("ws/chat/", Chat.as_asgi())])),
        })

    Good:
        # chat/middleware.py
        from urllib.parse import parse_qs
        from channels.middleware import BaseMiddleware
        from chat.tokens import user_of

        class TokenAuthMiddleware(BaseMiddleware):
            async def __call__(self, scope, receive, send):
                query = parse_qs(scope["query_string"].decode())
                scope["user"] = await user_of(query.get("token", [""])[0])
                return await super().__call__(scope, receive, send)
        # chat/consumers.py
        from channels.generic.websocket import WebsocketConsumer

        class Chat(WebsocketConsumer):
            def connect(self):
                if self.scope["user"].is_authenticated:
                    self.accept()
                else:
                    self.close()
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        http = get_asgi_application()

        from chat.consumers import Chat
        from chat.middleware import TokenAuthMiddleware

        application = ProtocolTypeRouter({
            "http": http,
            "websocket": AllowedHostsOriginValidator(
                TokenAuthMiddleware(URLRouter([path("ws/chat/", Chat.as_asgi())]))
            ),
        })
    """

    code = "WS602"
    name = "unwrapped-auth-middleware"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        guards = Guards.of(stack)
        for place in unwrapped(stack):
            yield self._report(place, guards)

    def _report(self, place: Unwrapped, guards: Guards) -> Finding:
        gate, mounts = place.gate, place.mounts
        paths = list(dict.fromkeys("/" + route_text(mount).lstrip("/") for mount in mounts if mount.routes))
        what = (
            paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more" if paths else "the websocket entry"
        )
        how = "is applied to no route" if not place.used else "is applied to other routes only"
        session = any(_has_user(place.entry, mount, guards) for mount in mounts)
        related = [Related(gate.location, f"{gate.name} finds out who is calling")]
        related += [Related(location, "here it is applied") for location in place.used[:2]]
        related += [Related(mount.location, "served outside it") for mount in mounts[:3]]
        return self.finding(
            place.location,
            f"{what} is served outside {gate.name}, which {how}",
            hint=f"put it around what serves the route: {place.wrapping}(URLRouter(…)); a route that is public on "
            "purpose belongs in public-routes of the configuration",
            symptom="the token that a client brings is not looked at: " + _seen(session),
            symbol=gate.name,
            related=related,
            fix=_fix(place, guards.stack),
        )


def _has_user(entry: Entry, mount: Mount, guards: Guards) -> bool:
    """Does something else put a user in the scope?"""
    return any("user" in (guards.keys_set(wrapper) or ()) for wrapper in entry.chain(mount))


def _seen(session: bool) -> str:
    if session:
        return "without a session the user is AnonymousUser, so the consumer refuses (HTTP 403) or serves a stranger"
    return 'scope["user"] raises KeyError (HTTP 500 before accept), or the consumer serves a stranger'


def _fix(place: Unwrapped, stack: Stack) -> Fix | None:
    """Put the middleware around the router (or the single application) that serves the routes, where it is built."""
    target = _target(place)
    if target is None or place.gate.path == target.path:
        return None
    module = stack.modules.at(place.gate.path)
    if module is None or not module.name:
        return None
    edits: list[Edit] = wrap_edits(target.path, target.span, place.wrapping)
    line = import_line(stack, target.path, module.name, place.wrapping)
    added = import_edit(stack, target.path, [line] if line is not None else [], of_project=True)
    if added is not None:
        edits.append(added)
    return Fix(tuple(edits), safe=False, title=f"put {place.wrapping} around it")


def _target(place: Unwrapped) -> Location | None:
    """What to wrap: the innermost router that holds all the routes and nothing else, else the route's application."""
    if place.route is None:
        routers = {id(mount.routers[0]): mount.routers[0] for mount in place.mounts if mount.routers}
        return next(iter(routers.values())).location if len(routers) == 1 else None
    targets = [app for app in place.route.targets if app.location.path == place.route.path]
    if len(targets) != 1 or isinstance(targets[0], Router):
        return None  # a router inside a middleware under path() matches nothing (WS209)
    return targets[0].location
