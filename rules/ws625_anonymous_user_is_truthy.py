from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.logins import TruthTest, has_session_user, truth_tests


class AnonymousUserIsTruthy(Rule):
    """The truth of scope["user"] is taken for a login, and an anonymous user is true as well.

    Why: AuthMiddleware puts a user object into the scope of every connection; without a login it is an AnonymousUser,
    which is an object like any other and therefore true. `if not self.scope["user"]` never holds.

    See: nothing fails. The socket opens for everybody, and strangers get what was meant for users; later on
    `AnonymousUser` turns up in queries (`TypeError: Field 'id' expected a number but got <AnonymousUser>`).

    Mend: ask `self.scope["user"].is_authenticated`.

    Bad:
        # config/asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.generic.websocket import WebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class Inbox(WebsocketConsumer):
            def connect(self):
                if not self.scope["user"]:
                    self.close()
                    return
                self.accept()

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter([path("ws/inbox/", Inbox.as_asgi())]))
            ),
        })

    Good:
        # config/asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.generic.websocket import WebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class Inbox(WebsocketConsumer):
            def connect(self):
                if not self.scope["user"].is_authenticated:
                    self.close()
                    return
                self.accept()

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter([path("ws/inbox/", Inbox.as_asgi())]))
            ),
        })
    """

    code = "WS625"
    name = "anonymous-user-is-truthy"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        guards = Guards.of(stack)
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored:
                continue
            mounts = has_session_user(consumer, guards)
            if not mounts:
                continue
            for test in truth_tests(consumer, guards):
                if test.location not in told:
                    told.add(test.location)
                    yield self._report(consumer.name, test, mounts[0].location)

    def _report(self, name: str, test: TruthTest, route: Location) -> Finding:
        end = test.user.span
        behind = end.end
        return self.finding(
            test.location,
            f'{name} takes the truth of scope["user"] for a login, and without a login it is an AnonymousUser: '
            f"{'this never holds' if test.negated else 'this always holds'}",
            hint="ask .is_authenticated",
            symptom="the socket opens for clients that are not logged in, and nothing in the log says so",
            symbol=name,
            related=[Related(route, "AuthMiddleware sets the user here")],
            fix=Fix((Edit(test.code.at(behind), ".is_authenticated"),), safe=False, title="ask .is_authenticated"),
        )
