from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack
from wslint.stack.middleware.gates import keys_of
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.logins import AUTHENTICATES, has_session_user
from wslint.stack.middleware.unwrapped import unwrapped_mounts
from wslint.stack.tokens.apitokens import has_session_login, token_classes


class HttpOnlyTokenAuth(Rule):
    """The API knows tokens only, and the websockets know sessions only.

    Why: AuthMiddlewareStack reads the session cookie. Django REST framework's token classes belong to its views: they
    run for no websocket, and who logs in with them gets no session.

    See: nothing fails. `scope["user"]` is AnonymousUser for every client of the API, whatever token it brings: the
    consumer refuses (HTTP 403, 1006 in the browser), or serves a stranger.

    Mend: a middleware that reads the API's token, inside the stack:
    `AuthMiddlewareStack(TokenAuthMiddleware(URLRouter(…)))`. Browsers cannot send an Authorization header with a
    websocket; take the token as a query parameter, a subprotocol or the first message.

    Bad:
        # config/settings.py
        SECRET_KEY = "bad"
        ALLOWED_HOSTS = ["example.com"]
        INSTALLED_APPS = ["daphne", "django.contrib.auth", "django.contrib.sessions", "rest_framework.authtoken"]
        ASGI_APPLICATION = "config.asgi.application"
        REST_FRAMEWORK = {
            "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"],
        }
        # config/asgi.py
        import os

        from channels.auth import AuthMiddlewareStack
        from channels.generic.websocket import WebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

        class Orders(WebsocketConsumer):
            def connect(self):
                if self.scope["user"].is_authenticated:
                    self.accept()
                else:
                    self.close()

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter([path("ws/orders/", Orders.as_asgi())]))
            ),
        })

    Good:
        # config/settings.py
        SECRET_KEY = "good"
        ALLOWED_HOSTS = ["example.com"]
        INSTALLED_APPS = ["daphne", "django.contrib.auth", "django.contrib.sessions", "rest_framework.authtoken"]
        ASGI_APPLICATION = "config.asgi.application"
        REST_FRAMEWORK = {
            "DEFAULT_AUTHENTICATION_CLASSES": [
                "rest_framework.authentication.TokenAuthentication",
                "rest_framework.authentication.SessionAuthentication",
            ],
        }
        # config/asgi.py
        import os

        from channels.auth import AuthMiddlewareStack
        from channels.generic.websocket import WebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

        class Orders(WebsocketConsumer):
            def connect(self):
                if self.scope["user"].is_authenticated:
                    self.accept()
                else:
                    self.close()

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter([path("ws/orders/", Orders.as_asgi())]))
            ),
        })
    """

    code = "WS618"
    name = "http-only-token-auth"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        guards = Guards.of(stack)
        by_chain: dict[Location, list[tuple[Consumer, Location, Location]]] = {}
        for consumer in stack.consumers:
            settings = stack.settings_for(consumer.path)
            said = None if settings is None else token_classes(stack, settings)
            read = None if said is None else _user_read(consumer, guards)
            if said is None or read is None:
                continue
            for mount in has_session_user(consumer, guards):
                chain = next(one for one in mount.wrappers if one.dotted in AUTHENTICATES)
                if id(mount.leaf) not in unwrapped_mounts(stack):
                    by_chain.setdefault(chain.location, []).append((consumer, read, said))
        if by_chain and not has_session_login(stack):
            for chain_location, readers in by_chain.items():
                yield self._report(chain_location, readers)

    def _report(self, chain: Location, readers: list[tuple[Consumer, Location, Location]]) -> Finding:
        names = list(dict.fromkeys(consumer.name for consumer, _, _ in readers))
        others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        return self.finding(
            chain,
            f'{names[0]}{others} reads scope["user"] of a session, and the API authenticates by token only: nobody '
            "has a session",
            hint="put a middleware that reads the API's token inside: AuthMiddlewareStack(TokenAuthMiddleware(…))",
            symptom="whatever token a client brings, its user is AnonymousUser: the consumer refuses (HTTP 403, 1006 "
            "in the browser) or serves a stranger",
            symbol=names[0],
            related=[
                Related(readers[0][2], "the API takes tokens and nothing else"),
                *(Related(read, f"{consumer.name} asks who is connected") for consumer, read, _ in readers[:3]),
            ],
        )


def _user_read(consumer: Consumer, guards: Guards) -> Location | None:
    """Where a consumer asks for the session's user and for nothing else that says who is connected."""
    if consumer.in_tests or consumer.vendored or guards.checks_token(consumer.cls):
        return None
    for kind, key, node, code in keys_of(guards.consumer_code(consumer.cls), guards.stack):
        if kind != "write" and key == "user":
            return code.at(node)
    return None
