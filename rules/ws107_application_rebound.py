from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Related, Rule
from wslint.stack import Application, Stack
from wslint.stack.routing.rebound import Rebound, rebound


class ApplicationRebound(Rule):
    """A later line binds the application's name again and drops the router that serves websockets.

    Why: the server takes the name's last value when the module has been imported. An `application = …` that was left
    below the ProtocolTypeRouter (the line that `startproject` wrote, most often) wins over it, in silence.

    See: every websocket handshake is refused with HTTP 500: `ValueError: Django can only handle ASGI/HTTP connections,
    not websocket.` Pages work. (With a second ProtocolTypeRouter: `No application configured for scope type
    'websocket'`.)

    Mend: bind the name once, or wrap what it holds: `application = Sentry(application)`.

    Bad:
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        http = get_asgi_application()

        from chat.routing import routes

        application = ProtocolTypeRouter(
            {"http": http, "websocket": AllowedHostsOriginValidator(URLRouter(routes))}
        )
        application = get_asgi_application()
        # chat/routing.py
        from django.urls import path
        from chat.consumers import Chat

        routes = [path("ws/chat/", Chat.as_asgi())]
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            pass

    Good:
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        application = get_asgi_application()

        from chat.routing import routes

        application = ProtocolTypeRouter(
            {"http": application, "websocket": AllowedHostsOriginValidator(URLRouter(routes))}
        )
        # chat/routing.py
        from django.urls import path
        from chat.consumers import Chat

        routes = [path("ws/chat/", Chat.as_asgi())]
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            pass
    """

    code = "WS107"
    name = "application-rebound"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for application in stack.applications:
            found = None if application.in_tests or application.vendored else rebound(stack, application)
            if found is not None:
                yield self._dropped(application, found)

    def _dropped(self, application: Application, found: Rebound) -> Finding:
        return self.finding(
            found.location,
            f"`{application.name}` is bound again here, and the router of line {found.router.span.line} is dropped",
            hint=f"take one of the two lines out, or wrap what it holds: `{application.name} = …({application.name})`",
            symptom="every websocket handshake ends in HTTP 500: "
            + (
                "ValueError: Django can only handle ASGI/HTTP connections, not websocket."
                if found.plain
                else "No application configured for scope type 'websocket'"
            ),
            symbol=application.name,
            related=[Related(found.router, "this router serves the websockets, and nobody has it any more")],
        )
