"""Which classes are ASGI middleware, and which scope keys they set and read."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.values import Values
from wslint.stack.model import Middleware


def middleware(cls: Class, values: Values) -> Middleware | None:
    """The middleware that a class is: `__call__` with a scope, or a subclass of Channels' middleware; else None."""
    call = cls.method("__call__")
    known_base = cls.derives_from(
        known.BASE_MIDDLEWARE, known.AUTH_MIDDLEWARE, known.SESSION_MIDDLEWARE, known.COOKIE_MIDDLEWARE
    )
    if not known_base and not _takes_scope(call):
        return None
    if cls.derives_from(*known.CHANNELS_CONSUMERS, known.PROTOCOL_TYPE_ROUTER, known.URL_ROUTER):
        return None
    sets: set[str] = set()
    reads: list[tuple[str, Location]] = []
    if cls.derives_from(known.AUTH_MIDDLEWARE):
        sets.add("user")
    for method in cls.methods.values():
        for kind, key, node in scope_keys(method, values):
            if kind == "read" and key is not None:
                reads.append((key, method.at(node)))
            elif kind == "write" and key is not None:
                sets.add(key)
    return Middleware(cls, call, frozenset(sets), tuple(reads))


def _takes_scope(call: Method | None) -> bool:
    """`__call__(self, scope, receive, send)`, the one-argument form of Channels 2 included."""
    if call is None:
        return False
    names = [param.name for param in call.node.params if param.kind.startswith("positional")]
    return len(names) > 1 and (names[1] == "scope" or names[2:4] == ["receive", "send"])


def scope_keys(method: Method, values: Values) -> Iterator[tuple[str, str | None, m.Node]]:
    """("read" | "get" | "write", key or None, node) for every key of the scope that a method touches."""
    for node in within(method.node.body):
        match node:
            case m.Assign(targets=targets, value=value):
                for target in targets:
                    if isinstance(target, m.Subscript) and is_scope(target.value):
                        yield "write", _key(target.index, method, values), target
                    elif isinstance(target, m.Name) and target.id == "scope" and value is not None:
                        yield from _copied(value, method, values)
                    elif isinstance(target, m.Sequence):
                        for item in target.items:
                            if isinstance(item, m.Subscript) and is_scope(item.value):
                                yield "write", _key(item.index, method, values), item
            case m.Call(func=m.Attribute(value=owner, attr="update" | "setdefault" as attr)) if is_scope(owner):
                if attr == "setdefault" and node.args:
                    yield "write", _key(node.args[0].value, method, values), node
                else:
                    yield from _copied(node, method, values)
            case m.Call(func=m.Attribute(value=owner, attr="get")) if is_scope(owner) and node.args:
                yield "get", _key(node.args[0].value, method, values), node
            case m.Call():
                for arg in node.args:
                    if isinstance(arg.value, (m.Dict, m.Call)) and _spreads_scope(arg.value):
                        yield from _copied(arg.value, method, values)
            case m.Subscript() if is_scope(node.value):
                yield "read", _key(node.index, method, values), node
            case _:
                pass


def is_scope(expr: m.Expr) -> bool:
    """Is an expression the ASGI scope (`scope` or `self.scope`)?"""
    if isinstance(expr, m.Name):
        return expr.id == "scope"
    return isinstance(expr, m.Attribute) and expr.attr == "scope"


def _spreads_scope(expr: m.Expr) -> bool:
    if isinstance(expr, m.Dict):
        return any(item.key is None and is_scope(item.value) for item in expr.items)
    return (
        isinstance(expr, m.Call)
        and isinstance(expr.func, m.Name)
        and expr.func.id == "dict"
        and bool(expr.args)
        and is_scope(expr.args[0].value)
    )


def _copied(expr: m.Expr, method: Method, values: Values) -> Iterator[tuple[str, str | None, m.Node]]:
    """Keys put in by `dict(scope, user=…)`, `{**scope, "user": …}`, `scope.update(user=…)`."""
    if isinstance(expr, m.Dict):
        for item in expr.items:
            if item.key is not None:
                yield "write", _key(item.key, method, values), item
            elif not is_scope(item.value):
                yield "write", None, item
    elif isinstance(expr, m.Call):
        for arg in expr.args:
            if arg.keyword is not None:
                yield "write", arg.keyword, arg
            elif isinstance(arg.value, m.Dict):
                yield from _copied(arg.value, method, values)
            elif not is_scope(arg.value):
                yield "write", None, arg


def _key(expr: m.Expr, method: Method, values: Values) -> str | None:
    key = values.constant(expr, method.frame)
    return key if isinstance(key, str) else None
