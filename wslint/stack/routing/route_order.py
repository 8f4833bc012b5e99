"""Routes that take the paths of later ones, because URLRouter takes the first that matches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

from wslint.stack.code.languages import Language, NoAnswer, witness
from wslint.stack.model import Stack
from wslint.stack.routing.application import Mounted, Route, Wrapper
from wslint.stack.routing.route_paths import is_served, meant_by, ordered, paths_of


def shadows(stack: Stack) -> Iterator[tuple[Route, Route]]:
    """Pairs of routes of one router where the earlier takes every path of the later."""
    for earlier, later in _pairs(stack):
        taken, paths = paths_of(earlier), paths_of(later)
        if taken is not None and paths is not None and _contains(taken, paths):
            yield earlier, later


def overlaps(stack: Stack) -> Iterator[tuple[Route, Route, str]]:
    """Pairs where the earlier, an expression with no anchor, takes a path that is meant for the later; and such a path.

    It would not take that path with `^` and `$`. A route that shadows another is none of them.
    """
    shadowing = {id(earlier) for earlier, _ in shadows(stack)}
    for earlier, later in _pairs(stack):
        pattern = earlier.pattern or "^"
        if earlier.function == "path" or id(earlier) in shadowing or pattern[0] == "^" or pattern[-1] == "$":
            continue
        taken, meant, other = paths_of(earlier), meant_by(earlier), meant_by(later)
        if taken is None or meant is None or other is None or other.crosses:
            continue
        path = _example([taken, other], meant)
        if path:
            yield earlier, later, path


def _pairs(stack: Stack) -> Iterator[tuple[Route, Route]]:
    """A route that serves what it takes, and a later one of the same router that leads somewhere else."""
    for router in stack.routers:
        if router.in_tests:
            continue
        for earlier, later in combinations(ordered(stack, router), 2):
            served = bool(earlier.targets) and all(is_served(target) for target in earlier.targets)
            if served and earlier is not later and not _same(earlier, later):
                yield earlier, later


def _same(earlier: Route, later: Route) -> bool:
    """Does it make no difference which of two routes is taken?"""
    ends = [_ends(route) for route in (earlier, later)]
    return None not in ends[0] and ends[0] == ends[1] and earlier.captures == later.captures


def _ends(route: Route) -> set[int | None]:
    """The consumer classes that a route leads to; None among them for anything else."""
    found: set[int | None] = set()
    for target in route.targets:
        while isinstance(target, Wrapper) and len(target.inner) == 1:
            target = target.inner[0]
        found.add(id(target.cls) if isinstance(target, Mounted) and target.cls is not None else None)
    return found


def _contains(taken: Language, paths: Language) -> bool:
    path = _first(paths)
    return path is not None and taken.takes(path) and _example([paths], taken) is None


@lru_cache(maxsize=512)
def _first(paths: Language) -> str | None:
    """A shortest path of a route; None when it takes none."""
    return _example([paths])


def _example(takes: list[Language], avoids: Language | None = None) -> str | None:
    """A path that some languages take and another does not; an empty one when that is not known."""
    try:
        return witness(takes, avoids)
    except NoAnswer:
        return ""
