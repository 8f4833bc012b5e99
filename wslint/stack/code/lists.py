"""Lists as they end up: displays, `+`, `*x`, `+=`, `.append()`, `.extend()`, through names and functions."""

from __future__ import annotations

from dataclasses import dataclass

from wslint.facts import model as m
from wslint.stack.code.bindings import Imported
from wslint.stack.code.changes import changes
from wslint.stack.code.scope import Scope
from wslint.stack.code.values import (
    CallValue,
    Display,
    ExternalValue,
    Frame,
    Grown,
    Literal,
    ModuleValue,
    Value,
    Values,
)

MAX_ITEMS = 2000
MAX_DEPTH = 12


@dataclass(eq=False)
class Items:
    """The items of a list that may be in it, in order; not `complete` when there may be others."""

    items: list[tuple[m.Expr, Frame]]
    complete: bool


class Lists:
    """Reads expressions as lists."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self._active: set[tuple[int, int]] = set()

    def of(self, expr: m.Expr, frame: Frame, depth: int = 0) -> Items:
        """The items of the list that an expression is."""
        out = Items([], True)
        if depth > MAX_DEPTH:
            return Items([], False)
        key = (id(expr), id(frame))
        if key in self._active:
            return Items([], False)
        self._active.add(key)
        try:
            for value in self.values.of(expr, frame):
                self._value(value, out, depth)
            for scope, name in self._homes(expr, frame):
                home = frame if scope is frame.scope else self.values.frame(scope)
                self._changed(scope, name, home, out, depth)
        finally:
            self._active.discard(key)
        unique: dict[tuple[int, int], tuple[m.Expr, Frame]] = {}
        for item in out.items[:MAX_ITEMS]:
            unique.setdefault((id(item[0]), id(item[1])), item)
        out.items = list(unique.values())
        return out

    def _value(self, value: Value, out: Items, depth: int) -> None:
        match value:
            case Display(node=m.Sequence(items=items), frame=frame):
                for item in items:
                    if isinstance(item, m.Starred):
                        self._merge(self.of(item.value, frame, depth + 1), out)
                    else:
                        out.items.append((item, frame))
                self._made(value, out, depth)
            case Display(node=m.BinaryOp(op="+", left=left, right=right), frame=frame):
                self._merge(self.of(left, frame, depth + 1), out)
                self._merge(self.of(right, frame, depth + 1), out)
            case Grown(node=node, frame=frame) if isinstance(node.target, m.Name) and node.op == "+":
                for prior in self.values.name(node.target.id, frame, node.span):
                    if depth > MAX_DEPTH or (isinstance(prior, Grown) and prior.node is node):
                        out.complete = False  # a loop: what it adds may be in it any number of times
                    else:
                        self._value(prior, out, depth + 1)
                self._merge(self.of(node.value, frame, depth + 1), out)
            case CallValue() if (
                isinstance(value.callee, ExternalValue) and value.dotted in _EMPTY and not value.node.args
            ):
                self._made(value, out, depth)
            case Literal(node=m.Constant(value=None)):
                pass
            case _:
                out.complete = False

    def _merge(self, inner: Items, out: Items) -> None:
        out.items.extend(inner.items)
        out.complete = out.complete and inner.complete

    def _made(self, value: Display | CallValue, out: Items, depth: int) -> None:
        """What happens to a list where it is made."""
        for name in value.frame.scope.names_of(value.node):
            self._changed(value.frame.scope, name, value.frame, out, depth)

    def _homes(self, expr: m.Expr, frame: Frame) -> list[tuple[Scope, str]]:
        """The variables, from import to import, that an expression reads."""
        if isinstance(expr, m.Name):
            scope, name = frame.scope.owner(expr.id), expr.id
        elif isinstance(expr, m.Attribute):
            value = self.values.one(expr.value, frame)
            scope, name = value.module.scope if isinstance(value, ModuleValue) else None, expr.attr
        else:
            return []
        found: list[tuple[Scope, str]] = []
        while scope is not None and (scope, name) not in found:
            found.append((scope, name))
            imported = [binding.source for binding in scope.bindings.get(name, ())]
            resolved = [
                self.values.modules.resolve(scope.module, source) for source in imported if isinstance(source, Imported)
            ]
            targets = [target for target in resolved if isinstance(target, tuple)]
            scope = None
            if targets:
                scope, name = targets[0][0].scope, targets[0][2]
        return found

    def _changed(self, scope: Scope, name: str, home: Frame, out: Items, depth: int) -> None:
        for change in changes(scope, name):
            frame = home if change.scope is home.scope else self.values.frame(change.scope)
            args = change.call.args if change.call is not None else ()
            if change.kind in ("append", "set", "given", "sort", "reverse", "deeper"):
                item = change.value if change.kind == "set" else args[0].value if len(args) == 1 else None
                if change.kind in ("append", "set") and item is not None:
                    out.items.append((item, frame))
                elif change.kind in ("append", "set"):
                    out.complete = False
            elif change.kind == "insert" and len(args) == 2:
                first = self.values.constant(args[0].value, frame) == 0
                out.items.insert(0 if first else len(out.items), (args[1].value, frame))
            elif change.kind == "extend" and len(args) == 1:
                self._merge(self.of(args[0].value, frame, depth + 1), out)
            else:
                out.complete = False


_EMPTY = frozenset({"builtins.list", "builtins.tuple", "builtins.set"})


def body_of(scope: Scope) -> tuple[m.Stmt, ...]:
    """The statements of a scope."""
    return scope.body
