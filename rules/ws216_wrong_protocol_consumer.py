from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Mount, Mounted, Stack

SPEAKS = {"websocket": "websocket", "json": "websocket", "http": "http"}
"""The protocol that each kind of generic consumer speaks."""

FIRST_MESSAGE = {"websocket": "websocket.connect", "http": "http.request"}


class WrongProtocolConsumer(Rule):
    """An HTTP consumer is served for websockets, or a websocket consumer for HTTP.

    Why: a consumer has handlers for the messages of one protocol. ProtocolTypeRouter hands each protocol to what
    stands under its key, whatever that is.

    See: every connection ends in HTTP 500 with `ValueError: No handler for message type websocket.connect` (or
    `http.request`).

    Mend: put it under the other key of the ProtocolTypeRouter, or use AsyncWebsocketConsumer or AsyncHttpConsumer.

    Bad:
        from channels.generic.http import AsyncHttpConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class FeedConsumer(AsyncHttpConsumer):
            async def handle(self, body):
                await self.send_response(200, b"hello")

        application = ProtocolTypeRouter(
            {
                "http": get_asgi_application(),
                "websocket": URLRouter([path("feed/", FeedConsumer.as_asgi())]),
            }
        )

    Good:
        from channels.generic.http import AsyncHttpConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.core.asgi import get_asgi_application
        from django.urls import path, re_path

        class FeedConsumer(AsyncHttpConsumer):
            async def handle(self, body):
                await self.send_response(200, b"hello")

        application = ProtocolTypeRouter(
            {"http": URLRouter([path("feed/", FeedConsumer.as_asgi()), re_path("", get_asgi_application())])}
        )
    """

    code = "WS216"
    name = "wrong-protocol-consumer"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for mount in stack.mounts:
            if mount.in_tests or mount.location in told or mount.protocol not in FIRST_MESSAGE:
                continue
            finding = self._judge(stack, mount, mount.protocol)
            if finding is not None:
                told.add(mount.location)
                yield finding

    def _judge(self, stack: Stack, mount: Mount, protocol: str) -> Finding | None:
        consumer = stack.consumer_of(mount.leaf.cls) if isinstance(mount.leaf, Mounted) and mount.leaf.cls else None
        if consumer is None or not consumer.complete or consumer.dispatches_itself:
            return None
        speaks, first = SPEAKS.get(consumer.kind, protocol), FIRST_MESSAGE[protocol]
        if speaks == protocol or consumer.cls.defines(first.replace(".", "_")):
            return None
        return self.finding(
            mount.location,
            f"`{consumer.name}` speaks {speaks} and is served for {protocol}",
            hint=f'put it under "{speaks}" of the ProtocolTypeRouter',
            symptom=f"HTTP 500 on every connection; log: ValueError: No handler for message type {first}",
            symbol=consumer.name,
            related=[Related(consumer.location, f"a consumer for {speaks}")],
        )
