from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.outerusers import Clash, clashes
from wslint.stack.middleware.public import route_text
from wslint.stack.middleware.scopeorder import Misplaced, misplaced

SAYS = {
    "session": "ValueError: AuthMiddleware cannot find session in scope. SessionMiddleware must be above it.",
    "cookies": "ValueError: No cookies in scope - SessionMiddleware needs to run inside of CookieMiddleware.",
}
INSTEAD = {
    "session": "AuthMiddlewareStack(…) is the three parts in their order",
    "cookies": "SessionMiddlewareStack(…) is both parts in their order",
}

CLASHES = {
    "lazy": (
        "{auth} inside {name} replaces the lazy user that {name} sets",
        "put {name} inside {auth}, or set the user object itself",
        "no error: the consumer sees the session's user or AnonymousUser, never the one of the token",
    ),
    "none": (
        'outside {auth}, {name} can set scope["user"] to None',
        'leave scope["user"] unset where there is no user, or put {name} inside {auth}',
        "AttributeError: 'NoneType' object has no attribute '_wrapped'; HTTP 500 for each connection without a user",
    ),
    "anonymous": (
        "{name} makes everybody without a token anonymous, people who are logged in by session too",
        'put {name} inside {auth} and set scope["user"] only when there is a token',
        'scope["user"] is AnonymousUser although the session cookie is valid',
    ),
}


class AuthMiddlewareOrder(Rule):
    """A middleware needs what another one puts into the scope, or spoils what it does, and stands on the wrong side.

    Why: a connection passes the outermost middleware first. AuthMiddleware needs the session, SessionMiddleware the
    cookies, and a middleware of the project that reads `scope["user"]` needs AuthMiddleware; what it needs has to be
    around it. A token middleware outside AuthMiddlewareStack that sets a plain user object keeps it; but
    AuthMiddleware writes the session's user into a lazy one, and fails on None. One that sets AnonymousUser where
    there is no token, on either side, hides the user of the session (a warning, where people log in by session).

    See: HTTP 500 for every connection: `ValueError: AuthMiddleware cannot find session in scope. SessionMiddleware must
    be above it.`, `No cookies in scope - SessionMiddleware needs to run inside of CookieMiddleware.`, or
    `KeyError: 'user'` in the middleware; for None `AttributeError: 'NoneType' object has no attribute '_wrapped'`. With
    a lazy user or an AnonymousUser there is no error: the consumer sees the wrong user.

    Mend: `AuthMiddlewareStack(StaffMiddleware(URLRouter(…)))`; AuthMiddlewareStack is
    `CookieMiddleware(SessionMiddleware(AuthMiddleware(…)))`.

    Bad:
        # config/asgi.py
        from channels.auth import AuthMiddleware
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from channels.sessions import SessionMiddlewareStack
        from django.core.asgi import get_asgi_application
        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(
                AuthMiddleware(SessionMiddlewareStack(URLRouter(websocket_urlpatterns)))
            ),
        })
        # chat/routing.py
        from channels.generic.websocket import WebsocketConsumer
        from django.urls import path

        websocket_urlpatterns = [path("ws/chat/", WebsocketConsumer.as_asgi())]

    Good:
        # config/asgi.py
        from channels.auth import AuthMiddleware
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from channels.sessions import SessionMiddlewareStack
        from django.core.asgi import get_asgi_application
        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(
                SessionMiddlewareStack(AuthMiddleware(URLRouter(websocket_urlpatterns)))
            ),
        })
        # chat/routing.py
        from channels.generic.websocket import WebsocketConsumer
        from django.urls import path

        websocket_urlpatterns = [path("ws/chat/", WebsocketConsumer.as_asgi())]
    """

    code = "WS604"
    name = "auth-middleware-order"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for one in misplaced(Guards.of(stack)):
            if one.wrapper.location not in told and not one.wrapper.in_tests and not one.wrapper.vendored:
                told.add(one.wrapper.location)
                yield self._report(one)
        for clash in clashes(Guards.of(stack)):
            if clash.wrapper.location not in told and not clash.wrapper.in_tests and not clash.wrapper.vendored:
                told.add(clash.wrapper.location)
                yield self._clash(clash)

    def _clash(self, one: Clash) -> Finding:
        names = {"name": one.wrapper.name, "auth": one.auth.name}
        message, hint, symptom = (text.format(**names) for text in CLASHES[one.kind])
        served = Related(one.mount.location, f"/{route_text(one.mount).lstrip('/')} is served so")
        return self.finding(
            one.wrapper.location,
            message,
            hint=hint,
            symptom=symptom,
            symbol=one.wrapper.name,
            level=Level.WARNING if one.kind == "anonymous" else None,
            related=[Related(one.write, "set here"), Related(one.auth.location, f"{one.auth.name} is here"), served],
        )

    def _report(self, one: Misplaced) -> Finding:
        name, setter = one.wrapper.name, one.setter
        where = f"{setter.name}, which sets it, is inside it" if setter is not None else "nothing around it sets that"
        related = [Related(one.mount.location, f"/{route_text(one.mount).lstrip('/')} is served so")]
        if setter is not None:
            related.insert(0, Related(setter.location, f'scope["{one.key}"] is set here, too late'))
        if one.read is not None:
            related.append(Related(one.read, "read here"))
        return self.finding(
            one.wrapper.location,
            f'{name} needs scope["{one.key}"], and {where}',
            hint=INSTEAD[one.key]
            if one.read is None
            else f"put {name} inside: {setter.name if setter is not None else ''}({name}(…))",
            symptom=(SAYS[one.key] if one.read is None else f"KeyError: '{one.key}'")
            + "; HTTP 500 for each connection",
            symbol=name,
            related=related,
            fix=None if (edits := one.swap) is None else Fix(edits, safe=False, title=f"put {name} inside"),
        )
