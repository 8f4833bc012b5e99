from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import CHANNELS_CONSUMERS, SCOPE_KEYS, URL_ROUTER
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule, Span
from wslint.stack import (
    App,
    Bare,
    CallValue,
    Class,
    Display,
    DjangoApp,
    ExternalValue,
    ListApp,
    Stack,
    UnknownApp,
    application_slots,
    argument,
    facts,
)


class NotAnApplication(Rule):
    """A function, a list or a middleware class stands where an ASGI application is expected.

    Why: ProtocolTypeRouter, URLRouter and the wrappers of Channels call what they are given with scope, receive and
    send, and look at it no earlier than that.

    See: nothing at start; every connection (for "http": every request) ends in 500: `TypeError: get_asgi_application()
    takes 0 positional arguments but 3 were given`, `TypeError: 'list' object is not callable`, `TypeError:
    TokenAuth.__init__() takes 2 positional arguments but 4 were given`.

    Mend: `get_asgi_application()`, `URLRouter([…])`, `TokenAuth(URLRouter([…]))`.

    Bad:
        # asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        application = ProtocolTypeRouter(
            {
                "http": get_asgi_application,
                "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([]))),
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

    code = "WS108"
    name = "not-an-application"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        served = {id(app) for application in stack.applications for app in application.apps}
        seen: set[Location] = set()
        for slot in application_slots(stack):
            if any(isinstance(app, ListApp) and id(app) in served for app in slot):
                continue
            findings = [self._judge(stack, app) for app in slot]
            for finding in findings if all(findings) else ():
                if finding is not None and finding.location not in seen:
                    seen.add(finding.location)
                    yield finding

    def _judge(self, stack: Stack, app: App) -> Finding | None:
        match app:
            case DjangoApp(interface="asgi", called=False):
                end = app.location.span
                place = Location(app.location.path, end.end)
                return self._wrong(
                    app.location,
                    "`get_asgi_application` is not called",
                    "add the parentheses: `get_asgi_application()`",
                    "get_asgi_application() takes 0 positional arguments but 3 were given",
                    Fix((Edit(place, "()"),), safe=True, title="call get_asgi_application()"),
                )
            case ListApp():
                return self._list(stack, app.location)
            case UnknownApp(value=CallValue(node=node, frame=frame) as value) if value.dotted in SCOPE_KEYS:
                given = argument(node, 0)
                if given is not None and all(_is_list(found) for found in stack.values.of(given, frame)):
                    return self._list(stack, frame.at(given))
            case UnknownApp(value=ExternalValue(dotted=dotted)) if dotted in SCOPE_KEYS or dotted == URL_ROUTER:
                name = dotted.rpartition(".")[2]
                return self._wrong(
                    app.location,
                    f"`{name}` itself stands where an application is expected",
                    f"wrap the inner application: `{name}(…)`",
                    f"{name}() takes fewer positional arguments than it was given",
                )
            case Bare(form="class", cls=Class() as cls) if _is_middleware(stack, cls):
                if stack.packages.surely_below("channels", "3"):
                    return None  # which calls it with the scope alone
                return self._wrong(
                    app.location,
                    f"the middleware class `{cls.name}` stands where an application is expected",
                    f"wrap the inner application: `{cls.name}(…)`",
                    f"{cls.name}.__init__() takes 2 positional arguments but 4 were given",
                )
        return None

    def _list(self, stack: Stack, place: Location) -> Finding:
        span = place.span
        edits = (
            Edit(Location(place.path, span.begin), "URLRouter("),
            Edit(Location(place.path, span.end), ")"),
        )
        return self._wrong(
            place,
            "a list stands where an application is expected",
            "put it into a URLRouter: `URLRouter([…])`",
            "'list' object is not callable",
            Fix(edits, safe=True, title="wrap it in URLRouter") if _has_url_router(stack, place) else None,
        )

    def _wrong(self, place: Location, message: str, hint: str, error: str, fix: Fix | None = None) -> Finding:
        return self.finding(
            place, message, hint=hint, symptom=f"500 on every request or connection: TypeError: {error}", fix=fix
        )


def _is_list(value: object) -> bool:
    return isinstance(value, Display) and isinstance(value.node, facts.Sequence)


def _is_middleware(stack: Stack, cls: Class) -> bool:
    """Is a class surely made with one argument, the inner application, and no consumer?"""
    if cls.derives_from(*CHANNELS_CONSUMERS) or not any(one.cls is cls and one.call for one in stack.middleware):
        return False
    init = cls.method("__init__")
    if init is None or cls.defines("__new__") or cls.defines("__await__"):
        return False
    positional = [param for param in init.node.params if param.kind in ("positional", "positional-only")]
    return len(positional) == 2 and all(param.kind != "*" for param in init.node.params)


def _has_url_router(stack: Stack, place: Location) -> bool:
    """Is URLRouter imported where a list stands?"""
    module = stack.modules.at(place.path)
    if module is None or "URLRouter" not in module.scope.bindings:
        return False
    name = facts.Name(Span(1 << 30, 1, 1 << 30, 1), "URLRouter")
    return stack.values.dotted(name, stack.values.module_frame(module)) == URL_ROUTER
