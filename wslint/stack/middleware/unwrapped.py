"""Websocket routes that a token middleware of the project does not guard though it was written for them (WS602)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.walk import children
from wslint.location import Location
from wslint.stack.middleware.gates import Gate
from wslint.stack.middleware.guards import COOKIE_WRAPPERS, Entry, Guards
from wslint.stack.middleware.public import is_public
from wslint.stack.model import Bare, FunctionApp, Mount, Mounted, Placed, Route, Stack, Wrapper, is_test_path


@dataclass(eq=False)
class Unwrapped(Placed):
    """Routes outside a middleware; `route` None: the whole entry. `used` are the places where it is applied."""

    location: Location
    gate: Gate
    entry: Entry
    route: Route | None
    mounts: list[Mount]
    used: list[Location]

    @property
    def wrapping(self) -> str:
        """What the project itself wraps with: the one function that puts the middleware in a stack, else its name."""
        stacks = list(_stacks(self.gate))
        return stacks[0] if len(stacks) == 1 else self.gate.name


def _stacks(gate: Gate) -> Iterator[str]:
    """Functions and lambdas beside a middleware that wrap an application in it."""
    module = gate.guards.stack.modules.at(gate.path)
    for statement in module.facts.body if module is not None else ():
        holder = _holder(statement)
        if isinstance(statement, (m.FunctionDef, m.Assign)) and holder not in (None, gate.name):
            yield from [holder] if holder is not None and _names(statement, gate.name) else []


def unwrapped(stack: Stack) -> tuple[Unwrapped, ...]:
    """Every place, each once; made once per stack."""
    found = stack.__dict__.get("_unwrapped")
    if not isinstance(found, tuple):
        found = stack.__dict__["_unwrapped"] = tuple(_places(Guards.of(stack)))
    return found


def unwrapped_mounts(stack: Stack) -> frozenset[int]:
    """The ids of the leaves that WS602 speaks about."""
    return frozenset(id(mount.leaf) for place in unwrapped(stack) for mount in place.mounts)


def _places(guards: Guards) -> Iterator[Unwrapped]:
    gates = guards.authenticators
    if not gates or not guards.entries:
        return
    if any(_unreadable(entry, mount, guards) for entry in guards.entries for mount in entry.mounts):
        return
    uses = {id(gate): _uses(gate, guards) for gate in gates}
    applied = [gate for gate in gates if uses[id(gate)]]
    seen: set[Location] = set()
    for gate in applied or [gate for gate in gates if not _is_named_elsewhere(gate, guards.stack)]:
        for entry in guards.entries:
            for place in _outside(gate, entry, uses[id(gate)], gates, guards):
                if place.location not in seen:
                    seen.add(place.location)
                    yield place


def _uses(gate: Gate, guards: Guards) -> list[Location]:
    return [
        wrapper.location for wrapper in guards.stack.wrappers if gate.is_in(wrapper) and not is_test_path(wrapper.path)
    ]


def _unreadable(entry: Entry, mount: Mount, guards: Guards) -> bool:
    """Could the middleware be in a part that cannot be read?"""
    return any(
        isinstance(wrapper, Wrapper) and wrapper.dotted is None and wrapper.cls is None and wrapper.function is None
        for wrapper in entry.chain(mount)
    ) or isinstance(mount.leaf, FunctionApp)


def _outside(
    gate: Gate, entry: Entry, used: list[Location], gates: tuple[Gate, ...], guards: Guards
) -> Iterator[Unwrapped]:
    outside: list[Mount] = []
    inside = 0
    for mounts in entry.alternatives:
        for mount in mounts:
            if _is_outside(entry, mount, bool(used), gates, guards):
                outside.append(mount)
            elif not _does_not_matter(mount, guards):
                inside += 1
    if not outside:
        return
    if not inside or not used:
        yield Unwrapped(entry.location, gate, entry, None, outside, used)
        return
    by_route: dict[int, tuple[Route | None, list[Mount]]] = {}
    for mount in outside:
        route = _outermost(mount, outside, entry)
        by_route.setdefault(id(route), (route, []))[1].append(mount)
    for route, mounts_of_route in by_route.values():
        location = entry.location if route is None else route.pattern_location
        yield Unwrapped(location, gate, entry, route, mounts_of_route, used)


def _is_outside(entry: Entry, mount: Mount, applied: bool, gates: tuple[Gate, ...], guards: Guards) -> bool:
    if _does_not_matter(mount, guards):
        return False
    for wrapper in entry.chain(mount):
        if any(gate.is_in(wrapper) for gate in gates):
            return False
        made = guards.gate_of(wrapper)
        if made is not None and (made.authenticates or made.verifies):
            return False
        names = {wrapper.dotted, *(wrapper.cls.externals if wrapper.cls else ())}
        if applied and names & COOKIE_WRAPPERS:
            return False
        if guards.keys_set(wrapper) is None:
            return False
    return mount.consumer is None or not guards.checks_token(mount.consumer)


def _does_not_matter(mount: Mount, guards: Guards) -> bool:
    """No consumer that is known, one that refuses everybody, or one that is public on purpose."""
    if not isinstance(mount.leaf, (Mounted, Bare)) or mount.consumer is None:
        return True
    return guards.never_accepts(mount.consumer) or is_public(mount, guards.stack.config.public_routes)


def _outermost(mount: Mount, outside: list[Mount], entry: Entry) -> Route | None:
    """The outermost route under which nothing is inside the middleware."""
    out = {id(other) for other in outside}
    for route in mount.routes:
        if all(id(other) in out for other in entry.mounts if route in other.routes):
            return route
    return mount.routes[-1] if mount.routes else None


def _is_named_elsewhere(gate: Gate, stack: Stack, depth: int = 0, name: str | None = None) -> bool:
    """Is a middleware that no chain holds used in some way that cannot be followed?

    Its own file's functions and lambdas that build a stack from it count only when they are used themselves.
    """
    name = name or gate.name
    if depth > 4:
        return True
    for path in sorted(mentions(stack.tree, (name.encode(),), stack.files)):
        if is_test_path(path):
            continue
        for statement in stack.files[path].body:
            holder = _holder(statement)
            if isinstance(statement, m.Import) or holder == name or not _names(statement, name):
                continue
            if holder is None or _is_named_elsewhere(gate, stack, depth + 1, holder):
                return True
    return False


def _holder(statement: m.Stmt) -> str | None:
    """The name under which a top-level statement keeps what it uses."""
    match statement:
        case m.FunctionDef(name=name):
            return name
        case m.ClassDef(name=name):
            return name
        case m.Assign(targets=(m.Name(id=name),), value=m.Lambda()):
            return name
        case _:
            return None


def _names(node: m.Node, name: str) -> bool:
    """Is a name read somewhere in a statement, imports left out?"""
    work: list[m.Node] = [node]
    while work:
        found = work.pop()
        if isinstance(found, m.Name) and found.id == name:
            return True
        if isinstance(found, m.Attribute) and found.attr == name:
            return True
        if not isinstance(found, m.Import):
            work.extend(children(found))
    return False
