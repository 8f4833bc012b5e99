from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import AUTH_STACK, BASE_MIDDLEWARE, SESSION_STACK
from wslint.knowledge.http_middleware import is_http_middleware
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import App, Bare, Class, DjangoApp, Mounted, ProtocolRouter, Router, Stack, Wrapper

REQUESTS = ("request", "req", "http_request")


class HttpMiddlewareInAsgi(Rule):
    """A middleware for Django's MIDDLEWARE setting wraps an ASGI application.

    Why: Django's middleware is called with a request and gives a response. Channels calls what stands in its chain
    with scope, receive and send. The two share nothing but the word.

    See: HTTP 500 for every connection (around the HTTP application: for every request): `TypeError:
    MiddlewareMixin.__call__() takes 2 positional arguments but 4 were given`. Nothing is said at start.

    Mend: `AuthMiddlewareStack` sets `scope["user"]` and `scope["session"]`; middleware of your own takes
    `(scope, receive, send)`. What pages need belongs into MIDDLEWARE.

    Bad:
        # asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.contrib.auth.middleware import AuthenticationMiddleware
        from django.core.asgi import get_asgi_application

        application = ProtocolTypeRouter(
            {
                "http": get_asgi_application(),
                "websocket": AllowedHostsOriginValidator(AuthenticationMiddleware(URLRouter([]))),
            }
        )

    Good:
        # asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        application = ProtocolTypeRouter(
            {
                "http": get_asgi_application(),
                "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([]))),
            }
        )
    """

    code = "WS109"
    name = "http-middleware-in-asgi"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if stack.packages.surely_below("channels", "3"):
            return  # which calls it with the scope alone
        seen: set[Location] = set()
        for wrapper in stack.wrappers:
            if wrapper.in_tests or wrapper.vendored or wrapper.call is None or not any(map(_is_asgi, wrapper.inner)):
                continue
            place = wrapper.frame.at(wrapper.call.func)
            if place not in seen and _takes_requests(wrapper):
                seen.add(place)
                yield self._misplaced(wrapper, place)

    def _misplaced(self, wrapper: Wrapper, place: Location) -> Finding:
        cls = wrapper.cls
        return self.finding(
            place,
            f"`{wrapper.name}` is HTTP middleware: it takes a request, not (scope, receive, send)",
            hint=_instead(wrapper),
            symptom="500 on every connection: TypeError: __call__() takes 2 positional arguments but 4 were given",
            symbol=wrapper.name,
            related=[] if cls is None else [Related(cls.location, "it is made for the MIDDLEWARE setting")],
        )


def _instead(wrapper: Wrapper) -> str:
    known = wrapper.dotted or " ".join(wrapper.cls.externals if wrapper.cls is not None else ())
    for package, stack in (("contrib.auth", AUTH_STACK), ("contrib.sessions", SESSION_STACK)):
        if package in known:
            return f"use channels' {stack.rpartition('.')[2]}, and leave {wrapper.name} to the MIDDLEWARE setting"
    return "leave it to the MIDDLEWARE setting; an ASGI middleware is `async def __call__(self, scope, receive, send)`"


def _is_asgi(app: App) -> bool:
    """Is it surely an ASGI application (and no `get_response` of Django)?"""
    if isinstance(app, Wrapper):
        return any(map(_is_asgi, app.inner))
    if isinstance(app, DjangoApp):
        return app.interface == "asgi"
    return isinstance(app, (ProtocolRouter, Router, Mounted, Bare))


def _takes_requests(wrapper: Wrapper) -> bool:
    """Is a wrapper, or the class that it is made of, surely called with a request alone?"""
    if wrapper.dotted is not None:
        return is_http_middleware(wrapper.dotted)
    cls = wrapper.cls
    if cls is None or not cls.linked or cls.derives_from(BASE_MIDDLEWARE):
        return False
    call = cls.method("__call__")
    if call is None:
        return any(map(is_http_middleware, cls.externals)) and not _may_take_more(cls)
    params = call.node.params
    return len(params) == 2 and params[1].kind == "positional" and params[1].name in REQUESTS


def _may_take_more(cls: Class) -> bool:
    """Is there a base whose `__call__` is not known, or a `__new__` that makes something else?"""
    return cls.defines("__new__") or not all(
        is_http_middleware(base) or base == "builtins.object" for base in cls.externals
    )
