"""What importing a module runs, statement by statement, until Django is set up (A07).

A model cannot be had before: its class, `get_user_model()` and `apps.get_model()` raise AppRegistryNotReady. Only what
surely runs counts; a set-up that may run ends the search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import children
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.link import Module
from wslint.stack.code.scope import Scope
from wslint.stack.code.values import ExternalValue, Frame, FunctionValue
from wslint.stack.model import Stack

MODEL_MODULES = frozenset(
    {
        "django.contrib.admin.models",
        "django.contrib.auth.admin",
        "django.contrib.auth.backends",
        "django.contrib.auth.base_user",
        "django.contrib.auth.forms",
        "django.contrib.auth.models",
        "django.contrib.auth.views",
        "django.contrib.contenttypes.fields",
        "django.contrib.contenttypes.models",
        "django.contrib.flatpages.models",
        "django.contrib.redirects.models",
        "django.contrib.sessions.models",
        "django.contrib.sites.models",
        "rest_framework.authtoken.models",
    }
)
"""Installed modules that raise AppRegistryNotReady when they are imported too early."""

MODEL_BASES = ("django.db.models.Model", "django.db.models.base.Model")
MODEL_CALLS = frozenset({"django.contrib.auth.get_user_model", "django.apps.apps.get_model"})
SETUP_CALLS = known.GET_ASGI_APPLICATION | known.GET_WSGI_APPLICATION | {"django.setup"}
SETUP_MODULES = frozenset({"configurations.asgi", "configurations.wsgi"})
"""Installed modules that set Django up when they are imported."""

BROAD = ("AppRegistryNotReady", "Exception", "BaseException", "RuntimeError")
MAX_DEPTH = 40


@dataclass(eq=False)
class Reached:
    """A model that code needs before Django is set up; `through` are the modules on the way to it."""

    what: str
    location: Location
    through: tuple[str, ...]


@dataclass(eq=False)
class Ready:
    """Django is set up from here on, or may be."""


Event = Reached | Ready


class Startup:
    """One process start: every module runs once."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.ran: set[str] = set()
        self.entered: set[int] = set()
        self.depth = 0

    def early(self, module: Module) -> Iterator[tuple[m.Stmt, Reached]]:
        """The statements of a module that reach a model before Django is set up, each with the first model it needs."""
        self.ran.add(module.path)
        place = _Place(module.scope, self.stack.values.module_frame(module), ())
        for package in self._packages(module):
            for event in self._module(package, ()):
                if isinstance(event, Ready):
                    return
        for statement in module.facts.body:
            found: Reached | None = None
            for event in self._statement(statement, place):
                if isinstance(event, Ready):
                    if found is not None:
                        yield statement, found
                    return
                found = found or event
            if found is not None:
                yield statement, found

    def _packages(self, module: Module) -> Iterator[Module]:
        """The packages that are imported before a module."""
        parts = module.name.split(".")[:-1]
        for count in range(1, len(parts) + 1):
            package = self.stack.modules.find(".".join(parts[:count]), module.path)
            if package is not None and package is not module:
                yield package

    def _module(self, module: Module, through: tuple[str, ...]) -> Iterator[Event]:
        if module.path in self.ran or self.depth > MAX_DEPTH:
            return
        self.ran.add(module.path)
        for package in self._packages(module):
            yield from self._module(package, through)
        place = _Place(module.scope, self.stack.values.module_frame(module), (*through, module.name))
        yield from self._deeper(module.facts.body, place)

    def _deeper(self, body: Iterable[m.Stmt], place: _Place) -> Iterator[Event]:
        self.depth += 1
        try:
            yield from self._block(body, place)
        finally:
            self.depth -= 1

    def _block(self, body: Iterable[m.Stmt], place: _Place) -> Iterator[Event]:
        for statement in body:
            yield from self._statement(statement, place)

    def _statement(self, node: m.Stmt, place: _Place) -> Iterator[Event]:
        match node:
            case m.Import():
                yield from self._import(node, place)
            case m.ClassDef():
                yield from self._class(node, place)
            case m.FunctionDef():
                pass
            case m.If():
                yield from self._calls((node.test,), place)
                if not _is_type_checking(node.test):
                    yield from _only_ready(self._block(node.body, place))
                yield from _only_ready(self._block(node.orelse, place))
            case m.Try():
                guarded = any(_is_broad(handler.exception) for handler in node.handlers)
                events = self._block(node.body, place)
                yield from _only_ready(events) if guarded else events
                for handler in node.handlers:
                    yield from _only_ready(self._block(handler.body, place))
                yield from self._block((*node.orelse, *node.finalbody), place)
            case m.With():
                suppressed = any(_suppresses(item.value) for item in node.items)
                events = self._block(node.body, place)
                yield from _only_ready(events) if suppressed else events
            case m.For() | m.While():
                yield from _only_ready(self._block((*node.body, *node.orelse), place))
            case m.Match():
                for case in node.cases:
                    yield from _only_ready(self._block(case.body, place))
            case _:
                yield from self._calls((node,), place)

    def _class(self, node: m.ClassDef, place: _Place) -> Iterator[Event]:
        cls = self.stack.values.cls(node, place.scope)
        if cls.derives_from(*MODEL_BASES):
            yield Reached(f"{cls.module.name}.{cls.name}", cls.location, place.through)
        inner = _Place(cls.scope_inside, cls.frame, place.through)
        yield from self._block(node.body, inner)

    # --- imports ---

    def _import(self, node: m.Import, place: _Place) -> Iterator[Event]:
        module = place.scope.module
        modules = self.stack.modules
        for dotted in self._dotted(node, module):
            if dotted in SETUP_MODULES:
                yield Ready()
            found = modules.find(dotted, module.path)
            if found is not None:
                yield from self._module(found, place.through)
            elif dotted in MODEL_MODULES and not modules.is_project(dotted, module.path):
                yield Reached(dotted, place.frame.at(node), place.through)

    def _dotted(self, node: m.Import, module: Module) -> Iterator[str]:
        """The modules that an import statement may load, in order."""
        if node.module is None and not node.level:
            for imported in node.names:
                yield imported.name
            return
        source = self.stack.modules.absolute(module, node)
        yield source
        found = self.stack.modules.find(source, module.path)
        for imported in node.names:
            if imported.name != "*" and (found is None or imported.name not in found.scope.bindings):
                yield f"{source}.{imported.name}"

    # --- calls ---

    def _calls(self, nodes: tuple[m.Expr, ...] | tuple[m.Stmt, ...], place: _Place) -> Iterator[Event]:
        for call in (call for node in nodes for call in _evaluated(node)):
            for callee in self.stack.values.of(call.func, place.frame):
                if isinstance(callee, ExternalValue):
                    if callee.dotted in SETUP_CALLS or callee.dotted.startswith("configurations."):
                        yield Ready()
                    elif callee.dotted in MODEL_CALLS:
                        yield Reached(f"{callee.dotted.rpartition('.')[2]}()", place.frame.at(call), place.through)
                elif isinstance(callee, FunctionValue):
                    yield from self._function(callee, place)
                elif _says_setup(call.func):
                    yield Ready()

    def _function(self, function: FunctionValue, place: _Place) -> Iterator[Event]:
        node = function.node
        if not isinstance(node, m.FunctionDef) or id(node) in self.entered or self.depth > MAX_DEPTH:
            return
        self.entered.add(id(node))
        scope = function.frame.scope.child(node)
        yield from self._deeper(node.body, _Place(scope, self.stack.values.frame(scope), place.through))


@dataclass(eq=False)
class _Place:
    """Where statements run, and through which imports it came to that."""

    scope: Scope
    frame: Frame
    through: tuple[str, ...] = field(default=())


def _evaluated(node: m.Node) -> Iterator[m.Call]:
    """The calls that a statement or expression makes, in the order in which they run."""
    if isinstance(node, (m.FunctionDef, m.ClassDef, m.Lambda)):
        return
    for child in children(node):
        yield from _evaluated(child)
    if isinstance(node, m.Call):
        yield node


def _only_ready(events: Iterator[Event]) -> Iterator[Event]:
    """Of code that may not run only a set-up counts."""
    return (event for event in events if isinstance(event, Ready))


def _is_type_checking(test: m.Expr) -> bool:
    return (isinstance(test, m.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, m.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _is_broad(exception: m.Expr | None) -> bool:
    """Does a handler catch AppRegistryNotReady?"""
    if isinstance(exception, m.Sequence):
        return any(_is_broad(item) for item in exception.items)
    return exception is None or last_name(exception) in BROAD


def _suppresses(manager: m.Expr) -> bool:
    return (
        isinstance(manager, m.Call)
        and last_name(manager.func) == "suppress"
        and any(_is_broad(arg.value) for arg in manager.args)
    )


def _says_setup(func: m.Expr) -> bool:
    """By its name a function that may set Django up."""
    return "setup" in last_name(func).lower()
