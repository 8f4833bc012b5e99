from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Rule
from wslint.stack import Stack
from wslint.stack.code.undefined import Undefined, undefined


class UndefinedRoutingName(Rule):
    """The ASGI or a routing module asks for a module, a list or a consumer that does not exist.

    Why: these modules take names from several apps, and a renamed list or consumer is not missed before the server
    imports them. Django's checks do not: `manage.py check` passes.

    See: `ImportError: cannot import name 'websocket_urlpattern' from 'chat.routing'`, `ModuleNotFoundError` or
    `AttributeError: module 'chat.consumers' has no attribute 'ChatConsumr'` and the server exits at start. runserver
    says `ImproperlyConfigured: Cannot import ASGI_APPLICATION module`, which hides the reason above it.

    Mend: write the name as it is defined; where one is near, the hint has it.

    Bad:
        # asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        http = get_asgi_application()

        from chat.routing import websocket_urlpattern

        application = ProtocolTypeRouter(
            {"http": http, "websocket": AllowedHostsOriginValidator(URLRouter(websocket_urlpattern))}
        )
        # chat/__init__.py
        # chat/routing.py
        websocket_urlpatterns = []

    Good:
        # asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        http = get_asgi_application()

        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter(
            {"http": http, "websocket": AllowedHostsOriginValidator(URLRouter(websocket_urlpatterns))}
        )
        # chat/__init__.py
        # chat/routing.py
        websocket_urlpatterns = []
    """

    code = "WS214"
    name = "undefined-routing-name"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[tuple[str, str, str]] = set()
        for path in sorted(_routing_modules(stack)):
            module = stack.modules.at(path)
            for found in undefined(stack, module) if module is not None else ():
                asked = (path, found.home, found.name)
                if asked not in seen:
                    seen.add(asked)
                    yield self._undefined(found)

    def _undefined(self, found: Undefined) -> Finding:
        return self.finding(
            found.location,
            f"`{found.home}` has no `{found.name}`",
            hint=f"is `{found.nearest}` meant?" if found.nearest else f"define it in `{found.home}`",
            symptom="the server exits at start: ImportError, ModuleNotFoundError or AttributeError",
            symbol=found.name,
            fix=_fix(found),
        )


def _fix(found: Undefined) -> Fix | None:
    if found.nearest is None or not found.names:
        return None
    edits = tuple(Edit(place, found.nearest) for place in found.names)
    return Fix(edits, safe=True, title=f'write "{found.nearest}"')


def _routing_modules(stack: Stack) -> set[str]:
    """The files that hold an application, a router or a route, outside of tests."""
    placed = (*stack.applications, *stack.protocol_routers, *stack.routers, *stack.routes)
    return {one.path for one in placed if not one.in_tests and not one.vendored}
