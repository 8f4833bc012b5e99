"""Where code that runs on the event loop queries the database: the call, the loop, the test, the attribute.

A plain function that a coroutine function calls is read with the arguments it gets, to a depth; the place of such a
query is the call in the coroutine function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from wslint.facts import model as m
from wslint.facts.walk import below, holds, within
from wslint.knowledge import channels
from wslint.knowledge import orm as known
from wslint.location import Location
from wslint.stack.code.callees import Body
from wslint.stack.code.classes import Class
from wslint.stack.code.given import fits, may_skip, optional
from wslint.stack.code.guarded import BROAD
from wslint.stack.code.values import AttributeValue, CallValue, ClassValue, Frame, FunctionValue, Literal, SelfValue
from wslint.stack.database.loaded import Loaded
from wslint.stack.database.orm import Orm, orm_of
from wslint.stack.database.orm_kinds import (
    Crossing,
    Instance,
    Kind,
    Manager,
    ModelClass,
    QuerySet,
    Rows,
    Serializer,
    Session,
)
from wslint.stack.database.serializers import unloaded
from wslint.stack.execution.threads import threads_of
from wslint.stack.model import Stack

MAX_STEPS = 3
"""How many plain functions deep a query is looked for."""

MAX_ENTRIES = 200
"""How many calls are entered from one function; what lies further is not looked at."""

MANAGED, LAZY, RELATION, SERIALIZED = "runs a query", "evaluates a queryset", "loads a relation", "serializes"


@dataclass(eq=False, frozen=True)
class Step:
    """A plain function entered on the way to a query."""

    call: m.Expr
    frame: Frame
    name: str


@dataclass(eq=False, frozen=True)
class Query:
    """A query that runs where `node` stands.

    `does` is one of the words above; `what` the code for people; `subject` the expression that is evaluated; `since`
    the Django version with an asynchronous form of it; `hidden` tells that `except Exception` (or a bare except)
    swallows what it raises; `steps` lead to it from the coroutine function `inside`, outermost first.
    """

    node: m.Expr
    frame: Frame
    does: str
    what: str
    subject: m.Expr
    since: tuple[int, int] | None = None
    crossing: Crossing | None = None
    hidden: bool = False
    inside: Body | None = None
    steps: tuple[Step, ...] = ()

    @property
    def location(self) -> Location:
        return self.frame.at(self.node)

    @property
    def told(self) -> str:
        """What happens, as the beginning of a sentence."""
        return f"a queryset is {self.what}" if self.does == LAZY else f"{self.what} queries the database"

    @property
    def symptom(self) -> str:
        """What is seen of it on the event loop."""
        return ("swallowed by an `except Exception`: " if self.hidden else "") + known.REFUSAL

    @property
    def place(self) -> Location:
        """Where a person would comment on it: the call in the coroutine function that leads to it."""
        return self.steps[0].frame.at(self.steps[0].call) if self.steps else self.location


class Queries:
    """The queries of one stack's functions."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.values = stack.values
        self.orm: Orm = orm_of(stack)
        self.threads = threads_of(stack)
        self.loaded = Loaded(self.orm)
        self._of_frames: dict[int, tuple[Query, ...]] = {}
        self._active: set[int] = set()
        self._entries = 0

    # --- one function ---

    def of_body(self, body: Body) -> tuple[Query, ...]:
        """The queries that run when a body runs on the loop, those of functions it calls included."""
        return self._of_frame(body, 0)

    def _of_frame(self, body: Body, depth: int) -> tuple[Query, ...]:
        key = id(body.frame)
        if key in self._of_frames:
            return self._of_frames[key]
        self._entries = self._entries + 1 if depth else 0
        if id(body.node) in self._active or depth > MAX_STEPS or self._entries > MAX_ENTRIES:
            return ()
        self._active.add(id(body.node))
        try:
            found = tuple(self._first_of_each(self._find(body, depth), body))
        finally:
            self._active.discard(id(body.node))
        self._of_frames[key] = found
        return found

    def _first_of_each(self, queries: Iterator[tuple[m.Node, Query]], body: Body) -> Iterator[Query]:
        """A queryset that a name holds is evaluated once; then it is loaded, or the code has failed."""
        seen: set[object] = set()
        tries = [node for node in body.nodes() if isinstance(node, m.Try)]
        for at, query in queries:
            path = path_of(query.subject)
            key = (path, query.does, id(query.frame.scope)) if path else id(query.subject)
            if key in seen:
                continue
            seen.add(key)
            around = [outer for outer in tries if holds(outer.body, at)]
            if any(_is_told(handler.exception) for outer in around for handler in outer.handlers):
                continue
            inside = query.inside or (body if body.is_async else None)
            yield replace(query, hidden=query.hidden or self._swallowed(around, body.frame), inside=inside)

    def _find(self, body: Body, depth: int) -> Iterator[tuple[m.Node, Query]]:
        """The queries of a body, each with the node of the body that leads to it."""
        frame = body.frame
        if isinstance(body.node, m.FunctionDef) and depth:
            for decorator in body.node.decorators:
                target = decorator.func if isinstance(decorator, m.Call) else decorator
                if self.values.dotted(target, frame.parent or frame) in known.ATOMIC:
                    yield decorator, Query(decorator, frame, MANAGED, "transaction.atomic", decorator)
        nodes = list(body.nodes())
        early = {
            id(inner)
            for node in nodes
            if isinstance(node, m.Call) and self.values.dotted(node.func, frame) in channels.SYNC_TO_ASYNC
            for arg in node.args
            for inner in (arg.value, *below(arg.value))
        }
        tests = list(optional(body)) if depth else []
        for node in nodes:
            if id(node) not in early and not any(may_skip(node, *test) for test in tests):
                for query in self._at(node, body, depth):
                    yield node, query

    def _at(self, node: m.Node, body: Body, depth: int) -> Iterator[Query]:
        frame = body.frame
        match node:
            case m.Call():
                yield from self._call(node, body, depth)
            case m.Attribute():
                yield from self._attribute(node, body, depth)
            case m.For(is_async=False) | m.Generator(is_async=False):
                yield from self._lazy(node.iterable, frame, "iterated")
                for test in node.tests if isinstance(node, m.Generator) else ():
                    yield from self._truth(test, frame)
            case m.If() | m.While() | m.Conditional() | m.Assert():
                yield from self._truth(node.test, frame)
            case m.UnaryOp(op="not"):
                yield from self._truth(node.operand, frame)
            case m.BoolOp():
                yield from self._truth(node.left, frame)
            case m.Compare(op="in" | "not in"):
                yield from self._lazy(node.right, frame, "searched")
            case m.Subscript(index=index) if not isinstance(index, m.Opaque):
                yield from self._lazy(node.value, frame, "indexed", node)
            case m.Starred():
                yield from self._lazy(node.value, frame, "unpacked")
            case m.FString():
                for part in node.parts:
                    yield from self._lazy(part, frame, "formatted")
                    yield from self._shown(part, body, depth)
            case m.With(is_async=False):
                for item in node.items:
                    if isinstance(item.value, m.Call) and self.values.dotted(item.value.func, frame) in known.ATOMIC:
                        yield Query(item.value, frame, MANAGED, "transaction.atomic()", item.value)
            case _:
                pass

    def _swallowed(self, around: list[m.Try], frame: Frame) -> bool:
        """Does one of several `try` catch everything and not raise it again?"""
        return any(
            self._is_broad(handler.exception, frame)
            and not any(isinstance(one, m.Raise) for one in within(handler.body))
            for outer in around
            for handler in outer.handlers
        )

    def _is_broad(self, exception: m.Expr | None, frame: Frame) -> bool:
        if isinstance(exception, m.Sequence):
            return any(self._is_broad(item, frame) for item in exception.items)
        return exception is None or self.values.dotted(exception, frame) in BROAD

    def _truth(self, expr: m.Expr, frame: Frame) -> Iterator[Query]:
        match expr:
            case m.BoolOp():
                yield from self._truth(expr.left, frame)
                yield from self._truth(expr.right, frame)
            case m.UnaryOp(op="not"):
                yield from self._truth(expr.operand, frame)
            case _:
                yield from self._lazy(expr, frame, "tested")

    def _lazy(self, expr: m.Expr, frame: Frame, how: str, node: m.Expr | None = None) -> Iterator[Query]:
        """Something that is a queryset is evaluated."""
        kind = self.orm.one(expr, frame)
        if isinstance(kind, QuerySet) and not self._is_loaded(expr, kind, frame):
            yield Query(node or expr, frame, LAZY, how, expr, known.ASYNC_QUERYSET, kind.crossing)

    def _is_loaded(self, expr: m.Expr, kind: QuerySet, frame: Frame) -> bool:
        """Was it evaluated where it is allowed: given to a thread, or by the function that it comes from?"""
        if isinstance(expr, m.Name) and self.loaded.given_to_thread(expr.id, frame):
            return True
        if kind.made is None or kind.made[1].scope is frame.scope:
            return False
        made, home = kind.made
        names = home.scope.names_of(made)
        if not isinstance(home.scope.node, m.FunctionDef):
            return bool(names) and home.scope.node is None
        return any(
            isinstance(query.subject, m.Name) and query.subject.id in names and query.does == LAZY and not query.steps
            for _, query in self._find(Body(home.scope.node, home), MAX_STEPS)
        )

    # --- calls ---

    def _call(self, node: m.Call, body: Body, depth: int) -> Iterator[Query]:
        frame, func = body.frame, node.func
        if self.orm.wrapped(node, frame) is not None:
            return
        if isinstance(func, m.Attribute):
            base = self.orm.one(func.value, frame)
            if base is not None:
                yield from self._method(node, func, base, body, depth)
                if not isinstance(base, (Instance, ModelClass)):
                    return
        value = self.values.one(func, frame)
        dotted = self.values.dotted(func, frame)
        name = (dotted or "").rpartition(".")[2]
        if dotted in known.FUNCTIONS:
            yield Query(node, frame, MANAGED, f"{name}()", node, known.FUNCTIONS[dotted])
        elif dotted in known.CURSORS:
            yield Query(node, frame, MANAGED, f"connection.{name}()", node)
        elif dotted in known.CONSUMING and node.args and not node.args[0].star:
            yield from self._lazy(node.args[0].value, frame, f"given to {name}()", node)
            if name in ("str", "print", "repr"):
                yield from self._shown(node.args[0].value, body, depth)
        elif dotted in ("builtins.getattr", "builtins.hasattr") and len(node.args) > 1:
            yield from self._named(node, frame)
        elif isinstance(value, AttributeValue) and isinstance(value.value, CallValue):
            looks_up = known.TOKEN_AUTHENTICATORS.get(value.value.dotted or "", frozenset())
            if value.attr in looks_up:
                yield Query(node, frame, MANAGED, f"{value.attr}()", node)
        elif isinstance(value, FunctionValue) and isinstance(value.node, m.FunctionDef) and value.node.is_async:
            yield from self._awaited(value, node, body, depth)
        elif isinstance(value, FunctionValue):
            yield from self._entered(value, node, body, depth)
        elif isinstance(value, ClassValue) and self.orm.schema.of_class(value.cls) is None:
            init = value.cls.method("__init__")
            if init is not None:
                made = FunctionValue(init.node, init.owner.frame, SelfValue(value.cls), init.owner)
                yield from self._entered(made, node, body, depth)

    def _awaited(self, value: FunctionValue, node: m.Call, body: Body, depth: int) -> Iterator[Query]:
        """The queries of a coroutine function that come of the arguments it gets."""
        if depth >= MAX_STEPS or not any(self.orm.one(arg.value, body.frame) for arg in node.args):
            return
        inner = self.values.enter(value, node, body.frame)
        if inner is not None and isinstance(value.node, m.FunctionDef) and fits(value.node, inner):
            yield from self._of_frame(Body(value.node, inner), depth + 1)

    def _entered(self, value: FunctionValue, node: m.Call, body: Body, depth: int) -> Iterator[Query]:
        """The queries of a plain project function that is called."""
        if not isinstance(value.node, m.FunctionDef) or depth >= MAX_STEPS:
            return
        plain = Body(value.node, self.values.frame(value.frame.scope.child(value.node)))
        if not self.threads.runs_here(plain) or plain.is_generator:
            return
        inner = self.values.enter(value, node, body.frame, decorated=True)
        if inner is not None:
            yield from self._through(node, value.node, inner, body, depth)

    def _through(self, call: m.Expr, node: m.FunctionDef, inner: Frame, body: Body, depth: int) -> Iterator[Query]:
        step = Step(call, body.frame, node.name)
        if not fits(node, inner):
            return
        for query in self._of_frame(Body(node, inner), depth + 1):
            if query.inside is None:
                yield replace(query, steps=(step, *query.steps))
                return

    def _method(self, node: m.Call, func: m.Attribute, base: Kind, body: Body, depth: int) -> Iterator[Query]:
        frame, name = body.frame, func.attr
        match base:
            case Manager(ready=True):
                return
            case Manager() | QuerySet():
                crossing = base.crossing if isinstance(base, QuerySet) else None
                own = base.cls.method(name) if base.cls is not None else None
                if base.cls is not None and own is not None:
                    yield from self._own(base.cls, name, node, func, body, depth)
                elif name in known.QUERIES:
                    yield Query(node, frame, MANAGED, written(func), node, known.ASYNC_QUERYSET, crossing)
                elif isinstance(base, Manager) and base.related and name in known.RELATED_QUERIES:
                    yield Query(node, frame, MANAGED, written(func), node, known.ASYNC_MODEL)
                elif name in known.USER_MANAGER and base.model is not None and base.model.is_user:
                    yield Query(node, frame, MANAGED, written(func), node, known.USER_MANAGER[name])
            case Instance(model=model) if model is not None:
                own = model.cls.method(name) if model.cls is not None else None
                if model.cls is not None and own is not None and name not in known.INSTANCE_QUERIES:
                    yield from self._own(model.cls, name, node, func, body, depth)
                elif own is not None and (own.node.is_async or not _calls_super(own.node)):
                    return
                elif name in known.INSTANCE_QUERIES:
                    yield Query(node, frame, MANAGED, written(func), node, known.INSTANCE_QUERIES[name])
                elif name in known.PERMISSION_QUERIES and model.is_user:
                    yield Query(node, frame, MANAGED, written(func), node, (5, 2))
            case Session() if name in known.SESSION_QUERIES and self._keeps_sessions(frame.path):
                yield Query(node, frame, MANAGED, written(func), node, known.ASYNC_SESSION)
            case Serializer(cls=cls) if name == "save" and cls.derives_from(*known.MODEL_SERIALIZERS):
                if not cls.defines("save") and not cls.defines("create"):
                    yield Query(node, frame, MANAGED, written(func), node)
            case _:
                return

    def _keeps_sessions(self, path: str) -> bool:
        """Are the sessions of a project in its database?"""
        settings = self.stack.settings_for(path)
        if settings is None or not settings.complete:
            return False
        engines = {
            value.value if isinstance(value, Literal) else None
            for setting in settings.get("SESSION_ENGINE")
            for value in self.values.of(setting.expr, setting.frame)
        }
        return engines <= known.SESSION_ENGINES

    def _own(self, cls: Class, name: str, node: m.Call, func: m.Attribute, body: Body, depth: int) -> Iterator[Query]:
        """The queries of a method that the project's model or manager defines."""
        method = cls.method(name)
        if method is None or method.node.is_async or depth >= MAX_STEPS:
            return
        inner = self.orm.method_frame(cls, name, func.value, body.frame, node, body.frame)
        if inner is not None and not Body(method.node, inner).is_generator:
            yield from self._through(node, method.node, inner, body, depth)

    # --- attributes ---

    def _attribute(self, node: m.Attribute, body: Body, depth: int) -> Iterator[Query]:
        frame = body.frame
        base = self.orm.one(node.value, frame)
        if isinstance(base, Instance) and base.model is not None:
            relation = self.orm.schema.relation(base.model, node.attr)
            if relation is not None and not relation.many:
                if self.loaded.is_assigned(node, frame) or self.loaded.is_joined(base, node, frame):
                    return
                yield Query(node, frame, RELATION, ".".join(path_of(node)) or f"….{node.attr}", node)
            elif relation is None and base.model.cls is not None:
                yield from self._property(node, base, body, depth)
        elif isinstance(base, Serializer) and node.attr == "data":
            yield from self._serialized(node, base, frame)

    def _serialized(self, node: m.Attribute, base: Serializer, frame: Frame) -> Iterator[Query]:
        what = ".".join(path_of(node)) or f"{base.cls.name}(…).data"
        source = base.source
        if isinstance(source, QuerySet):
            if base.many:
                yield Query(node, frame, LAZY, f"serialized by {what}", node, None, source.crossing)
        elif isinstance(source, Rows) if base.many else isinstance(source, Instance):
            element = source.element if isinstance(source, Rows) else source
            field = unloaded(self.orm, base.cls, element) if isinstance(element, Instance) else None
            if field is not None:
                yield Query(node, frame, SERIALIZED, f"{what} (its field {field!r})", node)

    def _property(self, node: m.Attribute, base: Instance, body: Body, depth: int) -> Iterator[Query]:
        assert base.model is not None and base.model.cls is not None
        method = base.model.cls.method(node.attr)
        if method is None or depth >= MAX_STEPS:
            return
        names = {self.values.dotted(one, method.owner.frame) for one in method.node.decorators}
        if not names & _PROPERTIES:
            return
        call = m.Call(node.span, node, ())
        inner = self.orm.method_frame(base.model.cls, node.attr, node.value, body.frame, call, body.frame)
        if inner is not None:
            yield from self._through(node, method.node, inner, body, depth)

    def _shown(self, expr: m.Expr, body: Body, depth: int) -> Iterator[Query]:
        """The text of an object: its `__str__`."""
        kind = self.orm.one(expr, body.frame)
        if not isinstance(kind, Instance) or kind.model is None or kind.model.cls is None or depth >= MAX_STEPS:
            return
        method = kind.model.cls.method("__str__")
        if method is None:
            return
        call = m.Call(expr.span, expr, ())
        inner = self.orm.method_frame(kind.model.cls, "__str__", expr, body.frame, call, body.frame)
        if inner is not None:
            yield from self._through(expr, method.node, inner, body, depth)

    def _named(self, node: m.Call, frame: Frame) -> Iterator[Query]:
        """`getattr(object, "relation")`, `hasattr(object, "relation")`."""
        base = self.orm.one(node.args[0].value, frame)
        name = self.values.one(node.args[1].value, frame)
        if not isinstance(base, Instance) or base.model is None or not isinstance(name, Literal):
            return
        relation = self.orm.schema.relation(base.model, str(name.value))
        if relation is None or relation.many:
            return
        read = m.Attribute(node.span, node.args[0].value, str(name.value), node.span)
        if not self.loaded.is_joined(base, read, frame):
            owner = ".".join(path_of(node.args[0].value)) or "…"
            yield Query(node, frame, RELATION, f"{owner}.{name.value}", node)


_PROPERTIES = frozenset({"builtins.property", "django.utils.functional.cached_property", "functools.cached_property"})


def written(func: m.Attribute) -> str:
    """A call as people would write it in a sentence: `Room.objects….first()`."""
    owner: m.Expr = func.value
    while isinstance(owner, m.Call) and isinstance(owner.func, m.Attribute):
        owner = owner.func.value
    path = ".".join(path_of(owner))
    return f"{path}{'' if path and owner is func.value else '…'}.{func.attr}()"


def path_of(expr: m.Expr) -> tuple[str, ...]:
    """The names of `a.b.c`; empty for anything else."""
    names: list[str] = []
    while isinstance(expr, m.Attribute):
        names.append(expr.attr)
        expr = expr.value
    return (expr.id, *reversed(names)) if isinstance(expr, m.Name) else ()


def _is_told(exception: m.Expr | None) -> bool:
    """Does a handler expect Django's refusal?"""
    match exception:
        case m.Name(id=name) | m.Attribute(attr=name):
            return name == "SynchronousOnlyOperation"
        case m.Sequence(items=items):
            return any(map(_is_told, items))
        case _:
            return False


def _calls_super(node: m.FunctionDef) -> bool:
    return any(
        isinstance(found, m.Call) and isinstance(found.func, m.Name) and found.func.id == "super"
        for found in within(node.body)
    )


def queries_of(stack: Stack) -> Queries:
    """The queries of a stack, found once."""
    found: Queries | None = stack.__dict__.get("_queries")
    if found is None:
        found = stack.__dict__["_queries"] = Queries(stack)
    return found
