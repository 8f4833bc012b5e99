from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from wslint.knowledge.channels import PROTOCOLS
from wslint.rule import Edit, Finding, Fix, Level, Related, Rule
from wslint.stack import Consumer, ProtocolRouter, Stack, facts, within


class MissingWebsocketProtocol(Rule):
    """A ProtocolTypeRouter has no "websocket" entry, or has it under another name.

    Why: the router looks the scope's type up in its dict: "http", "websocket", "channel" or "lifespan", exactly so.
    A key such as "websockets", "ws" or "WebSocket" is never asked for, and nothing is checked when the process starts.

    See: every websocket handshake is refused with HTTP 500: `ValueError: No application configured for scope type
    'websocket'`.

    Mend: `"websocket": URLRouter(websocket_urlpatterns)`, inside an origin validator.

    Bad:
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application

        http = get_asgi_application()

        from chat.routing import routes

        application = ProtocolTypeRouter(
            {"http": http, "websockets": AllowedHostsOriginValidator(URLRouter(routes))}
        )
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

        http = get_asgi_application()

        from chat.routing import routes

        application = ProtocolTypeRouter(
            {"http": http, "websocket": AllowedHostsOriginValidator(URLRouter(routes))}
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

    code = "WS102"
    name = "missing-websocket-protocol"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[int] = set()
        for router in stack.protocol_routers:
            if id(router.call) in seen or _is_changed(router):
                continue
            seen.add(id(router.call))
            strange = list(_strange(stack, router))
            for key, meant in strange:
                yield self._misnamed(router, key, meant)
            if not strange and _must_serve_websockets(stack, router):
                yield self._absent(stack, router)

    def _misnamed(self, router: ProtocolRouter, key: str, meant: str) -> Finding:
        return self.finding(
            router.keys[key],
            f'ProtocolTypeRouter key "{key}" is no protocol; is "{meant}" meant?',
            hint=f'rename the key to "{meant}"',
            symptom=SYMPTOM if meant == "websocket" else f"No application configured for scope type '{meant}'",
            symbol=key,
            fix=_rename(router, key, meant),
        )

    def _absent(self, stack: Stack, router: ProtocolRouter) -> Finding:
        consumers = _consumers(stack, router)
        names = ", ".join(sorted({one.name for one in consumers})[:3])
        return self.finding(
            router.frame.at(router.call.func),
            f'ProtocolTypeRouter has no "websocket" entry, but the project has websocket consumers ({names})',
            hint='add `"websocket": AllowedHostsOriginValidator(URLRouter(…))`',
            symptom=SYMPTOM,
            related=[Related(one.location, f"{one.name} cannot be reached") for one in consumers[:3]],
        )


SYMPTOM = "every websocket handshake ends in HTTP 500: No application configured for scope type 'websocket'"


def _strange(stack: Stack, router: ProtocolRouter) -> Iterator[tuple[str, str]]:
    """Keys that no server of Channels sends, each with the protocol that is likely meant and that the router lacks.

    A key like none of them may belong to another kind of server, unless the project's consumers are left unserved.
    """
    if not router.complete:
        return
    lacking = sorted(PROTOCOLS - set(router.keys))
    unserved = "websocket" in lacking and bool(_consumers(stack, router))
    for key in router.keys:
        if key not in PROTOCOLS and lacking:
            meant = max(lacking, key=lambda protocol: _likeness(key, protocol))
            if _likeness(key, meant) > 0.8:
                yield key, meant
            elif unserved:
                yield key, "websocket"


def _likeness(key: str, protocol: str) -> float:
    return SequenceMatcher(None, key.lower(), protocol).ratio()


def _rename(router: ProtocolRouter, key: str, meant: str) -> Fix | None:
    """Only a literal key is renamed where it stands; a constant may be used elsewhere too."""
    for node in within((router.call,)):
        if isinstance(node, facts.DictItem) and isinstance(node.key, facts.Constant) and node.key.value == key:
            return Fix((Edit(router.keys[key], f'"{meant}"'),), safe=False, title=f'rename the key to "{meant}"')
    return None


def _is_changed(router: ProtocolRouter) -> bool:
    """Does the module reach into a router's `application_mapping`?"""
    body = router.frame.module.facts.body
    return any(isinstance(node, facts.Attribute) and node.attr == "application_mapping" for node in within(body))


def _consumers(stack: Stack, router: ProtocolRouter) -> list[Consumer]:
    """The websocket consumers of the same project."""
    root = stack.modules.root_of(router.path)
    return [
        consumer
        for consumer in stack.consumers
        if consumer.is_websocket
        and not consumer.in_tests
        and not consumer.vendored
        and stack.modules.root_of(consumer.path) == root
    ]


def _must_serve_websockets(stack: Stack, router: ProtocolRouter) -> bool:
    """Is it served, without a "websocket" entry, while the project has websocket consumers that nothing else serves?

    A router with "channel" is left alone: it belongs to a worker process.
    """
    if not router.complete or {"websocket", "channel"} & set(router.keys):
        return False
    served = any(node is router for application in stack.applications for node in application.walk())
    others = any(
        "websocket" in other.entries or not other.complete
        for other in stack.protocol_routers
        if not other.in_tests and other is not router
    )
    return served and bool(_consumers(stack, router)) and not others
