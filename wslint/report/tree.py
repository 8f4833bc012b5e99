"""The stack as a tree: what wslint understood of a project, in the order in which a frame travels through it.

`…` stands for what cannot be read. Test code and copies of other people's code are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.report.terminal import clean
from wslint.stack import model as d
from wslint.stack.code.text import Pattern
from wslint.stack.groups.groups import Groups
from wslint.stack.layers.layers import layers_of

PACKAGES = (
    *("channels", "django", "asgiref", "daphne", "uvicorn", "hypercorn", "granian", "gunicorn"),
    *("channels-redis", "redis", "channels-rabbitmq", "djangochannelsrestframework", "channels-graphql-ws"),
)
"""What the stack's behaviour depends on the version of."""

WORKERS = ("runworker",)
"""The management commands that work for sockets, besides runserver."""

STEP = "  "


@dataclass(frozen=True)
class Line:
    """One line of a tree: how deep, what, and where that stands."""

    depth: int
    text: str
    location: Location | None = None


def render(stack: d.Stack, shown: Callable[[str], str] = str) -> Iterator[str]:
    """The lines of the tree; `shown` says how a path is written."""
    for title, lines in (
        ("Applications", _applications(stack)),
        ("Routes of no application", _loose(stack)),
        ("Routes that no router takes, but for tests", _untaken(stack)),
        ("Consumers", _consumers(stack)),
        ("Middleware", _middleware(stack)),
        ("Sends", _sends(stack)),
        ("Settings", _settings(stack)),
        ("Processes", _processes(stack)),
        ("Versions", _versions(stack)),
    ):
        found = list(lines)
        if found:
            yield title
            for line in found:
                yield _written(line, shown)
            yield ""


def _written(line: Line, shown: Callable[[str], str]) -> str:
    where = ""
    if line.location is not None:
        where = f"  {clean(shown(line.location.path))}:{line.location.span.line}"
    return f"{STEP * line.depth}{clean(line.text)}{where}"


# --- applications -----------------------------------------------------------------------------------------------------


def _applications(stack: d.Stack) -> Iterator[Line]:
    for application in filter(_ours, stack.applications):
        yield Line(1, f"{application.module.name}:{application.name}", application.location)
        for kind, place in application.named_by:
            if kind != "module":
                yield Line(2, f"named by a {kind[:-1] if kind == 'settings' else kind}", place)
        for app in application.apps:
            yield from _app(app, 2)


def _loose(stack: d.Stack) -> Iterator[Line]:
    inside = {id(node) for application in stack.applications for node in application.walk()}
    nested = {id(node) for router in stack.routers for node in router.walk() if node is not router}
    for router in filter(_ours, stack.routers):
        if id(router) not in inside and id(router) not in nested:
            yield from _app(router, 1)


def _untaken(stack: d.Stack) -> Iterator[Line]:
    taken = {id(route) for router in filter(_ours, stack.routers) for route in router.routes}
    for route in sorted((*stack.untaken, *stack.routes), key=lambda route: route.location):
        if _ours(route) and id(route) not in taken:
            yield from _route(route, 1)


def _app(app: d.App, depth: int) -> Iterator[Line]:
    inner = depth + 1
    match app:
        case d.ProtocolRouter(entries=entries, complete=complete, keys=keys):
            yield Line(depth, "ProtocolTypeRouter", app.location)
            for key, apps in entries.items():
                yield Line(inner, key, keys.get(key))
                for one in apps:
                    yield from _app(one, inner + 1)
            yield from _rest(complete, inner)
        case d.NameRouter(entries=entries, complete=complete):
            yield Line(depth, "ChannelNameRouter", app.location)
            for key, apps in entries.items():
                yield Line(inner, key)
                for one in apps:
                    yield from _app(one, inner + 1)
            yield from _rest(complete, inner)
        case d.Wrapper(name=name, inner=wrapped):
            yield Line(depth, name, app.location)
            for one in wrapped:
                yield from _app(one, inner)
        case d.Router(routes=routes, complete=complete):
            yield Line(depth, "URLRouter", app.location)
            for route in routes:
                yield from _route(route, inner)
            yield from _rest(complete, inner)
        case _:
            yield Line(depth, _leaf(app), app.location)


def _rest(complete: bool, depth: int) -> Iterator[Line]:
    if not complete:
        yield Line(depth, "…")


def _route(route: d.Route, depth: int) -> Iterator[Line]:
    pattern = "…" if route.pattern is None else repr(route.pattern)
    leaves = [target for target in route.targets if next(target.children(), None) is None]
    served = f" → {' | '.join(map(_leaf, leaves))}" if leaves else ""
    yield Line(depth, f"{route.function} {pattern}{served}", route.location)
    for target in route.targets:
        if target not in leaves:
            yield from _app(target, depth + 1)


def _leaf(app: d.App) -> str:
    match app:
        case d.Mounted(cls=cls, dotted=dotted):
            return cls.name if cls is not None else dotted or "…"
        case d.Bare(form=form, cls=cls, dotted=dotted):
            name = cls.name if cls is not None else dotted or "…"
            return {"instance": f"{name}()", "uncalled": f"{name}.as_asgi"}.get(form, name)
        case d.DjangoApp(interface=interface, called=called):
            return f"Django ({interface}{'' if called else ', not called'})"
        case d.FunctionApp(function=function):
            return f"{function.name}(scope, receive, send)"
        case d.ListApp():
            return "a list"
        case d.ProtocolRouter():
            return "ProtocolTypeRouter"
        case d.Router(complete=complete):
            return "URLRouter" if complete else "URLRouter …"
        case d.Wrapper(name=name):
            return f"{name}(…)"
        case _:
            return "…"


# --- consumers and what reaches them ----------------------------------------------------------------------------------


def _consumers(stack: d.Stack) -> Iterator[Line]:
    groups = Groups(stack)
    for consumer in filter(_ours, stack.consumers):
        colour = {True: "async ", False: "sync ", None: ""}[consumer.is_async]
        notes = [f"{colour}{consumer.kind}"]
        notes += ["a base"] if consumer.is_abstract else [] if consumer.mounts else ["on no router's route"]
        notes += [] if consumer.complete else ["some of its bases are unknown"]
        yield Line(1, f"{consumer.name} ({', '.join(notes)})", consumer.location)
        for method in consumer.methods.values():
            if _may_handle(method.name, len(method.node.params)):
                yield Line(2, f"handles {method.name}", method.location)
        joins = (member for member in groups.memberships if member.consumer is consumer)
        yield from dict.fromkeys(Line(2, f"joins {_pattern(member.pattern)}", member.location) for member in joins)


def _may_handle(name: str, parameters: int) -> bool:
    """Can the layer call a method for an event: `self` and the event, and no name of Channels' own?"""
    return parameters == 2 and name not in known.CONSUMER_API and not name.startswith("_")


def _middleware(stack: d.Stack) -> Iterator[Line]:
    for middleware in filter(_ours, stack.middleware):
        puts = f" puts {', '.join(sorted(middleware.sets))} into the scope" if middleware.sets else ""
        yield Line(1, f"{middleware.name}{puts}", middleware.location)


def _sends(stack: d.Stack) -> Iterator[Line]:
    groups = Groups(stack)
    for send in filter(_ours, stack.sends):
        named = " | ".join(dict.fromkeys(_pattern(name.pattern) for name in groups.names(send))) or "…"
        what = f"{send.method} {named}"
        if send.event is not None:
            types = [_type(kind) for kind in send.event.types] or ["no type"]
            what = f"{what}  {' | '.join(dict.fromkeys(types))}  → {_receivers(groups, send)}"
        yield Line(1, what, send.location)
        if send.through is not None:
            yield Line(2, "by", send.through)


def _type(kind: str | None) -> str:
    return "…" if kind is None else repr(kind)


def _receivers(groups: Groups, send: d.Send) -> str:
    """Who may get it: the members of the group; `any consumer` when that cannot be known."""
    if groups.is_empty(send):
        return "nobody"
    found = groups.receivers(send)
    everyone = tuple(one for one in groups.stack.consumers if not one.in_tests and not one.is_abstract)
    return "any consumer" if found == everyone and len(found) > 1 else ", ".join(one.name for one in found) or "nobody"


def _pattern(pattern: Pattern) -> str:
    return "…" if pattern.unknown else str(pattern)


# --- around them ------------------------------------------------------------------------------------------------------


def _settings(stack: d.Stack) -> Iterator[Line]:
    for settings in filter(_ours, stack.settings):
        for module in filter(_ours, settings.modules):
            name = f"{module.module.name or module.path}{f' ({module.purpose})' if module.purpose else ''}"
            yield Line(1, name if module.complete else f"{name} …", module.location)
            for setting in module.get("ASGI_APPLICATION"):
                value = stack.values.constant(setting.expr, setting.frame)
                yield Line(2, f"ASGI_APPLICATION {value if isinstance(value, str) else '…'}", setting.location)
            layers = layers_of(stack, module)
            for layer in layers.layers:
                backends = " | ".join(backend or "…" for backend in layer.backends(stack)) or "no backend"
                yield Line(2, f"layer {layer.alias}: {backends}", layer.location)
            if not layers.complete:
                yield Line(2, "layers …")


def _processes(stack: d.Stack) -> Iterator[Line]:
    for process in filter(_ours, stack.processes):
        command = process.command
        if command.program == "manage" and command.subcommand not in WORKERS:
            continue
        words = dict.fromkeys(filter(None, (command.program, command.subcommand, command.target)))
        workers = f" with {command.workers} workers" if command.workers is not None else ""
        yield Line(1, f"{' '.join(words)}{workers} ({command.source})", process.location)


def _versions(stack: d.Stack) -> Iterator[Line]:
    for name in PACKAGES:
        for path, requirement in stack.packages.named(name):
            version = requirement.specifier or "any version"
            locked = " (locked)" if requirement.locked else ""
            yield Line(1, f"{name} {version}{locked}", Location(path, requirement.span))


def _ours(placed: d.Placed) -> bool:
    return not placed.in_tests and not placed.vendored
