"""What is done in place to the lists and dicts that variables hold: `.append()`, `[key] = …`, `.update()`, `del` …"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.stack.code.scope import Scope, scopes

if TYPE_CHECKING:
    from wslint.stack.code.link import Module

MUTATORS = frozenset(
    ("append", "insert", "extend", "remove", "pop", "clear", "sort", "reverse", "update", "setdefault", "popitem")
)


@dataclass(eq=False, frozen=True)
class Change:
    """One change of what a variable holds, and the scope it stands in.

    `kind` is a method's name, "set" (`x[index] = value`), "delete" (`del x[index]`), "deeper" (`x[index]…` is changed)
    or "given" (x is an argument of the call, which may change it).
    """

    kind: str
    scope: Scope
    call: m.Call | None = None
    index: m.Expr | None = None
    value: m.Expr | None = None


def changes(scope: Scope, name: str) -> list[Change]:
    """The changes of what a name of a scope holds, in source order, those in functions inside it too."""
    module: Module = scope.module
    if module.changes is None:
        module.changes = {}
        for inner in scopes(module):
            for changed, change in _changes(inner):
                owner = inner.owner(changed)
                if owner is not None:
                    module.changes.setdefault((id(owner), changed), []).append(change)
    return module.changes.get((id(scope), name), [])


def _changes(scope: Scope) -> Iterator[tuple[str, Change]]:
    for node in within(scope.body):
        match node:
            case m.Assign(targets=targets, value=value) if value is not None:
                for target in targets:
                    yield from _set(target, value, scope)
            case m.AugmentedAssign(target=m.Subscript() as target):
                yield from _set(target, None, scope)
            case m.Delete(targets=targets):
                for target in targets:
                    if isinstance(target, m.Subscript) and isinstance(target.value, m.Name):
                        yield target.value.id, Change("delete", scope, index=target.index)
            case m.Call(func=func, args=args):
                if isinstance(func, m.Attribute) and func.attr in MUTATORS:
                    if isinstance(func.value, m.Name):
                        yield func.value.id, Change(func.attr, scope, node)
                    elif isinstance(func.value, m.Subscript) and isinstance(func.value.value, m.Name):
                        yield func.value.value.id, Change("deeper", scope, node, func.value.index)
                for arg in args:
                    if isinstance(arg.value, m.Name) and not arg.star:
                        yield arg.value.id, Change("given", scope, node)
            case _:
                pass


def _set(target: m.Expr, value: m.Expr | None, scope: Scope) -> Iterator[tuple[str, Change]]:
    if isinstance(target, m.Sequence):
        for item in target.items:
            yield from _set(item, None, scope)
    elif isinstance(target, m.Subscript):
        if isinstance(target.value, m.Name):
            yield target.value.id, Change("set", scope, index=target.index, value=value)
        else:
            inner = target.value
            while isinstance(inner, m.Subscript) and not isinstance(inner.value, m.Name):
                inner = inner.value
            if isinstance(inner, m.Subscript) and isinstance(inner.value, m.Name):
                yield inner.value.id, Change("deeper", scope, index=inner.index, value=value)
