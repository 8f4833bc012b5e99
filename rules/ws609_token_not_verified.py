from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack.code.reach import Code
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.passages import uses_of
from wslint.stack.tokens.unverified import ALGORITHM, EXPIRY, SIGNATURE, Unverified, unverified

SAYS = {
    SIGNATURE: "a token whose signature is not verified",
    EXPIRY: "a token whose expiry is not looked at",
    ALGORITHM: "a token that says itself how it is verified (no algorithms are named)",
}
SEEN = {
    SIGNATURE: "whoever writes a token with another user's id is let in as that user; nothing in the log says so",
    EXPIRY: "a token that was lost or stolen opens connections for ever",
    ALGORITHM: "a token signed with the public key as an HMAC secret is taken for a good one",
}
MEND = {
    SIGNATURE: 'verify it: `jwt.decode(token, key, algorithms=["HS256"])`, AccessToken(token)',
    EXPIRY: "leave verify_exp on; `leeway` is for clocks that differ",
    ALGORITHM: 'name the one that signs: algorithms=["HS256"]',
}


class TokenNotVerified(Rule):
    """A token decides who is connected, and its signature or expiry is not verified.

    Why: a JWT is readable and writable by everybody; only its signature says who wrote it. A decode with
    `verify_signature` off is a read of what the client claims to be.

    See: nothing fails. A token with any user's id and any key is taken, so every account can be used by everybody.

    Mend: verify: `jwt.decode(token, key, algorithms=["HS256"])`, or `AccessToken(token)` without `verify=False`. To
    look into a token first (for its `kid` or issuer) is fine as long as a verified decode follows.

    Bad:
        # chat/middleware.py
        from urllib.parse import parse_qs

        import jwt

        class TokenMiddleware:
            def __init__(self, inner):
                self.inner = inner

            async def __call__(self, scope, receive, send):
                token = parse_qs(scope["query_string"].decode()).get("token", [""])[0]
                try:
                    claims = jwt.decode(token, options={"verify_signature": False})
                except jwt.InvalidTokenError:
                    claims = {}
                return await self.inner(dict(scope, reader=claims.get("sub")), receive, send)
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.core.asgi import get_asgi_application
        from chat.middleware import TokenMiddleware
        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": TokenMiddleware(URLRouter(websocket_urlpatterns))}
        )

    Good:
        # chat/middleware.py
        from urllib.parse import parse_qs

        import jwt
        from django.conf import settings

        class TokenMiddleware:
            def __init__(self, inner):
                self.inner = inner

            async def __call__(self, scope, receive, send):
                token = parse_qs(scope["query_string"].decode()).get("token", [""])[0]
                try:
                    claims = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
                except jwt.InvalidTokenError:
                    claims = {}
                return await self.inner(dict(scope, reader=claims.get("sub")), receive, send)
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.core.asgi import get_asgi_application
        from chat.middleware import TokenMiddleware
        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": TokenMiddleware(URLRouter(websocket_urlpatterns))}
        )
    """

    code = "WS609"
    name = "token-not-verified"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for name, codes, where in _doors(stack):
            for one in unverified(codes, stack.values, stack.packages):
                place = one.code.at(one.place)
                if place not in told:
                    told.add(place)
                    yield self._report(name, one, where)

    def _report(self, name: str, one: Unverified, where: Location) -> Finding:
        return self.finding(
            one.code.at(one.place),
            f"{name} knows who is connected by {SAYS[one.what]}",
            hint=MEND[one.what],
            symptom=SEEN[one.what],
            symbol=name,
            related=[Related(where, f"{name} lets connections in by it")],
        )


def _doors(stack: Stack) -> Iterator[tuple[str, list[Code], Location]]:
    """(name, code, place) of the middleware that is applied, and of the consumers."""
    guards = Guards.of(stack)
    for gate in guards.gates:
        if uses_of(gate, stack):
            yield gate.name, gate.codes, gate.location
    for consumer in stack.consumers:
        if not consumer.in_tests and not consumer.vendored:
            yield consumer.name, guards.consumer_code(consumer.cls), consumer.location
