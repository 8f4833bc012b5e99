from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Literal, SettingsModule, Stack
from wslint.stack.settings.validators import allowed


class OriginCheckDisabled(Rule):
    """An origin validator is there, and its list lets every origin in.

    Why: browsers let any page open a websocket to any host, with the cookies of that host; the Origin header is what a
    server has to tell its own pages from others, and CORS settings do not apply. `*` in the list of OriginValidator, or
    in ALLOWED_HOSTS under AllowedHostsOriginValidator, accepts all of them, and requests without the header too.

    See: a page of `https://evil.example` opens the socket with the user's cookies, and is answered (101).

    Mend: list the origins of the site's own pages. Behind a proxy that checks the Host header, ALLOWED_HOSTS can stay
    open when the websockets are guarded by `OriginValidator(app, [...])` instead.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import OriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        websockets = URLRouter([path("ws/", ChatConsumer.as_asgi())])
        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": OriginValidator(websockets, ["*"])}
        )

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import OriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class ChatConsumer(AsyncWebsocketConsumer):
            pass

        websockets = URLRouter([path("ws/", ChatConsumer.as_asgi())])
        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": OriginValidator(websockets, ["https://app.example.com"])}
        )
    """

    code = "WS613"
    name = "origin-check-disabled"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for listed in allowed(stack):
            if listed.module is not None and not _serves(stack, listed.module):
                continue
            stars = [location for text, location in listed.entries if text == "*"]
            stars += [listed.location] if listed.text == "*" else []
            for location in stars[:1]:
                if location in told:
                    continue
                told.add(location)
                yield self.finding(
                    location,
                    f"`*` in {listed.name} makes {listed.wrapper.name} let every origin in",
                    hint="list the origins of the site's own pages",
                    symptom="any web page can open the socket with the cookies of whoever visits it (cross-site "
                    "websocket hijacking)",
                    related=[Related(listed.wrapper.location, f"{listed.wrapper.name} checks nothing")],
                )


def _serves(stack: Stack, module: SettingsModule) -> bool:
    """Are these settings meant for others than their author? Those with a plain `DEBUG = True` are not."""
    if module.purpose:
        last = module.module.name.rpartition(".")[2]
        return module.purpose == "production" and "dev" not in last and "stag" not in last
    values = [stack.values.one(setting.expr, setting.frame) for setting in module.get("DEBUG")]
    return bool(values) and not any(isinstance(value, Literal) and value.value is True for value in values)
