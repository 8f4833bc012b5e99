"""Applications whose name a later line of the module binds again, so that the router they held is lost (A11)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from wslint.facts import model as m
from wslint.facts.walk import below
from wslint.location import Location
from wslint.stack.code.bindings import Binding
from wslint.stack.code.lists import Lists
from wslint.stack.model import App, Application, DjangoApp, ProtocolRouter, Stack, Wrapper
from wslint.stack.routing.apps import Apps


@dataclass(eq=False)
class Rebound:
    """Where the name is bound again, the router that it held before, and whether Django's own application is left."""

    location: Location
    router: Location
    plain: bool


def rebound(stack: Stack, application: Application) -> Rebound | None:
    """The binding that drops a router with websockets; nothing when any value that the name can end with has them.

    A router that was read in between (`inner = application`) may live on under another name.
    """
    bindings = application.module.scope.bindings.get(application.name, [])
    if len(bindings) < 2 or not application.apps or not all(map(_serves_pages_only, application.apps)):
        return None
    frame = stack.values.module_frame(application.module)
    apps = Apps(stack.values, Lists(stack.values))
    for binding, last in reversed(list(pairwise(bindings))):
        held = [apps.value(value, frame.at(binding.source)) for value in stack.values.bound([binding], frame)]
        if len(held) == 1 and _serves_websockets(held[0]):
            if _is_read(application, binding, last):
                return None
            plain = all(isinstance(app, DjangoApp) for app in map(_core, application.apps))
            return Rebound(frame.at(_place(last)), frame.at(_place(binding)), plain)
    return None


def _place(binding: Binding) -> m.Node:
    """The name that a statement binds, else the statement."""
    source = binding.source
    for target in source.targets if isinstance(source, m.Assign) else ():
        if isinstance(target, m.Name) and target.id == binding.name:
            return target
    return source


def _core(app: App) -> App:
    """What is inside wrappers that are given nothing else (with more arguments one may serve the other)."""
    while isinstance(app, Wrapper) and len(app.inner) == 1 and app.call is not None and len(app.call.args) == 1:
        app = app.inner[0]
    return app


def _serves_pages_only(app: App) -> bool:
    """Is it Django's own ASGI application, or a router that surely has no "websocket" entry, wrapped or not?"""
    match _core(app):
        case DjangoApp(interface="asgi", called=True):
            return True
        case ProtocolRouter(complete=True, entries=entries):
            return "websocket" not in entries
        case _:
            return False


def _serves_websockets(app: App) -> bool:
    core = _core(app)
    return isinstance(core, ProtocolRouter) and "websocket" in core.entries


def _is_read(application: Application, first: Binding, last: Binding) -> bool:
    """Does anything read the name after one binding and up to another, or in a function that may have run by then?"""
    for statement in application.module.facts.body:
        for node in (statement, *below(statement)):
            if isinstance(node, m.Name) and node.id == application.name:
                place = (node.span.line, node.span.column)
                if place > first.place and place < last.place and not _is_target(node, first, last):
                    return True
    return False


def _is_target(name: m.Name, *bindings: Binding) -> bool:
    return any(isinstance(one.source, m.Assign) and name in one.source.targets for one in bindings)
