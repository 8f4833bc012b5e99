from __future__ import annotations

from collections.abc import Iterator

from wslint.flow.unasked import unasked
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack.groups.foreign import ForeignJoin, foreign_joins
from wslint.stack.middleware.public import route_text


class UnauthorisedGroup(Rule):
    """A client joins the group that its URL names, and nothing asks whether it has to do with it.

    Why: groups have no owners, and a URL is written by the client. Whoever may connect at all can put another id into
    it, and from then on gets what is sent to other people. A warning where the part of the URL names a user, or an
    object of a model with a relation to users, on a route with authentication; else information.

    See: nothing, until someone does it: the handshake is accepted, and other people's messages arrive.

    Mend: fetch the object through the user (`Room.objects.filter(members=user, pk=…)`), or compare the id with the
    user's, before group_add(). A route that is public on purpose belongs in `public-routes` of the configuration.

    Bad:
        # config/asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        http = get_asgi_application()

        from consumers import Inbox

        application = ProtocolTypeRouter({
            "http": http,
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter([path("ws/inbox/<int:user_id>/", Inbox.as_asgi())]))
            ),
        })
        # consumers.py
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class Inbox(AsyncJsonWebsocketConsumer):
            async def connect(self):
                if not self.scope["user"].is_authenticated:
                    await self.close()
                    return
                self.inbox = f"inbox_{self.scope['url_route']['kwargs']['user_id']}"
                await self.channel_layer.group_add(self.inbox, self.channel_name)
                await self.accept()

            async def disconnect(self, code):
                if hasattr(self, "inbox"):
                    await self.channel_layer.group_discard(self.inbox, self.channel_name)

    Good:
        # config/asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        http = get_asgi_application()

        from consumers import Inbox

        application = ProtocolTypeRouter({
            "http": http,
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter([path("ws/inbox/<int:user_id>/", Inbox.as_asgi())]))
            ),
        })
        # consumers.py
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class Inbox(AsyncJsonWebsocketConsumer):
            async def connect(self):
                user_id = self.scope["url_route"]["kwargs"]["user_id"]
                if self.scope["user"].pk != user_id:
                    await self.close()
                    return
                self.inbox = f"inbox_{user_id}"
                await self.channel_layer.group_add(self.inbox, self.channel_name)
                await self.accept()

            async def disconnect(self, code):
                if hasattr(self, "inbox"):
                    await self.channel_layer.group_discard(self.inbox, self.channel_name)
    """

    code = "WS620"
    name = "unauthorised-group"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or consumer.is_abstract:
                continue
            stranger = unasked(stack, consumer)
            for foreign in foreign_joins(stack, consumer):
                place = foreign.join.location
                if place in told or (stranger is not None and (stranger.is_loud or not foreign.owned)):
                    continue  # WS605: nobody is asked anything
                told.add(place)
                yield self._finding(foreign)

    def _finding(self, foreign: ForeignJoin) -> Finding:
        consumer, mount = foreign.consumer, foreign.consumer.mounts[0]
        related = [Related(mount.location, f"any {foreign.key} can be written into this URL")]
        if foreign.source.node.span.line != foreign.join.location.span.line:
            related.append(Related(foreign.source.frame.at(foreign.source.node), "taken from the URL here"))
        return self.finding(
            foreign.join.location,
            f"{consumer.name} joins the group that {foreign.key} of /{route_text(mount).lstrip('/')} names, and "
            "nothing relates the user to it",
            hint=f"fetch what {foreign.key} names through the user, or compare it with the user's, before group_add()",
            symptom=f"any client that may connect gets what is sent to others, by another {foreign.key}; no error",
            level=Level.WARNING if foreign.owned else Level.INFO,
            symbol=consumer.name,
            related=related,
        )
