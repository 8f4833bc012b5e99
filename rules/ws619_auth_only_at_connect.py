from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack.tokens.expiry import Outlived, outlived_checks


class AuthOnlyAtConnect(Rule):
    """A token that is valid for minutes is checked once, for a socket that stays open for hours.

    Why: the check runs when the connection is made. Nothing looks at the token again: neither that it expires nor that
    its user is blocked ends a socket that is open.

    See: nothing fails. Whoever connected with a token goes on receiving what the consumer's groups are sent, long
    after every request with that token gets HTTP 401.

    Mend: keep the token's `exp` in the scope and close the socket then
    (`asyncio.get_running_loop().call_later(…)`); or let clients send a fresh token and close those that do not; or
    limit how long a connection lasts (`daphne --websocket_timeout`).

    Bad:
        # config/settings.py
        from datetime import timedelta

        SECRET_KEY = "bad"
        ALLOWED_HOSTS = ["example.com"]
        INSTALLED_APPS = ["daphne", "django.contrib.auth", "django.contrib.contenttypes", "chat"]
        ASGI_APPLICATION = "config.asgi.application"
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME": timedelta(minutes=5)}
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer
        from rest_framework_simplejwt.exceptions import TokenError
        from rest_framework_simplejwt.tokens import AccessToken

        class Chat(AsyncWebsocketConsumer):
            async def connect(self):
                try:
                    self.user_id = AccessToken(self.scope["subprotocols"][-1])["user_id"]
                except (TokenError, IndexError):
                    await self.close()
                    return
                await self.channel_layer.group_add("chat", self.channel_name)
                await self.accept("bearer")

            async def disconnect(self, code):
                await self.channel_layer.group_discard("chat", self.channel_name)
        # config/asgi.py
        import os
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django_asgi_app = get_asgi_application()

        from chat.consumers import Chat

        application = ProtocolTypeRouter({
            "http": django_asgi_app,
            "websocket": AllowedHostsOriginValidator(URLRouter([path("ws/chat/", Chat.as_asgi())])),
        })

    Good:
        # config/settings.py
        from datetime import timedelta

        SECRET_KEY = "good"
        ALLOWED_HOSTS = ["example.com"]
        INSTALLED_APPS = ["daphne", "django.contrib.auth", "django.contrib.contenttypes", "chat"]
        ASGI_APPLICATION = "config.asgi.application"
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        SIMPLE_JWT = {"ACCESS_TOKEN_LIFETIME": timedelta(minutes=5)}
        # chat/consumers.py
        import asyncio
        import time

        from channels.generic.websocket import AsyncWebsocketConsumer
        from rest_framework_simplejwt.exceptions import TokenError
        from rest_framework_simplejwt.tokens import AccessToken

        class Chat(AsyncWebsocketConsumer):
            end = None

            async def connect(self):
                try:
                    token = AccessToken(self.scope["subprotocols"][-1])
                except (TokenError, IndexError):
                    await self.close()
                    return
                await self.channel_layer.group_add("chat", self.channel_name)
                await self.accept("bearer")
                self.end = asyncio.create_task(self.expire(token["exp"] - time.time()))

            async def expire(self, seconds):
                await asyncio.sleep(seconds)
                await self.close(4001)

            async def disconnect(self, code):
                if self.end is not None:
                    self.end.cancel()
                await self.channel_layer.group_discard("chat", self.channel_name)
        # config/asgi.py
        import os
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        django_asgi_app = get_asgi_application()

        from chat.consumers import Chat

        application = ProtocolTypeRouter({
            "http": django_asgi_app,
            "websocket": AllowedHostsOriginValidator(URLRouter([path("ws/chat/", Chat.as_asgi())])),
        })
    """

    code = "WS619"
    name = "auth-only-at-connect"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        by_check: dict[Location, list[Outlived]] = {}
        for one in outlived_checks(stack):
            by_check.setdefault(one.check, []).append(one)
        for check, found in by_check.items():
            first = found[0]
            names = list(dict.fromkeys(one.consumer.name for one in found))
            others = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            stays = "its sockets stay" if names == [first.checker] else f"{names[0]}{others} stays"
            yield self.finding(
                check,
                f"{first.checker} checks an access token once, which is valid for {_shown(first.minutes)}, and "
                f"{stays} open after that",
                hint="keep the token's `exp` and close the socket then (call_later), have clients send a fresh token, "
                "or limit how long connections last (daphne --websocket_timeout)",
                symptom="whoever connected goes on receiving what the groups are sent, after every request with that "
                "token gets HTTP 401",
                symbol=first.checker,
                related=[
                    Related(first.said, "the lifetime of access tokens is set here"),
                    *(Related(one.joins, f"{one.consumer.name} joins a group here") for one in found[:3]),
                ],
            )


def _shown(minutes: float) -> str:
    return f"{minutes:g} minutes" if minutes >= 1 else f"{minutes * 60:g} seconds"
