"""What stands where URLRouter wants a list of routes or a route, and how Python refuses it (R14)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.knowledge.channels import CHANNELS_CONSUMERS, INCLUDE, PATH_FUNCTIONS, URL_ROUTER
from wslint.location import Location
from wslint.stack.code.lists import Lists
from wslint.stack.code.values import (
    AttributeValue,
    CallValue,
    ClassValue,
    Display,
    ExternalValue,
    Frame,
    FunctionValue,
    Grown,
    Literal,
    ModuleValue,
    Value,
    argument,
)
from wslint.stack.model import Stack
from wslint.stack.routing.application import Router

JOIN, GIVE, UNPACK, WRITE = (
    "join the lists: `URLRouter([*first, *second])`",
    "give it one list of routes",
    "unpack it: `*…`",
    "write `path(…)` or `re_path(…)`",
)


@dataclass(frozen=True)
class Wrong:
    """Something that URLRouter cannot take: where it stands, what it is, how to mend it and what Python says."""

    location: Location
    message: str
    hint: str
    error: str


def wrongs(stack: Stack, router: Router) -> Iterator[Wrong]:
    """What is surely wrong with the arguments of a URLRouter."""
    args, frame = router.call.args, router.frame
    listed = argument(router.call, 0, "routes")
    if not _is_plain(stack, router) or any(arg.star for arg in args):
        return
    if listed is None:
        error = "TypeError: URLRouter.__init__() missing 1 required positional argument: 'routes'"
        yield Wrong(router.location, "is given no routes", GIVE, error)
    elif len(args) > 1:
        error = f"TypeError: URLRouter.__init__() takes 2 positional arguments but {len(args) + 1} were given"
        yield Wrong(frame.at(args[1]), "takes one list", JOIN, error)
    elif (whole := _all(_not_iterable(value) for value in stack.values.of(listed, frame))) is not None:
        yield Wrong(frame.at(listed), f"is given {whole[0]}", GIVE, whole[1])
    else:
        for item, inner in Lists(stack.values).of(listed, frame).items:
            wrong = _all(_no_route(stack, value) for value in stack.values.of(item, inner))
            if wrong is not None:
                hint = UNPACK if wrong[0] == _LIST else WRITE
                yield Wrong(inner.at(item), f"is given {wrong[0]} among its routes", hint, wrong[1])


_LIST = "a list"


def _is_plain(stack: Stack, router: Router) -> bool:
    """Is it Channels' own `__init__` that takes the arguments?"""
    callee = stack.values.one(router.call.func, router.frame)
    if isinstance(callee, ClassValue):
        return callee.cls.linked and callee.cls.method("__init__") is None
    return isinstance(callee, ExternalValue) and callee.dotted == URL_ROUTER


def _all(found: Iterable[tuple[str, str] | None]) -> tuple[str, str] | None:
    """What is wrong with something, if that is so whatever it turns out to be."""
    each = list(found)
    return each[0] if each and all(each) else None


def _not_iterable(value: Value) -> tuple[str, str] | None:
    """What a value is instead of a list, and the error."""
    match value:
        case ModuleValue(module=module):
            return f"the module `{module.name}`", "TypeError: 'module' object is not iterable"
        case CallValue() if value.dotted in PATH_FUNCTIONS:
            return "a single route", "TypeError: 'URLPattern' object is not iterable"
        case CallValue() if value.dotted == URL_ROUTER:
            return "a URLRouter", "TypeError: 'URLRouter' object is not iterable"
        case CallValue() if _is_application(value):
            return "a consumer", "TypeError: 'function' object is not iterable"
        case FunctionValue(node=m.FunctionDef(decorators=())):
            return f"the function `{value.name}`", "TypeError: 'function' object is not iterable"
        case Literal(value=str(text)) if text:
            return "a string", "AttributeError: 'str' object has no attribute 'callback'"
        case Display(node=m.Dict(items=(m.DictItem(key=m.Constant(value=str())), *_))):
            return "a dict", "AttributeError: 'str' object has no attribute 'callback'"
        case _:
            return None


def _no_route(stack: Stack, value: Value) -> tuple[str, str] | None:
    """What an item of the list is instead of a route, and the error."""
    match value:
        case Display(node=m.Sequence(kind=kind)) if kind in ("list", "tuple"):
            return _LIST, f"AttributeError: '{kind}' object has no attribute 'callback'"
        case Grown(node=node, frame=frame) if _is_list(stack, node, frame):
            return _LIST, "AttributeError: 'list' object has no attribute 'callback'"
        case CallValue() if value.dotted in INCLUDE:
            return "an `include()`", "AttributeError: 'tuple' object has no attribute 'callback'"
        case CallValue() if value.dotted == URL_ROUTER:
            return "a URLRouter", "AttributeError: 'URLRouter' object has no attribute 'callback'"
        case CallValue() if _is_application(value):
            return "a consumer", "AttributeError: 'function' object has no attribute 'callback'"
        case ModuleValue(module=module):
            return f"the module `{module.name}`", f"AttributeError: module '{module.name}' has no attribute 'callback'"
        case Literal(value=str()):
            return "a string", "AttributeError: 'str' object has no attribute 'callback'"
        case _:
            return None


def _is_application(value: CallValue) -> bool:
    """Is a value `Consumer.as_asgi()`, as Channels defines it?"""
    match value.callee:
        case AttributeValue(attr="as_asgi", value=ClassValue(cls=cls)):
            return cls.derives_from(*CHANNELS_CONSUMERS)
        case _:
            return False


def _is_list(stack: Stack, node: m.AugmentedAssign, frame: Frame) -> bool:
    """Is what `name += …` gives a list? It is when what it began with is one."""
    if not isinstance(node.target, m.Name):
        return False
    priors = list(stack.values.name(node.target.id, frame, node.span))
    return bool(priors) and all(isinstance(prior, Display) and isinstance(prior.node, m.Sequence) for prior in priors)
