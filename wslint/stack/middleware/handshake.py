"""What code gets out of a handshake: the query string and the headers are bytes, and so is what is made of them.

`Bytes` says what an expression holds; None is everything else, decoded text included.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from wslint.facts import model as m
from wslint.stack.code.reach import Code
from wslint.stack.code.values import Values, argument
from wslint.stack.middleware.middleware import is_scope

QUERY = "query string"
LIST = "list of headers"
HEADERS = "dict of headers"
NAME = "header name"
VALUE = "header value"
PARSED = "parsed query string"
PAIRS = "pairs of the query string"
ITEMS = "values of a parameter"
REPR = "str() of the query string"

PLAIN = frozenset({QUERY, NAME, VALUE})
"""Kinds that are a bytes object themselves."""
MAPS = frozenset({HEADERS, PARSED})

_PARSE = {"urllib.parse.parse_qs": PARSED, "urllib.parse.parse_qsl": PAIRS}
_KEEPS = frozenset(["lower", "upper", "strip", "lstrip", "rstrip", "replace", "removeprefix", "removesuffix", "title"])
_PIECES = frozenset(["split", "rsplit", "partition", "rpartition", "splitlines"])


@dataclass(frozen=True)
class Bytes:
    """A kind and the expression that first gave it (`scope["query_string"]`, `dict(scope["headers"])` …)."""

    kind: str
    source: m.Expr


@dataclass(eq=False)
class Handshake:
    """Reads the expressions of one function."""

    code: Code
    values: Values
    _loops: dict[str, list[tuple[str, m.Expr]]] | None = None
    _depth: int = field(default=0)

    def of(self, expr: m.Expr) -> Bytes | None:
        """What an expression holds, when that is bytes of the handshake on every way."""
        if self._depth > 12:
            return None
        self._depth += 1
        try:
            return self._of(expr)
        finally:
            self._depth -= 1

    def _of(self, expr: m.Expr) -> Bytes | None:
        match expr:
            case m.Subscript(value=owner, index=m.Constant(value="query_string" | "headers" as key)) if is_scope(owner):
                return Bytes(QUERY if key == "query_string" else LIST, expr)
            case m.Call(func=m.Attribute(value=owner, attr="get")) if is_scope(owner) and expr.args:
                asked = expr.args[0].value
                if isinstance(asked, m.Constant) and asked.value in ("query_string", "headers"):
                    return Bytes(QUERY if asked.value == "query_string" else LIST, expr)
                return None
            case m.Name():
                return self._name(expr)
            case m.Attribute(value=m.Name(id=owner), attr=attr) if self._is_self(owner):
                return self._attribute(attr)
            case m.BoolOp(op="or", left=left):
                return self.of(left)
            case m.Call():
                return self._call(expr)
            case m.Subscript(value=value):
                held = self.of(value)
                return None if held is None else self._item(held, expr)
            case m.Comprehension(kind="dict", key=m.Name() as key, element=m.Name() as element):
                return self._dict_of(expr, key, element)
            case _:
                return None

    def _call(self, call: m.Call) -> Bytes | None:
        if isinstance(call.func, m.Attribute):
            held = self.of(call.func.value)
            if held is not None:
                return self._method(held, call.func.attr, call)
        dotted = self.values.dotted(call.func, self.code.frame)
        given = argument(call, 0, "qs")
        held = None if given is None else self.of(given)
        if held is None:
            return None
        if dotted in _PARSE and held.kind in PLAIN:
            return Bytes(_PARSE[dotted], held.source)
        if dotted == "builtins.dict" and len(call.args) == 1:
            made = {LIST: HEADERS, PAIRS: PARSED, HEADERS: HEADERS}.get(held.kind)
            return None if made is None else Bytes(made, held.source)
        if dotted == "builtins.str" and len(call.args) == 1 and held.kind in PLAIN:
            return Bytes(REPR, call)
        if dotted in ("builtins.list", "builtins.tuple"):
            return held
        return None

    def _method(self, held: Bytes, attr: str, call: m.Call) -> Bytes | None:
        if held.kind in PLAIN:
            if attr in _KEEPS:
                return held
            return Bytes(ITEMS, held.source) if attr in _PIECES else None
        if held.kind in MAPS and attr in ("get", "pop") and len(call.args) < 3:
            return Bytes(VALUE if held.kind == HEADERS else ITEMS, held.source)
        if held.kind == HEADERS and attr == "items":
            return Bytes(LIST, held.source)
        return None

    def _item(self, held: Bytes, expr: m.Subscript) -> Bytes | None:
        if held.kind == HEADERS:
            return Bytes(VALUE, held.source)
        if held.kind == PARSED:
            return Bytes(ITEMS, held.source)
        if held.kind == ITEMS:
            return Bytes(VALUE, held.source)
        if held.kind in PLAIN and isinstance(expr.index, m.Opaque):
            return held  # a slice
        return None

    def _dict_of(self, expr: m.Comprehension, key: m.Name, element: m.Name) -> Bytes | None:
        names = (self.of(key), self.of(element))
        if names[0] is not None and names[1] is not None and names[0].kind == NAME and names[1].kind == VALUE:
            return Bytes(HEADERS, names[0].source)
        return None

    # --- names ---

    def _name(self, name: m.Name) -> Bytes | None:
        looped = self._looped(name.id)
        if looped is not None:
            return looped
        scope = self.code.frame.scope
        if scope.owner(name.id) is not scope:
            return None
        found: list[Bytes | None] = []
        for binding in scope.reaching(name.id, name.span):
            plain = isinstance(binding.source, (m.Assign, m.Walrus)) and binding.path == ()
            found.append(self.of(binding.value) if plain and binding.value is not None else None)
        return _same(found)

    def _looped(self, name: str) -> Bytes | None:
        """The header names and values of `for name, value in scope["headers"]`."""
        if self._loops is None:
            self._loops = {}
            for node in self.code.nodes():
                if isinstance(node, (m.For, m.Generator)) and isinstance(node.target, m.Sequence):
                    targets = [item.id for item in node.target.items if isinstance(item, m.Name)]
                    if len(targets) == 2 == len(node.target.items):
                        self._loops.setdefault(targets[0], []).append((NAME, node.iterable))
                        self._loops.setdefault(targets[1], []).append((VALUE, node.iterable))
        loops = self._loops.get(name)
        if not loops or name in {n for n, b in self.code.frame.scope.bindings.items() if any(x.value for x in b)}:
            return None
        found: list[Bytes | None] = []
        for kind, iterable in loops:
            held = self.of(iterable)
            found.append(Bytes(kind, held.source) if held is not None and held.kind == LIST else None)
        return _same(found)

    def _is_self(self, name: str) -> bool:
        params = self.code.node.params
        return self.code.frame.owner is not None and bool(params) and params[0].name == name

    def _attribute(self, attr: str) -> Bytes | None:
        owner = self.code.frame.owner
        if owner is None or owner.defines(attr):
            return None
        found: list[Bytes | None] = []
        for _, value, method in owner.instance_assignments.get(attr, ()):
            inner = Handshake(Code(method.node, method.frame), self.values, _depth=self._depth + 2)
            found.append(None if value is None else inner.of(value))
        return _same(found)


def _same(found: list[Bytes | None]) -> Bytes | None:
    """The one answer, when all ways agree."""
    kinds = {held.kind if held is not None else None for held in found}
    return found[0] if len(kinds) == 1 else None
