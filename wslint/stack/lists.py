"""Lists as they end up: displays, `+`, `*x`, `+=`, `.append()`, `.extend()`, `.insert()`, through names and functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.stack.link import Module
from wslint.stack.scope import Imported, Scope
from wslint.stack.values import CallValue, Display, ExternalValue, Frame, Grown, Literal, ModuleValue, Value, Values

MAX_ITEMS = 2000


@dataclass(eq=False)
class Items:
    """The items of a list that may be in it, in order; not `complete` when there may be others."""

    items: list[tuple[m.Expr, Frame]]
    complete: bool


class Lists:
    """Reads expressions as lists."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self._mutations: dict[int, dict[str, list[tuple[m.Call, str]]]] = {}

    def of(self, expr: m.Expr, frame: Frame, depth: int = 0) -> Items:
        """The items of the list that an expression is."""
        out = Items([], True)
        if depth > 12:
            return Items([], False)
        for value in self.values.of(expr, frame):
            self._value(value, out, depth)
        home = self._home(expr, frame)
        if home is not None:
            self._mutated(*home, out, depth)
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
            case Display(node=m.BinaryOp(op="+", left=left, right=right), frame=frame):
                self._merge(self.of(left, frame, depth + 1), out)
                self._merge(self.of(right, frame, depth + 1), out)
            case Grown(node=node, frame=frame) if isinstance(node.target, m.Name) and node.op == "+":
                for prior in self.values.name(node.target.id, frame, node.span):
                    if isinstance(prior, Grown) and prior.node is node:
                        out.complete = False
                    else:
                        self._value(prior, out, depth + 1)
                self._merge(self.of(node.value, frame, depth + 1), out)
            case CallValue() if (
                isinstance(value.callee, ExternalValue) and value.dotted in _EMPTY and not value.node.args
            ):
                pass
            case Literal(node=m.Constant(value=None)):
                pass
            case _:
                out.complete = False

    def _merge(self, inner: Items, out: Items) -> None:
        out.items.extend(inner.items)
        out.complete = out.complete and inner.complete

    def _home(self, expr: m.Expr, frame: Frame) -> tuple[Scope, str, Frame] | None:
        """The scope and name of the variable that an expression reads."""
        if isinstance(expr, m.Name):
            scope = frame.scope.owner(expr.id)
            if scope is None:
                return None
            bindings = scope.bindings.get(expr.id, [])
            if len(bindings) == 1 and isinstance(bindings[0].source, Imported):
                found = self.values.modules.resolve(scope.module, bindings[0].source)
                if isinstance(found, tuple):
                    target, _, name = found
                    return target.scope, name, self.values.frame(target.scope)
                return None
            return scope, expr.id, frame if scope is frame.scope else self.values.frame(scope)
        if isinstance(expr, m.Attribute):
            value = self.values.one(expr.value, frame)
            if isinstance(value, ModuleValue):
                return value.module.scope, expr.attr, self.values.frame(value.module.scope)
        return None

    def _mutated(self, scope: Scope, name: str, frame: Frame, out: Items, depth: int) -> None:
        for call, method in self._mutations_of(scope).get(name, ()):
            if method == "append" and len(call.args) == 1:
                out.items.append((call.args[0].value, frame))
            elif method == "insert" and len(call.args) == 2:
                at = self.values.constant(call.args[0].value, frame)
                item = (call.args[1].value, frame)
                if at == 0:
                    out.items.insert(0, item)
                else:
                    out.items.append(item)
            elif method == "extend" and len(call.args) == 1:
                self._merge(self.of(call.args[0].value, frame, depth + 1), out)
            else:
                out.complete = False

    def _mutations_of(self, scope: Scope) -> dict[str, list[tuple[m.Call, str]]]:
        found = self._mutations.get(id(scope))
        if found is None:
            found = self._mutations[id(scope)] = {}
            for call, name, method in _method_calls(scope):
                found.setdefault(name, []).append((call, method))
        return found


_EMPTY = frozenset({"builtins.list", "builtins.tuple", "builtins.set"})
_CHANGES = frozenset({"append", "insert", "extend", "remove", "pop", "clear", "sort", "reverse"})


def body_of(scope: Scope) -> tuple[m.Stmt, ...]:
    """The statements of a scope."""
    if scope.node is None:
        module: Module = scope.module
        return module.facts.body
    return () if isinstance(scope.node, m.Lambda) else scope.node.body


def _method_calls(scope: Scope) -> Iterator[tuple[m.Call, str, str]]:
    for node in within(body_of(scope)):
        if isinstance(node, m.ExpressionStatement) and isinstance(node.value, m.Call):
            func = node.value.func
            if isinstance(func, m.Attribute) and isinstance(func.value, m.Name) and func.attr in _CHANGES:
                yield node.value, func.value.id, func.attr
