"""What an expression is to Django's ORM: a model, a manager, a queryset, an object with the relations it has loaded.

`Orm.of(expression, frame)` follows names, loops, attributes of `self`, calls of project functions and the wrappers that
run them in threads. What is none of these, or may be something else too, is None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wslint.facts import model as m
from wslint.facts.walk import contains, within
from wslint.knowledge import orm as known
from wslint.stack.code.bindings import Binding
from wslint.stack.code.classes import Class
from wslint.stack.code.scope import Scope
from wslint.stack.code.values import (
    AttributeValue,
    Bound,
    CallValue,
    ClassValue,
    Display,
    ExternalValue,
    Frame,
    FunctionValue,
    Literal,
    ModuleValue,
    SelfValue,
    Value,
    argument,
)
from wslint.stack.database.orm_kinds import (
    NOTHING,
    Crossing,
    Instance,
    Joined,
    Kind,
    Manager,
    ModelClass,
    Pair,
    QuerySet,
    Rows,
    Serializer,
    Session,
    across,
    element_of,
    given_by,
    heads,
    instance_of,
    joined_below,
)
from wslint.stack.database.schema import Model, Schema, schema_of
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.model import Stack

MAX_DEPTH = 40
MAX_CALLS = 4
"""How many calls of project functions are followed into each other."""

MAX_STEPS = 600
"""How many expressions one question may lead through."""


class Orm:
    """The evaluator of one stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.values = stack.values
        self.schema: Schema = schema_of(stack)
        self._memo: dict[tuple[int, int], tuple[tuple[Kind | None, ...], m.Expr, Frame]] = {}
        self._active: set[tuple[int, int]] = set()
        self._methods: dict[tuple[int, int, int], tuple[Frame, object]] = {}
        self._comprehensions: dict[int, tuple[m.Comprehension, ...]] = {}
        self._cut = False
        self._calls = 0
        self._steps = 0

    # --- questions ---

    def one(self, expr: m.Expr, frame: Frame) -> Kind | None:
        """What an expression surely is, None values apart."""
        found = self.of(expr, frame)
        if not found or any(kind is None or type(kind) is not type(found[0]) for kind in found):
            return None
        first = found[0]
        if isinstance(first, (QuerySet, Instance)) and len(found) > 1:
            joined: Joined = NOTHING
            for kind in found:
                assert isinstance(kind, (QuerySet, Instance))
                if kind.model is not first.model:
                    return replace(first, model=None, joined=None)
                joined = None if joined is None or kind.joined is None else joined | kind.joined
            return replace(first, joined=joined)
        return first

    def of(self, expr: m.Expr, frame: Frame) -> tuple[Kind | None, ...]:
        """All that an expression can be; None in it is something else. A literal None is left out."""
        key = (id(expr), id(frame))
        done = self._memo.get(key)
        if done is not None:
            return done[0]
        self._steps = self._steps + 1 if self._active else 0
        if key in self._active or len(self._active) > MAX_DEPTH or self._steps > MAX_STEPS:
            self._cut = True
            return (None,)
        self._active.add(key)
        outer, self._cut = self._cut, False
        try:
            found = _distinct(self._of(expr, frame))
        finally:
            self._active.discard(key)
        if not self._cut or not self._active:
            self._memo[key] = (found, expr, frame)
        self._cut = self._cut or outer
        return found

    def _of(self, expr: m.Expr, frame: Frame) -> Iterator[Kind | None]:
        match expr:
            case m.Constant(value=None) | m.Sequence(items=()):
                return
            case m.Await():
                yield from self.of(expr.value, frame)
            case m.Conditional():
                yield from self.of(expr.body, frame)
                yield from self.of(expr.orelse, frame)
            case m.BoolOp(op="or"):
                yield from self.of(expr.left, frame)
                yield from self.of(expr.right, frame)
            case m.BoolOp():
                yield from self.of(expr.right, frame)
            case m.Walrus():
                yield from self.of(expr.value, frame)
            case m.Name():
                yield from self._name(expr, frame)
            case m.Attribute():
                yield from self._attribute(expr, frame)
            case m.Subscript():
                yield self._subscript(expr, frame)
            case m.Call():
                yield from self._call(expr, frame)
            case m.BinaryOp(op="|" | "&"):
                yield from self.of(expr.left, frame)
            case m.Comprehension(kind="list" | "set" | "generator"):
                element = self.one(expr.element, frame)
                yield Rows(element) if isinstance(element, Instance) else None
            case _:
                yield None

    # --- names ---

    def _name(self, expr: m.Name, frame: Frame) -> Iterator[Kind | None]:
        scope = frame.scope
        if scope.comprehends(expr.id, expr.span):
            yield from self._comprehended(expr, frame)
            return
        owner = scope.owner(expr.id)
        home: Frame | None = frame
        while home is not None and home.scope is not owner:
            home = home.parent
        if owner is None or home is None or not owner.is_function or any(owner.rebinders(expr.id)):
            yield from self._fallback(expr, frame)
            return
        for binding in owner.reaching(expr.id, expr.span if owner is scope else None):
            yield from self._binding(binding, home)

    def _binding(self, binding: Binding, home: Frame) -> Iterator[Kind | None]:
        source = binding.source
        match source:
            case m.Assign() | m.Walrus() if binding.value is not None and binding.path is not None:
                yield from self._part(binding.value, binding.path, home)
            case m.For(target=m.Name()):
                yield from self._elements(source.iterable, home, source.is_async)
            case m.For(target=m.Sequence(items=items)):
                named = [
                    index for index, item in enumerate(items) if isinstance(item, m.Name) and item.id == binding.name
                ]
                yield from self._enumerated(source.iterable, named, home)
            case m.Parameter():
                yield from self._parameter(source, home)
            case m.AugmentedAssign(op="|" | "&"):
                yield from self.of(source.value, home)
            case m.FunctionDef() | m.ClassDef():
                yield None
            case m.Node() if binding.value is None and not isinstance(source, (m.For, m.WithItem)):
                for value in self.values.bound((binding,), home):
                    yield from self._value(value, home.path)
            case _:
                yield None

    def _part(self, value: m.Expr, path: tuple[int, ...], home: Frame) -> Iterator[Kind | None]:
        """What a tuple target takes of a value."""
        if not path:
            yield from self.of(value, home)
        elif isinstance(value, m.Sequence) and path[0] < len(value.items):
            yield from self._part(value.items[path[0]], path[1:], home)
        else:
            for kind in self.of(value, home):
                yield kind.first if isinstance(kind, Pair) and path == (0,) else None

    def _parameter(self, param: m.Parameter, frame: Frame) -> Iterator[Kind | None]:
        bound = frame.arguments.get(param.name)
        if bound is not None:
            if bound.expr is not None:
                yield from self.of(bound.expr, bound.frame)
            elif bound.value is not None:
                yield from self._value(bound.value, frame.path)
            return
        for value in self.values.bound((_param_binding(frame.scope, param),), frame):
            yield from self._value(value, frame.path)
            return
        yield None

    def _comprehended(self, expr: m.Name, frame: Frame) -> Iterator[Kind | None]:
        for node in self._comprehensions_of(frame.scope):
            if not contains(node.span, expr.span):
                continue
            for generator in node.generators:
                match generator.target:
                    case m.Name(id=name) if name == expr.id and generator.target is not expr:
                        yield from self._elements(generator.iterable, frame, generator.is_async)
                        return
                    case m.Sequence(items=items):
                        named = [i for i, item in enumerate(items) if isinstance(item, m.Name) and item.id == expr.id]
                        if named:
                            yield from self._enumerated(generator.iterable, named, frame)
                            return
        yield None

    def _comprehensions_of(self, scope: Scope) -> tuple[m.Comprehension, ...]:
        """The comprehensions of a scope, inner ones first."""
        if id(scope) not in self._comprehensions:
            roots: tuple[m.Node, ...] = (scope.node.body,) if isinstance(scope.node, m.Lambda) else scope.body
            found = [node for node in within(roots) if isinstance(node, m.Comprehension)]
            self._comprehensions[id(scope)] = tuple(reversed(found))
        return self._comprehensions[id(scope)]

    def _elements(self, iterable: m.Expr, frame: Frame, is_async: bool = False) -> Iterator[Kind | None]:
        """What a loop over an expression gives; one that fails at its queryset gives nothing to look at."""
        for kind in self.of(iterable, frame):
            fails = isinstance(kind, QuerySet) and kind.crossing is not None and not is_async
            yield None if fails else element_of(kind)

    def _enumerated(self, iterable: m.Expr, named: list[int], frame: Frame) -> Iterator[Kind | None]:
        """What a name among the targets of a loop takes: the second of `enumerate(…)`."""
        match iterable:
            case m.Call(func=m.Name(id="enumerate"), args=(inner, *_)) if named == [1]:
                yield from self._elements(inner.value, frame)
            case _:
                yield None

    # --- attributes ---

    def _attribute(self, expr: m.Attribute, frame: Frame) -> Iterator[Kind | None]:
        for base in self.of(expr.value, frame):
            if base is not None:
                yield from self._member(base, expr, frame)
                continue
            for value in self.values.of(expr.value, frame):
                match value:
                    case SelfValue(cls=cls):
                        yield from self._of_object(cls, expr, frame)
                    case CallValue(callee=ClassValue(cls=cls)):
                        yield from self._of_object(cls, expr, frame)
                    case ModuleValue() | ExternalValue() | ClassValue():
                        yield from self._fallback(expr, frame)
                    case _:
                        yield None

    def _of_object(self, cls: Class, expr: m.Attribute, frame: Frame) -> Iterator[Kind | None]:
        """`self.name` of an object that is no model: what its methods assign, else what its class says."""
        assigned = cls.instance_assignments.get(expr.attr, ())
        for statement, value, method in assigned:
            if value is None:
                yield from self._unpacked(statement, expr.attr, method.frame)
            else:
                yield from self.of(value, method.frame)
        if not assigned:
            yield from self._fallback(expr, frame)

    def _unpacked(self, statement: m.Node, name: str, frame: Frame) -> Iterator[Kind | None]:
        """What `self.name` takes in `self.name, other = value`."""
        if isinstance(statement, m.Assign) and statement.value is not None:
            for target in statement.targets:
                for index, item in enumerate(target.items if isinstance(target, m.Sequence) else ()):
                    if isinstance(item, m.Attribute) and item.attr == name:
                        yield from self._part(statement.value, (index,), frame)
                        return
        yield None

    def _member(self, base: Kind, expr: m.Attribute, frame: Frame) -> Iterator[Kind | None]:
        name = expr.attr
        match base:
            case ModelClass(model=model):
                yield self._manager(model, name)
            case Instance(model=model) if model is not None:
                relation = self.schema.relation(model, name)
                if relation is None:
                    yield None
                elif relation.many:
                    joined = frozenset({relation.back}) if relation.back else NOTHING
                    ready = base.joined is None or name in heads(base.joined)
                    yield Manager(relation.target, related=True, joined=joined, ready=ready)
                else:
                    yield Instance(relation.target, joined_below(base.joined, name), base.touched)
            case _:
                yield None

    def _manager(self, model: Model, name: str) -> Manager | None:
        """The manager that an attribute of a model class is."""
        if model.cls is None:
            return Manager(model) if name in ("objects", "_default_manager", "_base_manager") else None
        for value in model.cls.attribute(name, ClassValue(model.cls)) or ():
            cls = self._manager_class(value)
            if cls is not None:
                return Manager(model, cls, joined=self._default_join(cls))
            if isinstance(value, CallValue) and name == "objects":
                return Manager(model, None, joined=None) if self._is_plain(value) else None
            return None
        return Manager(model) if name in ("objects", "_default_manager", "_base_manager") else None

    def _manager_class(self, value: Value) -> Class | None:
        """The project's manager or queryset class that an attribute of a model class was made of."""
        if not isinstance(value, CallValue):
            return None
        match value.callee:
            case ClassValue(cls=cls) if cls.derives_from(*known.MANAGER_BASES):
                return cls
            case AttributeValue(value=ClassValue(cls=cls), attr="as_manager"):
                return cls
            case CallValue(callee=AttributeValue(attr="from_queryset"), node=node, frame=frame) if node.args:
                found = self.values.one(node.args[0].value, frame)
                return found.cls if isinstance(found, ClassValue) else None
        return None

    def _is_plain(self, value: CallValue) -> bool:
        """Is it a manager of Django or a package, whose methods are those of Django's?"""
        return "async" not in (value.dotted or "async").lower()

    def _default_join(self, cls: Class) -> Joined:
        """What every query of a project's manager loads: unknown when it changes get_queryset()."""
        return None if cls.defines("get_queryset") or cls.defines("select_related") else NOTHING

    def _subscript(self, expr: m.Subscript, frame: Frame) -> Kind | None:
        if isinstance(expr.index, m.Constant) and is_scope(expr.value):
            return self._of_scope(expr.index.value, frame)
        base = self.one(expr.value, frame)
        if isinstance(base, QuerySet) and isinstance(expr.index, m.Opaque):
            return base  # a slice
        if isinstance(base, Pair):
            return base.first if isinstance(expr.index, m.Constant) and expr.index.value == 0 else None
        return element_of(base) if not isinstance(expr.index, m.Opaque) else base if isinstance(base, Rows) else None

    def _of_scope(self, key: object, frame: Frame) -> Kind | None:
        """What the scope holds: the user, loaded by Channels' AuthMiddleware or the project's own, and the session."""
        if key != "user":
            return Session() if key == "session" else None
        own = [made for made in self.stack.middleware if made.authenticates]
        joined = None if any(_joins(made.cls) for made in own) else NOTHING
        return Instance(self.schema.user(frame.path), joined, of_scope=True)

    # --- calls ---

    def _call(self, expr: m.Call, frame: Frame) -> Iterator[Kind | None]:
        match expr.func:
            case m.Attribute(attr="get", value=owner) if is_scope(owner) and expr.args:
                first = expr.args[0].value
                yield self._of_scope(first.value, frame) if isinstance(first, m.Constant) else None
                return
        wrapped = self.wrapped(expr, frame)
        if wrapped is not None:
            target, home, call = wrapped
            for kind in self._applied(target, home, call, frame, threaded=True):
                yield across(kind, Crossing(expr, frame, returned=False))
            return
        yield from self._applied(expr.func, frame, expr, frame)

    def wrapped(self, call: m.Call, frame: Frame) -> tuple[m.Expr, Frame, m.Call] | None:
        """(function, where it is named, the call it gets) of a call that runs a function in a thread."""
        if self.values.dotted(call.func, frame) in known.THREAD_CALLS and call.args and not call.args[0].keyword:
            return call.args[0].value, frame, m.Call(call.span, call.args[0].value, call.args[1:])
        value = self.values.one(call.func, frame)
        if isinstance(value, CallValue) and value.dotted in known.THREAD_WRAPPERS and value.node.args:
            target = value.node.args[0].value
            return target, value.frame, call
        return None

    def _applied(
        self, func: m.Expr, home: Frame, call: m.Call, frame: Frame, *, threaded: bool = False
    ) -> Iterator[Kind | None]:
        """What a call of an expression gives; the arguments are read in `frame`."""
        if isinstance(func, m.Attribute):
            base = self.one(func.value, home)
            if base is not None and not isinstance(base, ModelClass):
                yield from self._method(base, func.attr, func, home, call, frame)
                return
        for value in self.values.of(func, home):
            yield from self._called(value, call, frame, threaded)

    def _called(self, value: Value, call: m.Call, frame: Frame, threaded: bool) -> Iterator[Kind | None]:
        match value:
            case ClassValue(cls=cls):
                yield self._made(cls, call, frame)
            case FunctionValue():
                yield from self._returned(value, call, frame, threaded or self.runs_in_thread(value))
            case ExternalValue():
                yield from self._external(value.dotted, call, frame)
            case _:
                yield None

    def _made(self, cls: Class, call: m.Call, frame: Frame) -> Kind | None:
        """An instance of a project class."""
        model = self.schema.of_class(cls)
        if model is not None:
            return Instance(model, given_by(call))
        if cls.derives_from(*known.SERIALIZERS) and call.args:
            source = argument(call, 0, "instance")
            many = argument(call, 99, "many")
            return Serializer(
                cls,
                self.one(source, frame) if source is not None else None,
                isinstance(many, m.Constant) and many.value is True,
            )
        return None

    def _external(self, dotted: str, call: m.Call, frame: Frame) -> Iterator[Kind | None]:
        first = call.args[0].value if call.args and not call.args[0].star else None
        name = dotted.rpartition(".")[2]
        if dotted in ("builtins.list", "builtins.tuple", "builtins.set", "builtins.sorted") and first is not None:
            for kind in self.of(first, frame):
                element = element_of(kind)
                yield Rows(element) if element is not None else None
        elif dotted in ("copy.copy", "copy.deepcopy", "builtins.reversed", "builtins.iter") and first is not None:
            yield from self.of(first, frame)
        elif dotted == "builtins.next" and first is not None:
            yield from self._elements(first, frame)
        elif name in ("get_object_or_404", "aget_object_or_404") and first is not None:
            for kind in self.of(first, frame):
                yield instance_of(kind)
        elif dotted in known.GIVES_USER:
            yield Instance(self.schema.user(frame.path))
        elif dotted == known.GET_USER_MODEL or dotted in known.GET_MODEL:
            found = self.schema.of_value(CallValue(ExternalValue(dotted), call, frame), frame.path)
            yield ModelClass(found) if found is not None else None
        else:
            model = self.schema.of_name(dotted)
            yield Instance(model, given_by(call)) if model is not None else None

    def _returned(self, function: FunctionValue, call: m.Call, frame: Frame, threaded: bool) -> Iterator[Kind | None]:
        """What a call of a project function gives."""
        inner = self.values.enter(function, call, frame) if self._calls < MAX_CALLS else None
        if inner is None:
            self._cut = self._cut or self._calls >= MAX_CALLS
            yield None
            return
        for result in results(function):
            self._calls += 1
            try:
                found = self.of(result, inner)
            finally:
                self._calls -= 1
            for kind in found:
                if isinstance(kind, Instance):
                    yield replace(kind, touched=(*kind.touched, inner))
                elif isinstance(kind, Rows):
                    yield Rows(replace(kind.element, touched=(*kind.element.touched, inner)))
                elif threaded:
                    yield across(kind, Crossing(result, inner, returned=True))
                else:
                    yield kind

    def runs_in_thread(self, function: FunctionValue) -> bool:
        """Is it a plain function that a decorator runs in a thread?"""
        node = function.node
        return isinstance(node, m.FunctionDef) and any(
            self.values.dotted(one.func if isinstance(one, m.Call) else one, function.frame) in known.THREAD_WRAPPERS
            for one in node.decorators
        )

    def _method(
        self, base: Kind, name: str, func: m.Attribute, home: Frame, call: m.Call, frame: Frame
    ) -> Iterator[Kind | None]:
        match base:
            case Manager() | QuerySet():
                own = self._own_method(base.cls, name)
                if own is not None:
                    yield from self._of_manager(base, own, func.value, home, call, frame)
                    return
                if name != "none":
                    yield self._built(base, name, call, frame)
            case Instance(model=model) if model is not None and model.cls is not None:
                inner = self.method_frame(model.cls, name, func.value, home, call, frame)
                if inner is None:
                    yield None
                    return
                node = inner.scope.node
                assert isinstance(node, m.FunctionDef)
                for result in results(FunctionValue(node, inner)):
                    yield from self.of(result, inner)
            case _:
                yield None

    def _own_method(self, cls: Class | None, name: str) -> FunctionValue | None:
        """A method that a project's manager or queryset class adds."""
        method = cls.method(name) if cls is not None else None
        if method is None:
            return None
        return FunctionValue(method.node, method.owner.frame, None, method.owner)

    def _of_manager(
        self, base: Manager | QuerySet, own: FunctionValue, receiver: m.Expr, home: Frame, call: m.Call, frame: Frame
    ) -> Iterator[Kind | None]:
        inner = self._bound_frame(own, receiver, home, call, frame)
        if inner is None:
            yield None
            return
        for result in results(own):
            yield from self.of(result, inner)

    def method_frame(
        self, cls: Class, name: str, receiver: m.Expr, home: Frame, call: m.Call, frame: Frame
    ) -> Frame | None:
        """The frame of a method of a model (or manager) for one call, `self` being the receiver."""
        method = cls.method(name)
        if method is None:
            return None
        return self._bound_frame(
            FunctionValue(method.node, method.owner.frame, None, method.owner), receiver, home, call, frame
        )

    def _bound_frame(
        self, own: FunctionValue, receiver: m.Expr, home: Frame, call: m.Call, frame: Frame
    ) -> Frame | None:
        node = own.node
        if not isinstance(node, m.FunctionDef) or not node.params:
            return None
        decorators = {self.values.dotted(one, own.frame) for one in node.decorators}
        if not decorators <= _METHOD_DECORATORS:
            return None
        key = (id(node), id(receiver), id(frame))
        if key not in self._methods:
            assert own.owner is not None
            bound = FunctionValue(node, own.frame, SelfValue(own.owner), own.owner)
            arguments = self.values.bind(bound, call, frame)
            if arguments is None:
                return None
            arguments[node.params[0].name] = Bound(receiver, home)
            inner = Frame(own.frame.scope.child(node), arguments, own.frame, own.owner)
            self._methods[key] = (inner, (node, receiver, frame))
        return self._methods[key][0]

    def _built(self, base: Manager | QuerySet, name: str, call: m.Call, frame: Frame) -> Kind | None:
        """What a method of Django's managers and querysets gives."""
        rows = base.rows if isinstance(base, QuerySet) else True
        crossing = base.crossing if isinstance(base, QuerySet) else None
        joined = base.joined
        if name in known.BUILDS or name in known.BUILDS_ROWS or name in ("iterator", "raw", "get_queryset"):
            if isinstance(base, Manager) and base.ready and name == "all":
                return Rows(Instance(base.model, None))
            if name in ("select_related", "prefetch_related"):
                joined = self._joining(joined, call, frame)
            rows = rows and name not in known.BUILDS_ROWS
            return QuerySet(base.model, joined, rows, base.cls, crossing, (call, frame))
        plain = name[1:] if name.startswith("a") and name[1:] in known.QUERIES else name
        if name == "aiterator":
            return QuerySet(base.model, joined, rows, base.cls, crossing, (call, frame))
        if not rows:
            return None
        if plain in known.PAIR:
            return Pair(Instance(base.model, joined))
        if plain == "create":
            given = given_by(call)
            return Instance(base.model, None if joined is None or given is None else joined | given)
        if plain in known.ONE or plain in ("create_user", "create_superuser"):
            return Instance(base.model, joined)
        return None

    def _joining(self, joined: Joined, call: m.Call, frame: Frame) -> Joined:
        """What select_related() or prefetch_related() adds; unknown without readable names."""
        if joined is None or not call.args:
            return None
        found: set[str] = set()
        for arg in call.args:
            expr = arg.value
            match expr:
                case m.Call(args=(first, *_)):  # Prefetch("name", …)
                    expr = first.value
            text = self.values.constant(expr, frame)
            if arg.star or not isinstance(text, str):
                return None
            found.add(text)
        return joined | found

    # --- values ---

    def _fallback(self, expr: m.Expr, frame: Frame) -> Iterator[Kind | None]:
        for value in self.values.of(expr, frame):
            yield from self._value(value, frame.path)

    def _value(self, value: Value, path: str) -> Iterator[Kind | None]:
        if isinstance(value, Literal) and value.value is None:
            return
        model = self.schema.of_value(value, path)
        if model is not None:
            yield ModelClass(model)
            return
        match value:
            case SelfValue(cls=cls):
                own = self.schema.of_class(cls)
                if own is not None:
                    yield Instance(own, None)
                elif cls.derives_from(*known.MANAGER_BASES):
                    yield Manager(None, cls, joined=None)
                elif cls.derives_from(*known.QUERYSET_BASES):
                    yield QuerySet(None, None, cls=cls)
                else:
                    yield None
            case CallValue() | AttributeValue() | Display():
                yield from self.of(value.node, value.frame)
            case _:
                yield None


_METHOD_DECORATORS = frozenset(
    {
        "builtins.property",
        "functools.cached_property",
        "django.utils.functional.cached_property",
        "typing.override",
        "django.db.transaction.atomic",
    }
)


def results(function: FunctionValue) -> list[m.Expr]:
    """The expressions that a function may return; empty for a generator."""
    node = function.node
    if isinstance(node, m.Lambda):
        return [node.body]
    found = [inner for inner in within(node.body) if isinstance(inner, (m.Return, m.Yield))]
    if any(isinstance(inner, m.Yield) for inner in found):
        return []
    return [inner.value for inner in found if inner.value is not None]


def _joins(cls: Class) -> bool:
    """Does a middleware's module say select_related() or prefetch_related() anywhere?"""
    return any(
        isinstance(node, m.Attribute) and node.attr in ("select_related", "prefetch_related")
        for scope in _all_scopes(cls)
        for node in within(scope.body)
    )


def _all_scopes(cls: Class) -> Iterator[Scope]:
    from wslint.stack.code.scope import scopes

    yield from scopes(cls.module)


def _param_binding(scope: Scope, param: m.Parameter) -> Binding:
    return next(binding for binding in scope.bindings[param.name] if binding.source is param)


def _distinct(kinds: Iterator[Kind | None]) -> tuple[Kind | None, ...]:
    found: list[Kind | None] = []
    for kind in kinds:
        if kind not in found:
            found.append(kind)
    return tuple(found)


def orm_of(stack: Stack) -> Orm:
    """The evaluator of a stack, made once."""
    found: Orm | None = stack.__dict__.get("_orm")
    if found is None:
        found = stack.__dict__["_orm"] = Orm(stack)
    return found
