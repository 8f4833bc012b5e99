"""Exceptions: which handlers take them, as far as their classes are known."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from typing import NamedTuple

from wslint.facts import model as m
from wslint.flow.occurrence import Occurrence
from wslint.flow.state import State
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.values import CallValue, ClassValue, Display, ExternalValue, Frame, Values

BROAD = frozenset({"builtins.Exception", "builtins.BaseException"})
DENY, ACCEPT, STOP = (
    "channels.exceptions.DenyConnection",
    "channels.exceptions.AcceptConnection",
    "channels.exceptions.StopConsumer",
)


@dataclass(frozen=True)
class Error:
    """The class of an exception: dotted names of it and of its bases; not `complete` when it may have more."""

    names: frozenset[str]
    complete: bool


class Thrown(NamedTuple):
    """A path that leaves by an exception. `error` None: any. `node` None: some call may raise it."""

    state: State
    error: Error | None
    node: m.Node | None = None
    method: Method | None = None
    ending: Occurrence | None = None


ATTRIBUTE_ERROR = Error(
    frozenset({"builtins.AttributeError", "builtins.Exception", "builtins.BaseException"}), complete=True
)
ASSERTION_ERROR = Error(
    frozenset({"builtins.AssertionError", "builtins.Exception", "builtins.BaseException"}), complete=True
)


def error_of(expr: m.Expr, frame: Frame, values: Values) -> Error | None:
    """The class of what `raise expr` raises."""
    value = values.one(expr, frame)
    if isinstance(value, CallValue):
        value = value.callee
    if isinstance(value, ExternalValue):
        return _external(value.dotted)
    return _project(value.cls) if isinstance(value, ClassValue) else None


def _project(cls: Class) -> Error:
    bases = [_external(name) for name in cls.externals]
    names = {name_of(one) for one in cls.ancestry}.union(*(base.names for base in bases))
    return Error(frozenset(names), cls.linked and all(base.complete for base in bases))


def name_of(cls: Class) -> str:
    """A name for a class of the project that no external one has."""
    return f"{cls.path}:{cls.node.span.line}:{cls.name}"


def _external(dotted: str) -> Error:
    name = dotted.removeprefix("builtins.")
    found = getattr(builtins, name, None) if name != dotted else None
    if isinstance(found, type) and issubclass(found, BaseException):
        return Error(frozenset(f"builtins.{base.__name__}" for base in found.__mro__[:-1]), complete=True)
    bases, complete = _BASES.get(dotted, ("builtins.Exception", False))
    return Error(frozenset({dotted}) | _external(bases).names, complete)


_BASES = {
    DENY: ("builtins.Exception", True),
    ACCEPT: ("builtins.Exception", True),
    STOP: ("builtins.Exception", True),
    "asyncio.CancelledError": ("builtins.BaseException", True),
    "json.JSONDecodeError": ("builtins.ValueError", True),
    "json.decoder.JSONDecodeError": ("builtins.ValueError", True),
}
"""Exceptions outside the builtins, and the class they derive from; any other is an Exception of unknown kind."""


def catches(caught: m.Expr | None, error: Error | None, frame: Frame, values: Values) -> bool | None:
    """Does `except caught` (everything, when None) take an error? None when that cannot be known."""
    if caught is None:
        return True
    answers = [_catches(name, error) for name in _named(caught, frame, values)]
    if True in answers:
        return True
    return None if None in answers else False


def _catches(name: str | None, error: Error | None) -> bool | None:
    if error is None:
        return True if name in BROAD else None
    if name in error.names:
        return True
    return False if error.complete and name is not None else None


def _named(caught: m.Expr, frame: Frame, values: Values) -> list[str | None]:
    """The classes that a handler names; None for one that is unknown."""
    if isinstance(caught, m.Sequence):
        return [name for item in caught.items for name in _named(item, frame, values)]
    found: list[str | None] = []
    for value in values.of(caught, frame):
        match value:
            case ExternalValue(dotted=dotted):
                found.append(dotted)
            case ClassValue(cls=cls):
                found.append(name_of(cls))
            case Display(node=m.Sequence() as node):
                found += _named(node, value.frame, values)
            case _:
                found.append(None)
    return found


def guards_attributes(caught: m.Expr | None, frame: Frame, values: Values) -> bool:
    """Does a handler surely take an AttributeError?"""
    return catches(caught, ATTRIBUTE_ERROR, frame, values) is True
