"""What is put into a dict or a list behind its making, and what of its first values is left then."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.stack.code.changes import Change, changes
from wslint.stack.code.scope import Scope
from wslint.stack.code.values import CallValue, Display, Frame, Unknown, Value, Values
from wslint.stack.groups.sends import keeps

_GROWING = frozenset({"append", "insert", "extend", "sort", "reverse", "setdefault"})
"""Methods that leave the values that are there."""


class Later:
    """The changes of a dict or list, under the names that it has where it is made and where it is read.

    `gone` are the keys whose first value does not last, `deeper` those of them in whose value something is changed,
    `values` what is put in (of one key the last). `unclear` says that nothing is known of the first values: a loop or a
    function may have replaced them.
    """

    def __init__(self, values: Values, made: Value, read: m.Expr, frame: Frame) -> None:
        self.gone: set[object] = set()
        self.unclear = False
        self.deeper: set[object] = set()
        self._put: dict[object, tuple[m.Expr, Frame]] = {}
        for scope, name, home in _names(made, read, frame):
            for change in changes(scope, name):
                if change.kind != "given":
                    self._apply(values, change, home)
                elif not _is_reading(change, read) and not keeps(values, change, name):
                    self.unclear = True
            self.unclear = self.unclear or _loops_change(values, scope, name)

    @property
    def values(self) -> list[tuple[m.Expr, Frame]]:
        return list(self._put.values())

    def _apply(self, values: Values, change: Change, frame: Frame) -> None:
        match change:
            case Change(kind="set" | "delete" | "deeper", index=index, value=value) if index is not None:
                key: object = values.constant(index, frame)
                if isinstance(key, Unknown):
                    self.unclear = True
                    key = id(index)
                else:
                    self.gone.add(key)
                    self._put.pop(key, None)
                if change.kind == "deeper":
                    self.deeper.add(key)
                if change.kind == "set" and value is not None and change.scope is frame.scope:
                    self._put[key] = value, frame
            case Change(kind="update", call=m.Call(args=args)) if all(arg.keyword for arg in args):
                for arg in args:
                    self.gone.add(arg.keyword)
                    self._put[arg.keyword] = arg.value, frame
            case Change(kind=kind) if kind not in _GROWING:
                self.unclear = True
            case _:
                pass


def _names(made: Value, read: m.Expr, frame: Frame) -> Iterator[tuple[Scope, str, Frame]]:
    if not isinstance(made, (Display, CallValue)):
        return
    home = made.frame
    names = home.scope.names_of(made.node)
    yield from ((home.scope, name, home) for name in names)
    owner = frame.scope.owner(read.id) if isinstance(read, m.Name) else None
    if owner is frame.scope and isinstance(read, m.Name) and (owner is not home.scope or read.id not in names):
        yield frame.scope, read.id, frame


def _loops_change(values: Values, scope: Scope, name: str) -> bool:
    """Is there a loop over a list whose items it changes?"""
    for node in within(scope.body):
        match node:
            case m.For(iterable=m.Name(id=found), target=m.Name(id=item)) if found == name:
                if any(change.kind != "given" or not keeps(values, change, item) for change in changes(scope, item)):
                    return True
            case _:
                pass
    return False


def _is_reading(given: Change, read: m.Expr) -> bool:
    """Is it the call for which the value is read?"""
    return given.call is not None and any(arg.value is read for arg in given.call.args)
