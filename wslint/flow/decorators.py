"""What a decorator makes of a method: itself, a wrapper of the project that can be read, or something unknown."""

from __future__ import annotations

from dataclasses import dataclass

from wslint.facts import model as m
from wslint.location import Location
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.values import Bound, CallValue, ClassValue, ExternalValue, Frame, FunctionValue, Values

KEEPS_MEANING = frozenset(
    {
        "asgiref.sync.async_to_sync",
        "asgiref.sync.sync_to_async",
        "channels.db.database_sync_to_async",
        "builtins.staticmethod",
        "builtins.classmethod",
        "builtins.property",
        "functools.wraps",
        "functools.cached_property",
        "functools.cache",
        "functools.lru_cache",
        "django.utils.functional.cached_property",
        "django.db.transaction.atomic",
        "contextlib.contextmanager",
        "contextlib.asynccontextmanager",
        "typing.override",
        "typing.final",
        "typing.no_type_check",
        "typing_extensions.override",
        "abc.abstractmethod",
    }
)
"""Decorators under which a method does what its body says."""


@dataclass(eq=False, frozen=True)
class Undecorated(FunctionValue):
    """A function as a decorator is given it."""


class Function(Method):
    """A function that is no method of the consumer's class: a module's, a nested one, a decorator's wrapper."""

    def __init__(self, value: FunctionValue, owner: Class) -> None:
        assert isinstance(value.node, m.FunctionDef)
        super().__init__(value.node, owner)
        self.value = value
        self.__dict__["scope"] = value.frame.scope.child(value.node)
        self.__dict__["frame"] = owner.values.frame(self.scope)

    @property
    def undecorated(self) -> bool:
        """Is it meant without its decorators?"""
        return isinstance(self.value, Undecorated)

    @property
    def path(self) -> str:
        return self.value.frame.path

    @property
    def location(self) -> Location:
        return Location(self.path, self.node.name_span)

    def at(self, node: m.Node) -> Location:
        return Location(self.path, node.span)


@dataclass(eq=False)
class Decorated:
    """What is run for a method: `method` (its own body, or a wrapper's, which calls it).

    `foreign`: a decorator from outside may call it in a way of its own; None: a decorator that cannot be read.
    """

    method: Method
    foreign: bool | None = False


def decorated(method: Method, values: Values) -> Decorated:
    """What a call of a method runs."""
    around = method.value.frame if isinstance(method, Function) else method.owner.frame
    found = Decorated(method)
    for decorator in reversed(method.node.decorators):
        if _keeps(decorator, around, values):
            continue
        if isinstance(decorator, m.Attribute) and decorator.attr in ("setter", "getter", "deleter"):
            continue
        made = _applied(decorator, found.method, around, values)
        if made is None:
            value = values.one(decorator.func if isinstance(decorator, m.Call) else decorator, around)
            return Decorated(method, True if isinstance(value, ExternalValue) else None)
        found = Decorated(made)
    return found


def _applied(decorator: m.Expr, method: Method, around: Frame, values: Values) -> Method | None:
    """What a decorator of the project returns for a method."""
    value = values.one(decorator, around)
    if not isinstance(value, FunctionValue) or not isinstance(value.node, m.FunctionDef) or not value.node.params:
        return None
    frame = method.value.frame if isinstance(method, Function) else around
    given = Undecorated(method.node, frame, None, method.owner)
    scope = value.frame.scope.child(value.node)
    inner = Frame(scope, {value.node.params[0].name: Bound(None, around, given)}, value.frame, value.owner)
    returned = list(values.returned(value, inner))
    made = returned[0] if len(returned) == 1 else None
    if isinstance(made, CallValue) and made.dotted in KEEPS_MEANING and made.node.args:
        made = values.one(made.node.args[0].value, made.frame)
    if not isinstance(made, FunctionValue):
        return None
    if made.node is method.node:
        return method
    if not isinstance(made.node, m.FunctionDef):
        return None
    wrapper = decorated(Function(made, method.owner), values)
    return wrapper.method if wrapper.foreign is False else None


def _keeps(decorator: m.Expr, around: Frame, values: Values) -> bool:
    """A decorator under which a method does what its body says."""
    value = values.one(decorator.func if isinstance(decorator, m.Call) else decorator, around)
    if isinstance(value, ClassValue):
        return value.cls.derives_from("asgiref.sync.SyncToAsync", "channels.db.DatabaseSyncToAsync")
    return isinstance(value, ExternalValue) and value.dotted in KEEPS_MEANING
