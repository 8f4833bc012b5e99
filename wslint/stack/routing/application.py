"""The application tree: what serves a connection, from the ASGI application down to the consumer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from wslint.facts import model as m
from wslint.location import Location
from wslint.stack.code.classes import Class
from wslint.stack.code.values import Frame, FunctionValue, Value
from wslint.stack.project.placed import Placed

if TYPE_CHECKING:
    from wslint.stack.code.link import Module


@dataclass(eq=False)
class Node(Placed):
    """A part of an ASGI application; `location` is the expression that makes it."""

    location: Location
    value: Value | None

    def children(self) -> Iterator[App]:
        yield from ()

    def walk(self) -> Iterator[App]:
        """This node and everything inside it."""
        seen: set[int] = set()
        stack: list[App] = [self]  # type: ignore[list-item]
        while stack:
            node = stack.pop()
            if id(node) not in seen:
                seen.add(id(node))
                yield node
                stack.extend(reversed(list(node.children())))


@dataclass(eq=False)
class ProtocolRouter(Node):
    """A ProtocolTypeRouter (or project subclass): what serves each protocol; several apps = alternatives.

    `keys` are the literal keys with their places; not `complete` when the dict has parts that cannot be read.
    """

    entries: dict[str, tuple[App, ...]]
    keys: dict[str, Location]
    complete: bool
    call: m.Call
    frame: Frame

    def children(self) -> Iterator[App]:
        for apps in self.entries.values():
            yield from apps


@dataclass(eq=False)
class Router(Node):
    """A URLRouter and its routes; not `complete` when some of its list cannot be read."""

    routes: tuple[Route, ...]
    complete: bool
    call: m.Call
    frame: Frame

    def children(self) -> Iterator[App]:
        for route in self.routes:
            yield from route.targets


@dataclass(eq=False)
class Wrapper(Node):
    """An app around an app: middleware, an origin validator, Sentry …

    `dotted` names it when it comes from a package, `cls`/`function` when it is the project's; none of them: unknown.
    """

    name: str
    inner: tuple[App, ...]
    call: m.Call | None
    frame: Frame
    dotted: str | None = None
    cls: Class | None = None
    function: FunctionValue | None = None

    def children(self) -> Iterator[App]:
        yield from self.inner


@dataclass(eq=False)
class Mounted(Node):
    """`Consumer.as_asgi()`; `cls` is None when the class is not the project's (`dotted` names it if known)."""

    cls: Class | None
    dotted: str | None = None


@dataclass(eq=False)
class Bare(Node):
    """A class where an application is expected; `form` is "class" (C), "instance" (C()) or "uncalled" (C.as_asgi)."""

    form: str
    cls: Class | None
    dotted: str | None = None


@dataclass(eq=False)
class DjangoApp(Node):
    """Django's own application; `interface` is "asgi" or "wsgi", `called` False for the function itself."""

    interface: str
    called: bool = True


@dataclass(eq=False)
class ListApp(Node):
    """A list or tuple where an application is expected."""


@dataclass(eq=False)
class NameRouter(Node):
    """A ChannelNameRouter: worker consumers by channel name; not `complete` when the dict cannot be read."""

    entries: dict[str, tuple[App, ...]]
    complete: bool

    def children(self) -> Iterator[App]:
        for apps in self.entries.values():
            yield from apps


@dataclass(eq=False)
class FunctionApp(Node):
    """A function of the project used as an application."""

    function: FunctionValue


@dataclass(eq=False)
class UnknownApp(Node):
    """Something that cannot be read."""


App = ProtocolRouter | Router | Wrapper | Mounted | Bare | DjangoApp | ListApp | NameRouter | FunctionApp | UnknownApp


@dataclass(eq=False)
class Route(Placed):
    """One `path()`, `re_path()` or `url()` of a list that reaches a URLRouter.

    `location` is the call; `pattern` its route text (None when unknown) with `pattern_location`; `targets` what it
    mounts (alternatives); `extra` the keys of its extra dict (None when that cannot be read).
    """

    location: Location
    function: str
    call: m.Call
    frame: Frame
    pattern: str | None
    pattern_node: m.Expr | None
    targets: tuple[App, ...]
    extra: frozenset[str] | None

    @property
    def pattern_location(self) -> Location:
        return self.location if self.pattern_node is None else self.frame.at(self.pattern_node)

    @cached_property
    def captures(self) -> frozenset[str] | None:
        """Names that the pattern puts into `scope["url_route"]["kwargs"]`; None when unknown."""
        if self.pattern is None or self.extra is None:
            return None
        named = r"<(?:[^>:]+:)?(\w+)>" if self.function == "path" else r"\(\?P<(\w+)>"
        return frozenset(re.findall(named, self.pattern)) | self.extra


@dataclass(eq=False)
class Mount(Placed):
    """One way from an application's outside to a consumer: the wrappers around it, outermost first, and the route."""

    location: Location
    application: Application | None
    protocol: str | None
    wrappers: tuple[Wrapper, ...]
    routers: tuple[Router, ...]
    routes: tuple[Route, ...]
    leaf: App

    @property
    def consumer(self) -> Class | None:
        return self.leaf.cls if isinstance(self.leaf, (Mounted, Bare)) else None


@dataclass(eq=False)
class Application(Placed):
    """An ASGI application of the project: `module:name`.

    `apps` are its possible trees; `location` is the expression of the last binding; `named_by` the places that say that
    this is what is served: ("settings" | "command" | "module", location of the setting, command or module binding).
    """

    location: Location
    name: str
    module: Module
    apps: tuple[App, ...]
    named_by: tuple[tuple[str, Location], ...]

    def walk(self) -> Iterator[App]:
        for app in self.apps:
            yield from app.walk()

    @property
    def unknown(self) -> bool:
        """Is some part of the tree unreadable?"""
        return any(isinstance(node, UnknownApp) for node in self.walk())

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        """Every consumer (or other leaf) with the wrappers and routes on the way to it."""
        return tuple(mount for app in self.apps for mount in mounts_of(app, self))


def mounts_of(app: App, application: Application | None = None) -> Iterator[Mount]:
    """Every leaf below an app with what stands on the way to it."""

    def visit(
        node: App,
        protocol: str | None,
        wrappers: tuple[Wrapper, ...],
        routers: tuple[Router, ...],
        routes: tuple[Route, ...],
        depth: int,
    ) -> Iterator[Mount]:
        if depth > 30:
            return
        match node:
            case ProtocolRouter():
                for key, apps in node.entries.items():
                    for inner in apps:
                        yield from visit(inner, key, wrappers, routers, routes, depth + 1)
            case Wrapper():
                for inner in node.inner:
                    yield from visit(inner, protocol, (*wrappers, node), routers, routes, depth + 1)
            case Router():
                for route in node.routes:
                    for inner in route.targets:
                        yield from visit(inner, protocol, wrappers, (*routers, node), (*routes, route), depth + 1)
            case NameRouter():
                for apps in node.entries.values():
                    for inner in apps:
                        yield from visit(inner, "channel", wrappers, routers, routes, depth + 1)
            case _:
                yield Mount(node.location, application, protocol, wrappers, routers, routes, node)

    yield from visit(app, None, (), (), (), 0)
