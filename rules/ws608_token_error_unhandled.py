from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack.middleware.gates import Gate
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.passages import caught_outside, is_called_with_scope_alone, passages, uses_of
from wslint.stack.tokens.tokenfailures import Risk, risks_of


class TokenErrorUnhandled(Rule):
    """A middleware raises for a token that is missing, wrong or expired, and nothing catches it.

    Why: an exception in a middleware is an error of the server, whatever its class: PermissionDenied, DoesNotExist and
    the errors of the JWT packages are no denial here. SimpleJWT's token classes raise TokenError, which is no
    InvalidToken; `parse_qs()` has only the parameters that were sent.

    See: HTTP 500 at the handshake and a traceback in the log for every client without a good token, where 403 is
    meant: clients that retry on server errors do so for ever, and alarms ring for expired tokens.

    Mend: catch what the line raises and set AnonymousUser, or close: `await send({"type": "websocket.close"})` and
    return. Read parameters with `.get("token", [""])[0]`.

    Bad:
        # chat/middleware.py
        from urllib.parse import parse_qs

        import jwt
        from django.conf import settings

        class TokenMiddleware:
            def __init__(self, inner):
                self.inner = inner

            async def __call__(self, scope, receive, send):
                token = parse_qs(scope["query_string"].decode())["token"][0]
                claims = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
                return await self.inner(dict(scope, reader=claims["sub"]), receive, send)
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
                    await send({"type": "websocket.close"})
                    return
                await self.inner(dict(scope, reader=claims["sub"]), receive, send)
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.core.asgi import get_asgi_application
        from chat.middleware import TokenMiddleware
        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": TokenMiddleware(URLRouter(websocket_urlpatterns))}
        )
    """

    code = "WS608"
    name = "token-error-unhandled"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for gate in Guards.of(stack).gates:
            uses = uses_of(gate, stack)
            if not uses or is_called_with_scope_alone(gate, stack) or caught_outside(gate, stack):
                continue
            for passage in passages(gate):
                risks = [risk for risk in risks_of(passage) if risk.location not in told]
                told.update(risk.location for risk in risks)
                if risks:
                    yield self._report(gate, risks, uses[0].location)

    def _report(self, gate: Gate, risks: list[Risk], use: Location) -> Finding:
        first = risks[0]
        error = first.failure.error
        edits = [risk.edit for risk in risks if risk.edit is not None]
        related = [Related(risk.location, f"{risk.text}, and nothing catches that either") for risk in risks[1:4]]
        return self.finding(
            first.location,
            f"this {first.text}, and neither {first.passage.node.name}() nor {gate.name} catches it",
            hint=f"catch {error} and set AnonymousUser, or close the connection and return"
            if first.edit is None
            else f"write `{first.edit.text.lstrip(', ')}`, so that no token is an empty one",
            symptom=f"{error}: HTTP 500 at the handshake instead of a denial (403), and a traceback each time",
            symbol=gate.name,
            related=[*related, Related(use, f"{gate.name} is applied here")],
            fix=Fix(tuple(edits), safe=False, title="take a missing parameter for an empty one")
            if len(edits) == len(risks)
            else None,
        )
