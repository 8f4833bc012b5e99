from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import ASGI_SCOPE_KEYS, AUTH_STACK, SESSION_STACK
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Class, Mount, Stack
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.public import route_text
from wslint.stack.middleware.scopekeys import Read, sure_reads
from wslint.stack.middleware.unwrapped import unwrapped_mounts

STACKS = {
    "user": (AUTH_STACK, "AuthMiddlewareStack"),
    "session": (SESSION_STACK, "SessionMiddlewareStack"),
    "cookies": (SESSION_STACK, "SessionMiddlewareStack"),
}


class ScopeKeyWithoutMiddleware(Rule):
    """A consumer reads a key of the scope that nothing on its route puts there.

    Why: the server fills the scope with what ASGI names; `user`, `session`, `cookies` and keys of the project come from
    middleware, and only for what stands inside it. SessionMiddlewareStack sets no user, CookieMiddleware no session.

    See: `KeyError: 'user'` in the log. Before accept() the handshake gets HTTP 500; after it the connection breaks
    (1011 under daphne, 1006 under uvicorn) and disconnect() is not called.

    Mend: put the middleware that sets the key around the route (AuthMiddlewareStack for `user`), or read it with
    `.get()` where it may be absent.

    Bad:
        # config/asgi.py
        from channels.generic.websocket import WebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class Score(WebsocketConsumer):
            def connect(self):
                self.player = self.scope["user"]
                self.accept()

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(URLRouter([path("ws/score/", Score.as_asgi())])),
        })

    Good:
        # config/asgi.py
        from channels.auth import AuthMiddlewareStack
        from channels.generic.websocket import WebsocketConsumer
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        class Score(WebsocketConsumer):
            def connect(self):
                self.player = self.scope["user"]
                self.accept()

        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(
                AuthMiddlewareStack(URLRouter([path("ws/score/", Score.as_asgi())]))
            ),
        })
    """

    code = "WS603"
    name = "scope-key-without-middleware"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        guards = Guards.of(stack)
        spoken_for = unwrapped_mounts(stack)
        found: dict[Location, tuple[Read, list[tuple[Class, Mount]]]] = {}
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored:
                continue
            mounts = [mount for mount in consumer.mounts if _is_served(mount, guards)]
            if not mounts:
                continue
            for read in sure_reads(consumer, guards):
                bare = [mount for mount in mounts if _lacks(read.key, mount, guards)]
                bare = [mount for mount in bare if not (read.key == "user" and id(mount.leaf) in spoken_for)]
                if bare:
                    entry = found.setdefault(read.location, (read, []))
                    entry[1].extend((consumer.cls, mount) for mount in bare)
        for read, places in found.values():
            yield self._report(read, places, guards)

    def _report(self, read: Read, places: list[tuple[Class, Mount]], guards: Guards) -> Finding:
        cls, mount = places[0]
        path = "/" + route_text(mount).lstrip("/")
        setters = [gate.name for gate in guards.gates if read.key in gate.sets]
        wrapper = (
            STACKS[read.key][1] if read.key in STACKS else (setters[0] if setters else "a middleware that sets it")
        )
        related = [Related(where.location, "served without it") for _, where in places[:3]]
        related += [Related(gate.location, f"sets {read.key!r}") for gate in guards.gates if read.key in gate.sets][:1]
        around = [wrapper.name for wrapper in mount.wrappers]
        chain = f"only {' and '.join(around)} around it" if around else "no middleware around it"
        return self.finding(
            read.location,
            f'scope["{read.key}"] is read by {cls.name}, and {path} has {chain}: nothing sets the key',
            hint=f'put {wrapper} around the route, or read scope.get("{read.key}") where it may be absent',
            symptom=f"KeyError: '{read.key}': HTTP 500 before accept(); after it the connection breaks (1011 under "
            "daphne, 1006 under uvicorn) and disconnect() is not called",
            symbol=cls.name,
            related=related,
        )


def _is_served(mount: Mount, guards: Guards) -> bool:
    """A route of an application whose chain is known from the outside to the consumer."""
    return mount.application in guards.served and mount.protocol in ("websocket", "http")


def _lacks(key: str, mount: Mount, guards: Guards) -> bool:
    """Does surely nothing on the way set the key?"""
    if key in ASGI_SCOPE_KEYS:
        return False
    for wrapper in mount.wrappers:
        keys = guards.keys_set(wrapper)
        if keys is None or key in keys:
            return False
    return True
