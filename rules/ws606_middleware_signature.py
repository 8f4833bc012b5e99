from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Stack, calls_within
from wslint.stack import facts as m
from wslint.stack.middleware.gates import Gate
from wslint.stack.middleware.guards import Guards

CALL = "(scope, receive, send)"


class MiddlewareSignature(Rule):
    """A middleware is called with the scope alone, as Channels 2 did it.

    Why: since Channels 3 an ASGI application is one call of three arguments, `await app(scope, receive, send)`. The
    double call of Channels 2 (`app(scope)` gives an instance that takes receive and send) is gone.

    See: `TypeError: __call__() takes 2 positional arguments but 4 were given` and HTTP 500 for every connection that
    passes it. Channels 3.0 still calls it twice and fails one step later: `missing 2 required positional arguments`.

    Mend: `async def __call__(self, scope, receive, send): return await self.inner(scope, receive, send)`.

    Bad:
        # chat/middleware.py
        from urllib.parse import parse_qs

        class TicketMiddleware:
            def __init__(self, inner):
                self.inner = inner

            def __call__(self, scope):
                query = parse_qs(scope["query_string"].decode())
                return self.inner(dict(scope, ticket=query.get("ticket")))
        # config/routing.py
        from channels.routing import URLRouter
        from chat.middleware import TicketMiddleware
        from chat.routing import websocket_urlpatterns

        sockets = TicketMiddleware(URLRouter(websocket_urlpatterns))

    Good:
        # chat/middleware.py
        from urllib.parse import parse_qs

        class TicketMiddleware:
            def __init__(self, inner):
                self.inner = inner

            async def __call__(self, scope, receive, send):
                query = parse_qs(scope["query_string"].decode())
                return await self.inner(dict(scope, ticket=query.get("ticket")), receive, send)
        # config/routing.py
        from channels.routing import URLRouter
        from chat.middleware import TicketMiddleware
        from chat.routing import websocket_urlpatterns

        sockets = TicketMiddleware(URLRouter(websocket_urlpatterns))
    """

    code = "WS606"
    name = "middleware-signature"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if stack.packages.surely_below("channels", "3"):
            return
        guards = Guards.of(stack)
        for gate in guards.gates:
            function = _application_of(gate)
            if function is None or not _takes_scope_alone(function, method=gate.cls is not None):
                continue
            uses = [wrapper for wrapper in stack.wrappers if gate.is_in(wrapper) and not wrapper.in_tests]
            calls = list(_inner_calls(gate, function))
            if not uses and (gate.cls is None or not calls):
                continue  # takes a scope, but nothing says that it is a middleware
            yield self.finding(
                Location(gate.path, function.name_span),
                f"{gate.name} takes the scope alone; Channels 3 and later call it with (scope, receive, send)",
                hint=f"take {CALL} and hand them on: return await {_inner_name(gate, calls)}{CALL}",
                symptom=_seen(stack, function, method=gate.cls is not None),
                symbol=gate.name,
                related=[Related(wrapper.location, "it is applied here") for wrapper in uses[:2]],
                fix=_fix(gate, function, calls),
            )


def _seen(stack: Stack, function: m.FunctionDef, method: bool) -> str:
    if stack.packages.surely_below("channels", "4"):  # which calls it twice, as Channels 2 did
        return "TypeError: missing 2 required positional arguments; HTTP 500 for every connection that passes it"
    taken, given = ("2 positional arguments", 4) if method else ("1 positional argument", 3)
    error = f"TypeError: {function.name}() takes {taken} but {given} were given"
    return f"{error}; HTTP 500 for every connection that passes it"


def _application_of(gate: Gate) -> m.FunctionDef | None:
    """What a server would call: the class's own `__call__`, or the function that a function middleware returns."""
    if gate.cls is not None:
        own = gate.cls.own_methods.get("__call__")
        return None if own is None else own.node
    assert gate.function is not None
    returned = {
        item.value.id for item in gate.function.body if isinstance(item, m.Return) and isinstance(item.value, m.Name)
    }
    return next(
        (item for item in gate.function.body if isinstance(item, m.FunctionDef) and item.name in returned), None
    )


def _takes_scope_alone(function: m.FunctionDef, method: bool) -> bool:
    params = function.params[1:] if method else function.params
    return len(params) == 1 and params[0].kind.startswith("positional") and params[0].name == "scope"


def _inner_calls(gate: Gate, function: m.FunctionDef) -> Iterator[m.Call]:
    """The calls of the inner application: of an attribute that `__init__` was given, or of the outer parameter."""
    names = _inner_names(gate)
    for call in calls_within(function.body):
        func = call.func
        if gate.cls is None and isinstance(func, m.Name) and func.id in names:
            yield call
        elif gate.cls is not None and isinstance(func, m.Attribute) and isinstance(func.value, m.Name):  # noqa: SIM102
            if func.value.id == function.params[0].name and func.attr in names:
                yield call


def _inner_names(gate: Gate) -> frozenset[str]:
    if gate.cls is None:
        assert gate.function is not None
        return frozenset(param.name for param in gate.function.params[:1])
    init = gate.cls.method("__init__")
    given = {param.name for param in init.node.params} if init is not None else {"inner"}
    assigned = gate.cls.instance_assignments
    return frozenset(
        name
        for name, values in assigned.items()
        if any(isinstance(value, m.Name) and value.id in given for _, value, _ in values)
    ) | frozenset({"inner"} if init is None else ())


def _inner_name(gate: Gate, calls: list[m.Call]) -> str:
    func = calls[0].func if calls else None
    if isinstance(func, m.Name):
        return func.id
    return f"self.{func.attr}" if isinstance(func, m.Attribute) else "self.inner"


def _fix(gate: Gate, function: m.FunctionDef, calls: list[m.Call]) -> Fix | None:
    """Add the two parameters and hand them on; only where every inner call has the scope and nothing else."""
    if not calls or any(len(call.args) != 1 or call.args[0].star for call in calls):
        return None
    edits = [Edit(Location(gate.path, function.params[-1].span.end), ", receive, send")]
    edits += [Edit(Location(gate.path, call.args[0].span.end), ", receive, send") for call in calls]
    return Fix(tuple(edits), safe=False, title="take and hand on receive and send")
