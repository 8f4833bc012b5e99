"""The order of the middleware around a consumer: who needs a scope key before somebody else has set it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.knowledge import channels as known
from wslint.location import Edit, Location
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.scopekeys import sure_reads_of
from wslint.stack.model import Mount, Wrapper

NEEDS = {known.AUTH_MIDDLEWARE: "session", known.SESSION_MIDDLEWARE: "cookies"}
"""What Channels' own parts raise ValueError without."""


@dataclass(eq=False, frozen=True)
class Misplaced:
    """A wrapper that needs a key; `setter` is the wrapper inside it that sets the key, None when nothing does.

    `read` is where the project's own middleware reads it, `there` are the keys that it finds.
    """

    wrapper: Wrapper
    key: str
    setter: Wrapper | None
    read: Location | None
    mount: Mount
    there: frozenset[str]

    @property
    def swap(self) -> tuple[Edit, Edit] | None:
        """Edits that exchange the two names, where one call is the only argument of the other and that mends it."""
        if self.setter is not None and NEEDS.get(self.setter.dotted or "", "type") not in self.there:
            return None
        outer, inner = self.wrapper.call, None if self.setter is None else self.setter.call
        if outer is None or inner is None or len(outer.args) != 1 or outer.args[0].value is not inner:
            return None
        if not isinstance(outer.func, m.Name) or not isinstance(inner.func, m.Name) or len(inner.args) != 1:
            return None
        at = self.wrapper.frame.at
        return Edit(at(outer.func), inner.func.id), Edit(at(inner.func), outer.func.id)


def misplaced(guards: Guards) -> Iterator[Misplaced]:
    """The first one of every chain that can be read from the outside."""
    for entry in guards.entries:
        for mount in entry.mounts:
            found = _first(entry.chain(mount), mount, guards)
            if found is not None:
                yield found


def _first(chain: tuple[Wrapper, ...], mount: Mount, guards: Guards) -> Misplaced | None:
    there = set(known.ASGI_SCOPE_KEYS)
    for index, wrapper in enumerate(chain):
        keys = guards.keys_set(wrapper)
        for key, read in _needs(wrapper, guards):
            if key in there:
                continue
            setter = next((one for one in chain[index + 1 :] if key in (guards.keys_set(one) or ())), None)
            if setter is not None or read is None:
                return Misplaced(wrapper, key, setter, read, mount, frozenset(there))
        if keys is None:
            return None
        there |= keys
    return None


def _needs(wrapper: Wrapper, guards: Guards) -> Iterator[tuple[str, Location | None]]:
    if wrapper.dotted in NEEDS:
        yield NEEDS[wrapper.dotted], None
    gate = guards.gate_of(wrapper)
    if gate is not None and guards.keys_set(wrapper) is not None:
        for read in sure_reads_of(gate.codes, guards):
            yield read.key, read.location
