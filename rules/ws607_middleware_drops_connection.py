from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Stack
from wslint.stack import facts as m
from wslint.stack.code.values import Frame
from wslint.stack.middleware.gates import Gate
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.handingon import inner_calls, inner_name, lacks_arguments, paths_of, takes_connection
from wslint.stack.middleware.handingon_edit import CLOSE, await_call, close_before, missing_arguments, return_behind
from wslint.stack.middleware.passages import application_of, uses_of

NEVER_RUN = "HTTP 500: ASGI callable returned without completing handshake (daphne: the client hangs for 5 s)"


class MiddlewareDropsConnection(Rule):
    """A middleware loses the connection: what it wraps is never run, or is run after a close.

    Why: an ASGI application is a coroutine of three arguments that runs as long as the connection lives. One that is
    not awaited does not run; one that gets the scope alone cannot; a path that ends without the inner application and
    without an answer leaves the client in the handshake. Sending websocket.close ends nothing in the middleware itself.

    See: `RuntimeWarning: coroutine … was never awaited` and `ASGI callable returned without completing handshake.`
    with HTTP 500 under uvicorn; under daphne the client hangs for 5 s. Behind a close, connect() runs for a client that
    was refused (403), and some servers raise `RuntimeError: Unexpected ASGI message 'websocket.accept'`. Missing
    arguments: `TypeError … missing 2 required positional arguments`, HTTP 500.

    Mend: `return await self.inner(scope, receive, send)`; to refuse, `await send({"type": "websocket.close"})` and
    return.

    Bad:
        # chat/middleware.py
        class Banned:
            def __init__(self, inner):
                self.inner = inner

            async def __call__(self, scope, receive, send):
                if scope["client"][0] == "192.0.2.7":
                    return None
                return await self.inner(scope, receive, send)
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.core.asgi import get_asgi_application
        from chat.middleware import Banned
        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": Banned(URLRouter(websocket_urlpatterns))}
        )

    Good:
        # chat/middleware.py
        class Banned:
            def __init__(self, inner):
                self.inner = inner

            async def __call__(self, scope, receive, send):
                if scope["client"][0] == "192.0.2.7":
                    await send({"type": "websocket.close"})
                    return None
                return await self.inner(scope, receive, send)
        # config/asgi.py
        from channels.routing import ProtocolTypeRouter, URLRouter
        from django.core.asgi import get_asgi_application
        from chat.middleware import Banned
        from chat.routing import websocket_urlpatterns

        application = ProtocolTypeRouter(
            {"http": get_asgi_application(), "websocket": Banned(URLRouter(websocket_urlpatterns))}
        )
    """

    code = "WS607"
    name = "middleware-drops-connection"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if stack.packages.surely_below("channels", "3"):
            return
        told: set[Location] = set()
        for gate in Guards.of(stack).gates:
            entry = application_of(gate)
            if entry is None or not takes_connection(gate, entry[0]) or not uses_of(gate, stack):
                continue
            for finding in (*self._calls(gate, *entry), *self._paths(gate, *entry)):
                if finding.location not in told:
                    told.add(finding.location)
                    yield finding

    def _calls(self, gate: Gate, function: m.FunctionDef, frame: Frame) -> Iterator[Finding]:
        """Inner applications that are called in a way in which they do not run."""
        for use in inner_calls(gate, function, frame):
            call, name = use.node, inner_name(use.node)
            if lacks_arguments(call):
                missing = ("scope", "receive", "send")[len(call.args) :]
                yield self.finding(
                    frame.at(call),
                    f"{name} is called without {' and '.join(missing)}: an ASGI application takes three arguments",
                    hint=f"write {name}(scope, receive, send)",
                    symptom=f"TypeError: missing {len(missing)} required positional arguments; HTTP 500 each time",
                    symbol=gate.name,
                    fix=_fix(missing_arguments(call, missing, function, frame), "hand on receive and send")
                    if use.usage == "awaited"
                    else None,
                )
            elif use.usage == "dropped" or (use.usage == "returned" and function.is_async):
                yield self.finding(
                    frame.at(call),
                    f"{name}(…) is not awaited, so what {gate.name} wraps never runs",
                    hint=f"write `await {name}(…)`" if function.is_async else "return the call, or make this async",
                    symptom=NEVER_RUN,
                    symbol=gate.name,
                    fix=_fix(await_call(call, function, frame), "await it"),
                )

    def _paths(self, gate: Gate, function: m.FunctionDef, frame: Frame) -> Iterator[Finding]:
        """Refused connections that go on, and ways on which a connection gets lost."""
        paths = paths_of(gate, function, frame)
        for close, call in paths.behind_close if paths is not None else ():
            yield self.finding(
                frame.at(close),
                f"the connection is closed here, and {gate.name} goes on to {inner_name(call)}",
                hint="return after the close",
                symptom="the consumer's connect() runs for a client that was refused; some servers raise RuntimeError: "
                "Unexpected ASGI message 'websocket.accept', after sending 'websocket.close'",
                symbol=gate.name,
                related=[Related(frame.at(call), "runs after the close")],
                fix=_fix(return_behind(close, function, frame), "return after the close"),
            )
        for end in paths.lost if paths is not None else ():
            last = end is function
            yield self.finding(
                frame.at(function.name_span if last else end),
                f"{gate.name} has a path to {'the end of the function' if last else 'this return'} that neither "
                "calls the inner application nor closes the connection",
                hint=f"to refuse: `{CLOSE}` before it returns",
                symptom=NEVER_RUN,
                symbol=gate.name,
                fix=_fix(close_before(end, function, frame), "close the connection"),
            )


def _fix(edit: Edit | None, title: str) -> Fix | None:
    return None if edit is None else Fix((edit,), safe=True, title=title)
