"""Who a client says it is: what it sends with its message, query string, URL or cookies, and the users that are looked
up by nothing but that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge.channels import SYNC_TO_ASYNC
from wslint.knowledge.tokens import PARSERS
from wslint.stack.client.clientinput import ClientInput, Input
from wslint.stack.code.classes import Class
from wslint.stack.code.values import Frame, FunctionValue
from wslint.stack.database.orm import orm_of
from wslint.stack.database.orm_kinds import Manager, ModelClass, QuerySet
from wslint.stack.database.schema import Model
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.middleware.passages import is_of_client
from wslint.stack.model import Stack

MAX_DEPTH = 12
MESSAGE, QUERY, URL, COOKIES = "message", "query string", "URL", "cookies"

_SAME = frozenset("strip lstrip rstrip lower upper decode encode replace".split())
_SAME_CALLS = frozenset({"builtins.int", "builtins.str", "uuid.UUID", "urllib.parse.unquote"})
_NAMES = frozenset(
    "pk id username email user_id uid uuid user_uuid public_id slug nickname login phone phone_number user user__id "
    "user__pk user__username user__email is_active".split()
)
"""Fields that say which user is meant, and are no secret."""
_GETS = frozenset({"get", "aget", "filter"})
_ONE = frozenset({"first", "afirst", "last", "get", "aget"})
_SHORTCUTS = frozenset({"django.shortcuts.get_object_or_404", "django.shortcuts.aget_object_or_404"})


@dataclass(eq=False, frozen=True)
class Claim:
    """Something that the client sent: under which key, in what; `part` of its message. `node` is where it is used."""

    key: str
    source: str
    node: m.Expr
    frame: Frame
    part: Input | None = None


class Claims:
    """Reads the code of one class: a consumer (with the trace of its frames) or a middleware."""

    def __init__(self, stack: Stack, cls: Class | None, trace: ClientInput | None) -> None:
        self.values = stack.values
        self.orm = orm_of(stack)
        self.cls = cls
        self.trace = trace
        self._asked: set[tuple[int, int]] = set()
        self._known: dict[tuple[int, int], tuple[Frame, Claim | None]] = {}

    def of(self, expr: m.Expr, frame: Frame, depth: int = 0) -> Claim | None:
        """What of the client's an expression is, on every way."""
        key = (id(expr), id(frame))
        if key not in self._known:
            self._known[key] = frame, None  # what is asked while it is being found is not known
            self._known[key] = frame, self._of(expr, frame, depth)
        return self._known[key][1]

    def _of(self, expr: m.Expr, frame: Frame, depth: int) -> Claim | None:
        if depth > MAX_DEPTH:
            return None
        for part in self.trace.of(expr, frame) if self.trace is not None else ():
            if part.key:
                return Claim(part.key, MESSAGE, expr, frame, part)
        match expr:
            case m.Name() | m.Attribute(value=m.Name()):
                found = [
                    self.of(value, home, depth + 1)
                    for value, home in self._bound(expr, frame)
                    if not isinstance(value, m.Constant)
                ]
                return found[0] if found and None not in found else None
            case m.BoolOp(op="or", left=left) | m.Conditional(body=left):
                return self.of(left, frame, depth + 1)
            case m.Subscript(value=owner, index=m.Constant(value=int())):
                return self.of(owner, frame, depth + 1)
            case m.Subscript(value=owner, index=index):
                return self._item(owner, index, expr, frame)
            case m.Call(func=m.Attribute(value=owner, attr="get" | "pop"), args=(first, *_)):
                return self._item(owner, first.value, expr, frame)
            case m.Call(func=m.Attribute(value=owner, attr=attr)) if attr in _SAME:
                return self.of(owner, frame, depth + 1)
            case m.Call(func=func, args=(first,)) if self.values.dotted(func, frame) in _SAME_CALLS:
                return self.of(first.value, frame, depth + 1)
            case _:
                return None

    def _item(self, owner: m.Expr, index: m.Expr, node: m.Expr, frame: Frame) -> Claim | None:
        key = self.values.constant(index, frame)
        source = self._mapping(owner, frame) if isinstance(key, str) else None
        return None if source is None else Claim(str(key), source, node, frame)

    def _mapping(self, expr: m.Expr, frame: Frame, depth: int = 0) -> str | None:
        """What a dict holds: the captures of the URL, the parameters of the query string, the cookies."""
        match expr:
            case m.Subscript(value=m.Subscript(value=scope, index=m.Constant(value="url_route")), index=key):
                return URL if is_scope(scope) and self.values.constant(key, frame) == "kwargs" else None
            case m.Subscript(value=scope, index=m.Constant(value="cookies")):
                return COOKIES if is_scope(scope) else None
            case m.Call(func=func, args=(first, *_)):
                dotted = self.values.dotted(func, frame)
                if dotted == "builtins.dict":
                    return self._mapping(first.value, frame, depth + 1) if depth < MAX_DEPTH else None
                parses = dotted in PARSERS or dotted == "urllib.parse.parse_qsl"
                return QUERY if parses and is_of_client(first.value, frame) else None
            case m.Name() | m.Attribute(value=m.Name()) if depth < MAX_DEPTH:
                found = {self._mapping(value, home, depth + 1) for value, home in self._bound(expr, frame)}
                return found.pop() if len(found) == 1 else None
            case _:
                return None

    def _bound(self, expr: m.Name | m.Attribute, frame: Frame) -> Iterator[tuple[m.Expr, Frame]]:
        """What a name, or an attribute of `self`, is bound to."""
        if isinstance(expr, m.Attribute):
            assigned = () if self.cls is None else self.cls.instance_assignments.get(expr.attr, ())
            yield from ((value, method.frame) for _, value, method in assigned if value is not None)
            return
        given = frame.arguments.get(expr.id)
        if given is not None and given.expr is not None:
            yield given.expr, given.frame
        for one in frame.scope.reaching(expr.id, expr.span) if frame.scope.owner(expr.id) is frame.scope else ():
            if one.value is not None and one.path == () and isinstance(one.source, (m.Assign, m.Walrus)):
                yield one.value, frame

    # --- users ---

    def user(self, expr: m.Expr, frame: Frame, depth: int = 0) -> Claim | None:
        """What of the client's a user is looked up by, on some way, and by nothing else."""
        if not depth:
            self._asked.clear()
        if depth > MAX_DEPTH or (id(expr), id(frame)) in self._asked:
            return None
        self._asked.add((id(expr), id(frame)))
        match expr:
            case m.Name() | m.Attribute(value=m.Name()):
                inner = list(self._bound(expr, frame))
            case m.Await(value=value) | m.Walrus(value=value):
                inner = [(value, frame)]
            case m.BoolOp(op="or", left=left, right=right) | m.Conditional(body=left, orelse=right):
                inner = [(left, frame), (right, frame)]
            case m.Call():
                return self._called(expr, frame, depth)
            case _:
                return None
        return next((found for value, home in inner if (found := self.user(value, home, depth + 1))), None)

    def _called(self, call: m.Call, frame: Frame, depth: int) -> Claim | None:
        func = self.run(call, frame)
        match func:
            case m.Attribute(value=m.Call() as query, attr=attr) if attr in _ONE and not call.args:
                return self._called(query, frame, depth + 1)
            case m.Attribute(value=manager, attr=attr) if attr in _GETS and self._is_of_users(manager, frame):
                return self._by(call.args, frame)
        if self.values.dotted(func, frame) in _SHORTCUTS and call.args and self._is_of_users(call.args[0].value, frame):
            return self._by(call.args[1:], frame)
        for function in self.values.of(func, frame):
            if isinstance(function, FunctionValue) and isinstance(function.node, m.FunctionDef):
                inner = self.values.enter(function, call, frame, decorated=True)
                for node in within(function.node.body) if inner is not None else ():
                    if isinstance(node, m.Return) and node.value is not None and inner is not None:
                        found = self.user(node.value, inner, depth + 1)
                        if found is not None:
                            return found
        return None

    def run(self, call: m.Call, frame: Frame) -> m.Expr:
        """What a call runs: `sync_to_async(function)(…)` runs the function."""
        match call.func:
            case m.Call(func=adapter, args=(inner, *_)) if self.values.dotted(adapter, frame) in SYNC_TO_ASYNC:
                return inner.value
            case func:
                return func

    def made(self, call: m.Call, frame: Frame) -> Model | None:
        """The model of which a call makes an object: `Model(…)`, `Model.objects.create(…)`."""
        match self.run(call, frame):
            case m.Attribute(value=manager, attr="create" | "acreate"):
                kind = self.orm.one(manager, frame)
                return kind.model if isinstance(kind, Manager) else None
            case func:
                return self.orm.schema.of_value(self.values.one(func, frame), frame.path)

    def _by(self, args: tuple[m.Argument, ...], frame: Frame) -> Claim | None:
        if not all(arg.keyword and arg.keyword.partition("__i")[0] in _NAMES | {"is_active"} for arg in args):
            return None
        found = [self.of(arg.value, frame) for arg in args if arg.keyword != "is_active"]
        return found[0] if found and None not in found else None

    def _is_of_users(self, expr: m.Expr, frame: Frame) -> bool:
        kind = self.orm.one(expr, frame)
        return isinstance(kind, (Manager, QuerySet, ModelClass)) and self.is_person(kind.model, frame)

    def is_person(self, model: Model | None, frame: Frame) -> bool:
        """Is a model the user model, or one whose objects belong to users (a profile)?"""
        if model is None:
            return False
        schema = self.orm.schema
        return model.is_user or model is schema.user(frame.path) or model.name in schema.of_users
