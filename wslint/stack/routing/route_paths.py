"""Which paths a route of a URLRouter takes, and in which order routes are tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from wslint.facts import model as m
from wslint.knowledge.channels import SCOPE_KEYS
from wslint.stack.code.changes import changes
from wslint.stack.code.languages import Language, NoAnswer
from wslint.stack.code.values import CallValue, Display, Frame, Grown, Value, argument
from wslint.stack.model import Stack
from wslint.stack.routing.application import App, DjangoApp, Mounted, Route, Router, Wrapper

CONVERTERS = {
    "int": "[0-9]+",
    "str": "[^/]+",
    "slug": "[-a-zA-Z0-9_]+",
    "uuid": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    "path": ".+",
}
"""What the converters of `path()` take (django.urls.converters)."""

MAX_DEPTH = 12

_HOLE = re.compile(r"<(?:(?P<converter>[^>:]+):)?\w+>")


def paths_of(route: Route) -> Language | None:
    """The paths that a route takes, as URLRouter tries it; None when that cannot be known.

    Django takes a regular expression that ends in `$` with `fullmatch`, any other with `search`; a nested router's
    route is a prefix.
    """
    if route.pattern is None or not route.targets:
        return None
    nested = [isinstance(target, Router) for target in route.targets]
    if any(nested) and not all(nested):
        return None
    if route.function != "path":
        return language(route.pattern, whole=route.pattern.endswith("$") and not any(nested))
    expression = _expression(route.pattern)
    if expression is None:
        return None
    return language(f"^{expression}" if any(nested) else f"^{expression}$", whole=False)


def meant_by(route: Route) -> Language | None:
    """The paths that a route takes when nothing stands before or after what it says."""
    if route.pattern is None:
        return None
    expression = route.pattern if route.function != "path" else _expression(route.pattern)
    return None if expression is None else language(expression, whole=True)


@lru_cache(maxsize=512)
def language(expression: str, *, whole: bool) -> Language | None:
    """The language of an expression; None when it has what no automaton can express."""
    try:
        return Language(expression, whole=whole)
    except NoAnswer:
        return None


def _expression(pattern: str) -> str | None:
    """The regular expression that `path()` makes of a pattern; None when it has a converter of the project."""
    parts: list[str] = []
    at = 0
    for hole in _HOLE.finditer(pattern):
        taken = CONVERTERS.get(hole["converter"] or "str")
        if taken is None:
            return None
        parts += [re.escape(pattern[at : hole.start()]), taken]
        at = hole.end()
    return "".join([*parts, re.escape(pattern[at:])])


def is_served(app: App) -> bool:
    """Does a route end with an application: is a path that the route takes surely not handed to later routes?"""
    match app:
        case Mounted() | DjangoApp():
            return True
        case Wrapper(dotted=dotted, cls=cls, inner=inner):
            return (dotted in SCOPE_KEYS or cls is not None) and all(is_served(each) for each in inner)
        case _:
            return False


def ordered(stack: Stack, router: Router) -> list[Route]:
    """The routes that a router surely tries, first to last; those in doubt are left out."""
    listed = argument(router.call, 0, "routes")
    by_call = {id(route.call): route for route in router.routes}
    values = () if listed is None else _items(stack, listed, router.frame, 0)
    return [by_call[id(value.node)] for value in values if isinstance(value, CallValue) and id(value.node) in by_call]


def _items(stack: Stack, expr: m.Expr, frame: Frame, depth: int) -> Iterator[Value]:
    """The items of a list that is surely what an expression gives, `+`, `*` and `+=` included."""
    if depth < MAX_DEPTH:
        yield from _of(stack, stack.values.one(expr, frame), depth)


def _of(stack: Stack, value: Value, depth: int) -> Iterator[Value]:
    match value:
        case Display(node=m.Sequence(items=items) as node, frame=frame):
            for item in () if _is_reordered(node, frame) else items:
                if isinstance(item, m.Starred):
                    yield from _items(stack, item.value, frame, depth + 1)
                else:
                    yield stack.values.one(item, frame)
        case Display(node=m.BinaryOp(op="+", left=left, right=right), frame=frame):
            for side in (left, right):
                yield from _items(stack, side, frame, depth + 1)
        case Grown(node=m.AugmentedAssign(target=m.Name(id=name), op="+", value=added) as node, frame=frame):
            priors = list(stack.values.name(name, frame, node.span))
            if len(priors) == 1 and depth < MAX_DEPTH:
                yield from _of(stack, priors[0], depth + 1)
            yield from _items(stack, added, frame, depth + 1)
        case _:
            pass


def _is_reordered(node: m.Sequence, frame: Frame) -> bool:
    """Is the list that a display makes sorted, reversed or the like afterwards?"""
    kept = ("append", "extend", "insert", "given")
    names = frame.scope.names_of(node)
    return any(change.kind not in kept for name in names for change in changes(frame.scope, name))
