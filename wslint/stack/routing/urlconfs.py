"""Django's URLconfs: the routes for HTTP that ROOT_URLCONF and the `include()`s from it lead to."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.knowledge.channels import INCLUDE
from wslint.location import Location, Span
from wslint.stack.code.link import Module
from wslint.stack.code.lists import Lists
from wslint.stack.code.values import CallValue, Display, Frame, Literal, ModuleValue, Value, argument
from wslint.stack.model import Route, Stack
from wslint.stack.routing.apps import Apps

NAME = "urlpatterns"
"""What Django looks for in the module of a URLconf."""


def urlconf_routes(stack: Stack) -> Iterator[tuple[Route, Location]]:
    """Every route that can be read, each once, and the ROOT_URLCONF setting that leads to it."""
    reader = _Reader(stack)
    for settings in stack.settings:
        for setting in settings.get("ROOT_URLCONF"):
            name = stack.values.constant(setting.expr, setting.frame)
            module = stack.modules.find(name, setting.frame.path) if isinstance(name, str) else None
            if module is not None:
                yield from ((route, setting.location) for route in reader.of_module(module))


class _Reader:
    def __init__(self, stack: Stack) -> None:
        self.values = stack.values
        self.modules = stack.modules
        self.lists = Lists(stack.values)
        self.apps = Apps(stack.values, self.lists)
        self.seen: set[int] = set()

    def of_module(self, module: Module) -> Iterator[Route]:
        if id(module) not in self.seen and NAME in module.scope.bindings:
            self.seen.add(id(module))
            end = Span(1 << 30, 1, 1 << 30, 1)
            yield from self.of_list(m.Name(end, NAME), self.values.module_frame(module))

    def of_list(self, expr: m.Expr, frame: Frame) -> Iterator[Route]:
        for item, inner in self.lists.of(expr, frame).items:
            for route in self.apps.routes(item, inner):
                if id(route.call) in self.seen:
                    continue
                self.seen.add(id(route.call))
                yield route
                for target in route.targets:
                    yield from self._included(target.value)

    def _included(self, value: Value | None) -> Iterator[Route]:
        """What `include("chat.urls")`, `include(module)`, `include([…])` or `include(([…], "chat"))` takes in."""
        if not isinstance(value, CallValue) or value.dotted not in INCLUDE:
            return
        given = argument(value.node, 0, "arg")
        for what in () if given is None else self.values.of(given, value.frame):
            match what:
                case Literal(value=str(name)):
                    module = self.modules.find(name, value.frame.path)
                    if module is not None:
                        yield from self.of_module(module)
                case ModuleValue(module=module):
                    yield from self.of_module(module)
                case Display(node=m.Sequence(kind="tuple", items=(first, _)), frame=frame):
                    yield from self.of_list(first, frame)
                case _ if given is not None:
                    yield from self.of_list(given, value.frame)
