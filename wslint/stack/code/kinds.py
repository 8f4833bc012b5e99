"""What an expression can turn out to be: the kinds of values, and the frames in which expressions are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wslint.facts import model as m
from wslint.location import Location, Span

if TYPE_CHECKING:
    from wslint.stack.code.classes import Class
    from wslint.stack.code.link import Module
    from wslint.stack.code.scope import Scope


@dataclass(eq=False)
class Frame:
    """Where an expression is read: a scope and, inside an inlined call, what its parameters are."""

    scope: Scope
    arguments: Mapping[str, Bound] = field(default_factory=dict)
    parent: Frame | None = None
    owner: Class | None = None

    @property
    def module(self) -> Module:
        return self.scope.module

    @property
    def path(self) -> str:
        return self.scope.module.path

    def at(self, node: m.Node | Span) -> Location:
        """The location of a node that stands in this frame's file."""
        return Location(self.path, node if isinstance(node, Span) else node.span)


@dataclass(eq=False, frozen=True)
class Bound:
    """An argument: an expression and the frame it is read in, or a value (for `self`)."""

    expr: m.Expr | None
    frame: Frame
    value: Value | None = None


@dataclass(eq=False, frozen=True)
class Literal:
    """A literal of the source."""

    node: m.Constant
    frame: Frame

    @property
    def value(self) -> bool | int | float | str | None:
        return self.node.value


@dataclass(eq=False, frozen=True)
class Display:
    """An expression with structure: dict, list, f-string, operation, comprehension …"""

    node: m.Expr
    frame: Frame


@dataclass(eq=False, frozen=True)
class ClassValue:
    cls: Class


@dataclass(eq=False, frozen=True)
class FunctionValue:
    """A function, method or lambda of the project; `receiver` is what it is bound to."""

    node: m.FunctionDef | m.Lambda
    frame: Frame
    receiver: Value | None = None
    owner: Class | None = None

    @property
    def name(self) -> str:
        return self.node.name if isinstance(self.node, m.FunctionDef) else "<lambda>"


@dataclass(eq=False, frozen=True)
class ModuleValue:
    module: Module


@dataclass(eq=False, frozen=True)
class ExternalValue:
    """A dotted name outside the project."""

    dotted: str


@dataclass(eq=False, frozen=True)
class CallValue:
    """The result of a call that cannot be followed: an instance of a class, an external call, an unknown one."""

    callee: Value
    node: m.Call
    frame: Frame

    @property
    def dotted(self) -> str | None:
        """The dotted name of an external callee."""
        return self.callee.dotted if isinstance(self.callee, ExternalValue) else None


@dataclass(eq=False, frozen=True)
class SelfValue:
    """An instance of a project class, as its own methods see it (`self`)."""

    cls: Class


@dataclass(eq=False, frozen=True)
class AttributeValue:
    """An attribute of something that is not known further: `value.attr`."""

    value: Value
    attr: str
    node: m.Attribute
    frame: Frame


@dataclass(eq=False, frozen=True)
class Grown:
    """A list or string after `name += value`."""

    name: str
    node: m.AugmentedAssign
    frame: Frame


@dataclass(eq=False, frozen=True)
class Parameter:
    """A parameter of a function whose caller is not known."""

    node: m.Parameter
    frame: Frame


@dataclass(eq=False, frozen=True)
class Unknown:
    """No answer."""

    node: m.Node | None = None


Value = (
    Literal
    | Display
    | ClassValue
    | FunctionValue
    | ModuleValue
    | ExternalValue
    | CallValue
    | SelfValue
    | AttributeValue
    | Grown
    | Parameter
    | Unknown
)


def argument(call: m.Call, position: int, keyword: str | None = None) -> m.Expr | None:
    """The expression given for a positional or keyword parameter; None when absent or hidden behind stars."""
    index, hidden = 0, False
    for arg in call.args:
        if arg.star:
            hidden = hidden or arg.star == "*"
        elif arg.keyword is not None:
            if arg.keyword == keyword:
                return arg.value
        elif not hidden and index == position:
            return arg.value
        else:
            index += 1
    return None


def distinct(values: Iterable[Value]) -> Iterator[Value]:
    """Each value once; unknown ones are all the same."""
    seen: set[object] = set()
    for value in values:
        key: object
        match value:
            case Unknown():
                key = "unknown"
            case ExternalValue():
                key = value.dotted
            case ClassValue() | SelfValue():
                key = (type(value), id(value.cls))
            case ModuleValue():
                key = id(value.module)
            case Literal():
                key = id(value.node)
            case Display() | CallValue() | FunctionValue() | Grown() | Parameter():
                key = (id(value.node), id(value.frame))
            case _:
                key = id(value)
        if key not in seen:
            seen.add(key)
            yield value
