"""What json cannot encode: the parts of a value, and which of them surely are of a type that it refuses."""

from __future__ import annotations

from collections.abc import Container, Iterator

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge.jsonable import KEPT_TYPES, REFUSED_CALLS, REFUSED_FIELDS
from wslint.stack.code.later import Later
from wslint.stack.code.values import AttributeValue, CallValue, Display, Frame, Literal, SelfValue, Value, argument
from wslint.stack.database.orm import orm_of
from wslint.stack.database.orm_kinds import Instance, QuerySet, Rows
from wslint.stack.database.schema import Model
from wslint.stack.model import Stack

MAX_DEPTH = 8

Leaf = tuple[m.Expr, Frame]

_ITERABLES = frozenset({"set", "frozenset", "generator"})
"""Types that `list()` makes plain; to an evaluator a list of it is the same value."""


class Jsonable:
    """The evaluator of one stack."""

    def __init__(self, stack: Stack) -> None:
        self.values = stack.values
        self.orm = orm_of(stack)
        self.own_users = any(middleware.authenticates for middleware in stack.middleware)

    def leaves(
        self, expr: m.Expr, frame: Frame, depth: int = 0, gone: Container[object] = frozenset()
    ) -> Iterator[Leaf]:
        """The innermost values of a dict or list that is built where one can see it; else the expression itself.

        What stands under the keys `gone` of a dict is left out.
        """
        if depth > MAX_DEPTH:
            return
        match expr:
            case m.Dict(items=items):
                for item in items:
                    if item.key is None or self.values.constant(item.key, frame) not in gone:
                        yield from self.leaves(item.value, frame, depth + 1)
            case m.Sequence(kind="list" | "tuple", items=parts):
                for part in parts:
                    yield from self.leaves(part, frame, depth + 1)
            case m.Comprehension(kind="list" | "dict", element=element):
                yield from self.leaves(element, frame, depth + 1)
            case m.Conditional(body=body, orelse=orelse):
                yield from self.leaves(body, frame, depth + 1)
                yield from self.leaves(orelse, frame, depth + 1)
            case m.Call(func=m.Name(id="dict"), args=args):
                for arg in args:
                    if arg.keyword is None or arg.keyword not in gone:
                        yield from self.leaves(arg.value, frame, depth + 1)
            case m.Name() | m.Call() | m.Await() | m.Attribute():
                yield from self._named(expr, frame, depth)
            case _:
                yield expr, frame

    def _named(self, expr: m.Expr, frame: Frame, depth: int) -> Iterator[Leaf]:
        """The leaves of what a name stands for, and of what is put into it later."""
        value = self.values.one(expr, frame)
        if not isinstance(value, (Display, CallValue)) or value.node is expr or not _holds_values(value):
            yield expr, frame
            return
        later = Later(self.values, value, expr, frame)
        if not later.unclear:
            yield from self.leaves(value.node, value.frame, depth + 1, later.gone)
        for put, home in later.values:
            yield from self.leaves(put, home, depth + 1)

    def refused(self, expr: m.Expr, frame: Frame) -> str | None:
        """The type of an expression when json surely refuses it (or, of None and that type, may)."""
        kind = self.orm.one(expr, frame)
        if isinstance(kind, QuerySet):
            return "QuerySet"
        instance = kind.element if isinstance(kind, Rows) else kind
        if isinstance(instance, Instance):
            return instance.model.name if instance.model is not None and self._is_sure(instance) else None
        if isinstance(expr, m.Attribute):
            field = self._field(expr, frame)
            if field is not None:
                return field
        values = [v for v in self.values.of(expr, frame) if not (isinstance(v, Literal) and v.value is None)]
        types = {self._type(value) for value in values}
        found = types.pop() if len(types) == 1 else None
        return None if found in _ITERABLES and not all(self._is_plain(v, expr, frame) for v in values) else found

    def _is_plain(self, value: Value, expr: m.Expr, frame: Frame) -> bool:
        """Is a value what an expression says or was assigned, and not a list that was made of it on the way?"""
        node = value.node if isinstance(value, (CallValue, Display)) else None
        if node is None or node is expr:
            return node is not None
        if isinstance(expr, m.Name) and isinstance(value, (CallValue, Display)):
            return expr.id in value.frame.scope.names_of(node)
        return isinstance(expr, m.Attribute) and any(
            assigned is node
            for owner in self.values.of(expr.value, frame)
            if isinstance(owner, SelfValue)
            for _, assigned, _ in owner.cls.instance_assignments.get(expr.attr, ())
        )

    def _type(self, value: Value, depth: int = 0) -> str | None:
        match value:
            case CallValue(dotted=str() as dotted):
                return REFUSED_CALLS.get(dotted)
            case CallValue(callee=AttributeValue(attr=attr, value=owner)) if attr in KEPT_TYPES and depth < MAX_DEPTH:
                return KEPT_TYPES[attr] if self._type(owner, depth + 1) == "datetime" else None
            case Display(node=m.Sequence(kind="set") | m.Comprehension(kind="set")):
                return "set"
            case Display(node=m.Comprehension(kind="generator")):
                return "generator"
            case Display(node=m.Bytes()):
                return "bytes"
            case Display(node=m.BinaryOp(op="+" | "-", left=left, right=right), frame=frame) if depth < MAX_DEPTH:
                types = [self._type(self.values.one(side, frame), depth + 1) for side in (left, right)]
                return "datetime" if types == ["datetime", "timedelta"] else None
            case _:
                return None

    def _is_sure(self, instance: Instance) -> bool:
        """Is it surely of that model? What a middleware of the project puts into `scope["user"]` may be anything."""
        return not (instance.of_scope and self.own_users)

    # --- fields of models ---

    def _field(self, expr: m.Attribute, frame: Frame) -> str | None:
        """The type of a field of a model instance, when the database or the field itself makes its value."""
        owner = self.orm.one(expr.value, frame)
        if not isinstance(owner, Instance) or owner.model is None or owner.model.cls is None:
            return None
        if not self._is_sure(owner):
            return None
        found = self._declared(owner.model, expr.attr)
        if found is None or self._is_given(expr, frame):
            return None
        return REFUSED_FIELDS.get(found.rpartition(".")[2]) if found.startswith("django.db.models.") else None

    def _declared(self, model: Model, name: str) -> str | None:
        """The dotted name of the field that a model declares under a name; `pk` is the field that says so."""
        assert model.cls is not None
        for cls in model.cls.ancestry:
            bindings = cls.scope_inside.bindings
            names = [name] if name != "pk" else list(bindings)
            for binding in (found for name in names for found in bindings.get(name, ()) if found.value is not None):
                value = self.values.one(binding.value, cls.frame) if binding.value is not None else None
                if name == "pk" and not (isinstance(value, CallValue) and _is_key(value)):
                    continue
                return value.dotted if isinstance(value, CallValue) else None
        return None

    def _is_given(self, expr: m.Attribute, frame: Frame) -> bool:
        """May the code itself have put something of another type into the field?"""
        for value in self.values.of(expr.value, frame):
            given = value.node.args if isinstance(value, CallValue) else ()
            if any(arg.keyword == expr.attr or arg.star for arg in given) and not _queries(value):
                return True
        return any(
            isinstance(target, m.Attribute) and target.attr == expr.attr
            for node in within(frame.scope.body)
            if isinstance(node, m.Assign)
            for target in node.targets
        )


def _holds_values(value: Display | CallValue) -> bool:
    match value.node:
        case m.Dict() | m.Sequence(kind="list" | "tuple") | m.Comprehension(kind="list" | "dict"):
            return True
        case _:
            return isinstance(value, CallValue) and value.dotted == "builtins.dict"


def _is_key(field: CallValue) -> bool:
    given = argument(field.node, 1 << 30, "primary_key")
    return isinstance(given, m.Constant) and given.value is True


def _queries(value: Value) -> bool:
    """Is a value what a lookup of the database gives?"""
    func = value.node.func if isinstance(value, CallValue) else None
    return isinstance(func, m.Attribute) and func.attr in ("get", "aget", "first", "last", "afirst", "alast", "filter")
