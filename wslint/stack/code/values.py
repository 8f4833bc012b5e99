"""What an expression can be: names followed through assignments, imports, attributes, calls of project functions.

`Values.of(expression, frame)` answers with the possible values; *unknown* is one of them. Nothing is executed: a call
of a project function is its return expressions, read with the arguments bound; what needs more than that is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge.channels import STAR_EXPORTS
from wslint.location import Span
from wslint.stack.code.bindings import Binding, Imported, ends
from wslint.stack.code.changes import changes
from wslint.stack.code.kinds import (
    AttributeValue,
    Bound,
    CallValue,
    ClassValue,
    Display,
    ExternalValue,
    Frame,
    FunctionValue,
    Grown,
    Literal,
    ModuleValue,
    Parameter,
    SelfValue,
    Unknown,
    Value,
    argument,
    distinct,
)
from wslint.stack.code.link import External, Module, Modules
from wslint.stack.code.scope import Scope
from wslint.stack.project.outside import Outside

if TYPE_CHECKING:
    from wslint.stack.code.classes import Class

__all__ = [
    "AttributeValue",
    "Bound",
    "CallValue",
    "ClassValue",
    "Display",
    "ExternalValue",
    "Frame",
    "FunctionValue",
    "Grown",
    "Literal",
    "ModuleValue",
    "Parameter",
    "SelfValue",
    "Unknown",
    "Value",
    "Values",
    "argument",
]

MAX_DEPTH = 24
MAX_VALUES = 24
MAX_STEPS = 5000
"""How many expressions one question may lead through, so that functions that call each other end."""


class Values:
    """The evaluator of one stack."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self._classes: dict[int, Class] = {}
        self._frames: dict[int, Frame] = {}
        self._active: set[tuple[int, int]] = set()
        self._memo: dict[tuple[int, int], tuple[tuple[Value, ...], m.Expr, Frame]] = {}
        self._entered: dict[tuple[int, int, int, int], tuple[Frame, object]] = {}
        self._depth = 0
        self._steps = 0
        self._truncated = False
        self.outside = Outside()
        self.descendants: Mapping[int, list[Class]] = {}
        """The subclasses of a class by its id, as soon as every class is known."""

    # --- frames and definitions ---

    def frame(self, scope: Scope, owner: Class | None = None) -> Frame:
        """The plain frame of a scope: no arguments known (the same object each time)."""
        found = self._frames.get(id(scope))
        if found is None:
            parent = None if scope.parent is None else self.frame(scope.parent)
            found = self._frames[id(scope)] = Frame(scope, {}, parent, owner or self._owner(scope))
        return found

    def module_frame(self, module: Module) -> Frame:
        return self.frame(module.scope)

    def _owner(self, scope: Scope) -> Class | None:
        if isinstance(scope.node, m.FunctionDef) and scope.parent and isinstance(scope.parent.node, m.ClassDef):
            return self.cls(scope.parent.node, scope.parent.parent or scope.module.scope)
        return self._owner(scope.parent) if scope.parent is not None else None

    def cls(self, node: m.ClassDef, scope: Scope) -> Class:
        """The class of a definition that stands in a scope."""
        from wslint.stack.code.classes import Class

        found = self._classes.get(id(node))
        if found is None:
            found = self._classes[id(node)] = Class(node, scope, self)
        return found

    # --- evaluation ---

    def of(self, expr: m.Expr, frame: Frame) -> tuple[Value, ...]:
        """The possible values of an expression; at least one, unknown included."""
        key = (id(expr), id(frame))
        done = self._memo.get(key)
        if done is not None:
            return done[0]
        self._steps = self._steps + 1 if self._depth else 0
        if key in self._active or self._depth > MAX_DEPTH or self._steps > MAX_STEPS:
            self._truncated = True
            return (Unknown(expr),)
        self._active.add(key)
        self._depth += 1
        outer, self._truncated = self._truncated, False
        try:
            found = tuple(distinct(self._of(expr, frame))) or (Unknown(expr),)
        finally:
            self._active.discard(key)
            self._depth -= 1
        if len(found) > MAX_VALUES:
            found = (*found[:MAX_VALUES], Unknown(expr))
        if not self._truncated or self._depth == 0:
            self._memo[key] = (found, expr, frame)  # keeps both alive, so that ids stay theirs
        self._truncated = self._truncated or outer
        return found

    def one(self, expr: m.Expr, frame: Frame) -> Value:
        """The only possible value, or unknown."""
        found = self.of(expr, frame)
        return found[0] if len(found) == 1 else Unknown(expr)

    def constant(self, expr: m.Expr, frame: Frame) -> bool | int | float | str | Unknown | None:
        """The literal that an expression surely is."""
        value = self.one(expr, frame)
        if isinstance(value, ExternalValue):
            outside = self.outside.constant(value.dotted)
            return Unknown(expr) if outside is None or isinstance(outside, bytes) else outside
        return value.value if isinstance(value, Literal) else Unknown(expr)

    def dotted(self, expr: m.Expr, frame: Frame) -> str | None:
        """The external dotted name that an expression surely is, for example `channels.routing.URLRouter`."""
        value = self.one(expr, frame)
        return value.dotted if isinstance(value, ExternalValue) else None

    def _of(self, expr: m.Expr, frame: Frame) -> Iterator[Value]:
        match expr:
            case m.Constant():
                yield Literal(expr, frame)
            case m.Name():
                yield from self.name(expr.id, frame, expr.span)
            case m.Attribute():
                for value in self.of(expr.value, frame):
                    yield from self.attribute(value, expr.attr, expr, frame)
            case m.Call():
                for callee in self.of(expr.func, frame):
                    yield from self.call(callee, expr, frame)
            case m.Await():
                yield from self.of(expr.value, frame)
            case m.Conditional():
                yield from self.of(expr.body, frame)
                yield from self.of(expr.orelse, frame)
            case m.BoolOp(op="or"):
                for value in self.of(expr.left, frame):
                    if not (isinstance(value, Literal) and not value.value):
                        yield value
                yield from self.of(expr.right, frame)
            case m.BoolOp():
                for value in self.of(expr.left, frame):
                    if isinstance(value, Literal) and not value.value:
                        yield value
                yield from self.of(expr.right, frame)
            case m.Walrus():
                yield from self.of(expr.value, frame)
            case m.Subscript():
                yield from self.subscript(expr, frame)
            case m.Lambda():
                yield FunctionValue(expr, frame)
            case m.Opaque() | m.Yield() | m.Starred():
                yield Unknown(expr)
            case _:
                yield Display(expr, frame)

    def name(self, name: str, frame: Frame, at: Span | None = None) -> Iterator[Value]:
        """What a name can be where a frame reads it."""
        if at is not None and frame.scope.comprehends(name, at):
            yield Unknown()
            return
        owner = frame.scope.owner(name)
        if owner is None:
            yield from self._free(name, frame)
            return
        home = frame
        while home.scope is not owner and home.parent is not None:
            home = home.parent
        if home.scope is not owner:
            home = self.frame(owner)
        yield from self._owned(name, owner, home, at if owner is frame.scope else None)
        for scope in owner.rebinders(name):
            yield from self.bound(scope.bindings[name], self.frame(scope))

    def _owned(self, name: str, owner: Scope, home: Frame, at: Span | None) -> Iterator[Value]:
        """What a name of a scope can be at a place (its end when None); star imports may bind it anew."""
        if owner.node is not None or "*" not in owner.bindings:
            found = owner.reaching(name, at)
            yield from self.bound(found, home)
            if not found:
                yield from self._free(name, home)
            return
        stars = {id(star): source for star, source in self.modules.star_sources(owner.module)}
        bindings = list(owner.bindings.get(name, ()))
        for star in owner.bindings["*"]:
            if self._exports(stars[id(star)], name, {id(owner.module)}):
                bindings.append(star)
        bindings.sort(key=lambda binding: binding.place)
        reaching, surely = owner.reaching_surely(bindings, at)
        for binding in reaching or (bindings if at is None else ()):
            if binding.name == "*":
                yield from self._taken(stars[id(binding)], name)
            else:
                yield from self._binding(binding, home)
        if not reaching and not surely and at is not None:
            yield Unknown()

    def _free(self, name: str, frame: Frame) -> Iterator[Value]:
        """A name that no scope binds: taken by a star import, or a builtin."""
        module = frame.module
        sources = [source for _, source in self.modules.star_sources(module)]
        for source in sources:
            if self._exports(source, name, {id(module)}):
                yield from self._taken(source, name)
                return
        yield Unknown() if sources else ExternalValue(f"builtins.{name}")

    def _exports(self, source: Module | External | None, name: str, seen: set[int]) -> bool:
        """Does a star import from a module surely bring a name?"""
        if isinstance(source, External):
            return name in STAR_EXPORTS.get(source.dotted, ())
        if source is None or id(source) in seen or name.startswith("_"):
            return False
        seen.add(id(source))
        return name in source.scope.bindings or any(
            self._exports(inner, name, seen) for _, inner in self.modules.star_sources(source)
        )

    def _taken(self, source: Module | External | None, name: str) -> Iterator[Value]:
        if isinstance(source, External):
            yield ExternalValue(f"{source.dotted}.{name}")
        elif source is not None:
            yield from self.member(source, name)

    def member(self, module: Module, name: str) -> Iterator[Value]:
        """What a module's name is at the end of the module."""
        key = (id(module), hash(name))
        if key in self._active:
            self._truncated = True
            yield Unknown()
            return
        self._active.add(key)
        try:
            yield from self._member(module, name)
        finally:
            self._active.discard(key)

    def _member(self, module: Module, name: str) -> Iterator[Value]:
        scope = module.scope
        if name in scope.bindings or any(
            self._exports(source, name, {id(module)}) for _, source in self.modules.star_sources(module)
        ):
            yield from self._owned(name, scope, self.frame(scope), None)
            for rebinder in scope.rebinders(name):
                yield from self.bound(rebinder.bindings[name], self.frame(rebinder))
            return
        submodule = self.modules.find(f"{module.name}.{name}" if module.name else name, module.path)
        yield Unknown() if submodule is None else ModuleValue(submodule)

    def bound(self, bindings: Iterable[Binding], frame: Frame) -> Iterator[Value]:
        """What bindings of one scope bind, read in the frame of that scope."""
        for binding in bindings:
            yield from self._binding(binding, frame)

    def _binding(self, binding: Binding, frame: Frame) -> Iterator[Value]:
        source = binding.source
        match source:
            case m.Assign() | m.Walrus():
                if binding.value is None or binding.path is None:
                    yield Unknown(source)
                    return
                for value in self.of(binding.value, frame):
                    yield from self.element(value, binding.path)
            case m.For(target=m.Name()):
                for value in self.of(source.iterable, frame):
                    yield from self._each(value)
            case m.AugmentedAssign():
                yield Grown(binding.name, source, frame)
            case m.FunctionDef():
                owner = None
                if isinstance(frame.scope.node, m.ClassDef) and frame.scope.parent is not None:
                    owner = self.cls(frame.scope.node, frame.scope.parent)
                yield FunctionValue(source, frame, None, owner)
            case m.ClassDef():
                yield ClassValue(self.cls(source, frame.scope))
            case Imported():
                yield from self._imported(source, frame.module)
            case m.Parameter():
                yield from self._parameter(source, frame)
            case _:
                yield Unknown(source)

    def _imported(self, imported: Imported, module: Module) -> Iterator[Value]:
        found = self.modules.resolve(module, imported)
        if found is None:
            yield Unknown(imported)
        elif isinstance(found, External):
            yield ExternalValue(found.dotted)
        elif isinstance(found, Module):
            yield ModuleValue(found)
        else:
            target, _, name = found
            yield from self.member(target, name)

    def _parameter(self, param: m.Parameter, frame: Frame) -> Iterator[Value]:
        bound = frame.arguments.get(param.name)
        if bound is not None:
            if bound.value is not None:
                yield bound.value
            elif bound.expr is not None:
                yield from self.of(bound.expr, bound.frame)
            return
        node, owner = frame.scope.node, frame.owner
        is_method = isinstance(frame.scope.parent and frame.scope.parent.node, m.ClassDef)
        if is_method and owner is not None and isinstance(node, m.FunctionDef) and node.params[0] is param:
            names = {d.id for d in node.decorators if isinstance(d, m.Name)}
            if "staticmethod" not in names:
                yield ClassValue(owner) if "classmethod" in names else SelfValue(owner)
                return
        yield Parameter(param, frame)

    def element(self, value: Value, path: tuple[int, ...]) -> Iterator[Value]:
        """The part of a value that a tuple target takes."""
        if not path:
            yield value
            return
        if isinstance(value, Display) and isinstance(value.node, m.Sequence):
            items = value.node.items
            if path[0] < len(items) and not any(isinstance(item, m.Starred) for item in items):
                for inner in self.of(items[path[0]], value.frame):
                    yield from self.element(inner, path[1:])
                return
        yield Unknown()

    def _each(self, value: Value) -> Iterator[Value]:
        """What a loop over a value gives."""
        node = value.node if isinstance(value, Display) else None
        if not isinstance(value, Display) or not isinstance(node, m.Sequence) or not self._settled(value):
            yield Unknown()
            return
        for item in node.items:
            if isinstance(item, m.Starred):
                yield Unknown(item)
            else:
                yield from self.of(item, value.frame)

    def attribute(self, value: Value, attr: str, node: m.Attribute, frame: Frame) -> Iterator[Value]:
        """What `value.attr` can be."""
        match value:
            case ModuleValue():
                yield from self.member(value.module, attr)
            case ExternalValue():
                yield ExternalValue(f"{value.dotted}.{attr}")
            case ClassValue():
                found = value.cls.attribute(attr, value)
                yield from found if found is not None else (AttributeValue(value, attr, node, frame),)
            case SelfValue():
                found = value.cls.attribute(attr, value, instance=True)
                yield from found if found is not None else (AttributeValue(value, attr, node, frame),)
            case CallValue(callee=ClassValue(cls=cls)):
                found = cls.attribute(attr, SelfValue(cls), instance=True)
                yield from found if found is not None else (AttributeValue(value, attr, node, frame),)
            case Literal() if attr == "value":
                yield value  # the value of an enum member, which is read as the literal it was given
            case _:
                yield AttributeValue(value, attr, node, frame)

    def subscript(self, expr: m.Subscript, frame: Frame) -> Iterator[Value]:
        for value in self.of(expr.value, frame):
            if isinstance(value, (ClassValue, ExternalValue)) and not (
                isinstance(value, ExternalValue) and value.dotted == "os.environ"
            ):
                yield value  # a generic class: Base[Item]
            elif isinstance(value, Display) and isinstance(value.node, (m.Dict, m.Sequence)):
                yield from self._item(value, self.constant(expr.index, frame), expr)
            else:
                yield Unknown(expr)

    def _item(self, value: Display, key: object, expr: m.Subscript) -> Iterator[Value]:
        node = value.node
        starred = isinstance(node, m.Sequence) and any(isinstance(item, m.Starred) for item in node.items)
        if starred or (isinstance(node, m.Sequence) and not self._settled(value)):
            yield Unknown(expr)
        elif isinstance(node, m.Sequence) and isinstance(key, int) and -len(node.items) <= key < len(node.items):
            yield from self.of(node.items[key], value.frame)
        elif isinstance(node, m.Dict) and not isinstance(key, Unknown):
            if not self._settled(value):
                yield Unknown(expr)
            for item in reversed(node.items):
                if item.key is None:
                    yield Unknown(expr)
                elif self.constant(item.key, value.frame) == key:
                    yield from self.of(item.value, value.frame)
                    return
            yield Unknown(expr)
        else:
            yield Unknown(expr)

    def _settled(self, value: Display) -> bool:
        """Is a dict or list never changed through the variables that hold it?"""
        scope = value.frame.scope
        return not any(change.kind != "given" for name in scope.names_of(value.node) for change in changes(scope, name))

    # --- calls ---

    def call(self, callee: Value, node: m.Call, frame: Frame) -> Iterator[Value]:
        """What a call of a value gives."""
        if isinstance(callee, FunctionValue):
            inner = self.enter(callee, node, frame)
            if inner is not None:
                yield from self.returned(callee, inner)
                return
        elif isinstance(callee, ExternalValue) and callee.dotted in _TRANSPARENT and node.args:
            yield from self.of(node.args[0].value, frame)
            return
        elif isinstance(callee, CallValue) and callee.dotted in _ADAPTERS and callee.node.args:
            for adapted in self.of(callee.node.args[0].value, callee.frame):
                yield from self.call(adapted, node, frame)
            return
        yield CallValue(callee, node, frame)

    def enter(self, function: FunctionValue, call: m.Call, frame: Frame, *, decorated: bool = False) -> Frame | None:
        """A frame in which the body of a project function can be read for one call; None when it must not be.

        `decorated`: whatever its decorators are, they hand the arguments on.
        """
        if self._depth > MAX_DEPTH - 4:
            return None
        node = function.node
        decorators = node.decorators if isinstance(node, m.FunctionDef) else ()
        if not decorated and any(not self._harmless(decorator, function.frame) for decorator in decorators):
            return None
        if function.name == "as_asgi":
            return None
        key = (id(node), id(call), id(frame), id(function.frame))
        entered = self._entered.get(key)
        if entered is None:
            arguments = self.bind(function, call, frame)
            if arguments is None:
                return None
            scope = function.frame.scope.child(node)
            inner = Frame(scope, arguments, function.frame, function.owner)
            entered = self._entered[key] = (inner, (node, call, frame, function.frame))
        return entered[0]

    def _harmless(self, decorator: m.Expr, frame: Frame) -> bool:
        """A decorator that leaves the function's meaning as it is."""
        target = decorator.func if isinstance(decorator, m.Call) else decorator
        dotted = self.dotted(target, frame)
        return dotted in _HARMLESS_DECORATORS

    def bind(self, function: FunctionValue, call: m.Call, frame: Frame) -> dict[str, Bound] | None:
        """Parameters → arguments of one call; None when stars hide which goes where."""
        params = list(function.node.params)
        arguments: dict[str, Bound] = {}
        if function.receiver is not None and params:
            first = params.pop(0)
            arguments[first.name] = Bound(None, frame, function.receiver)
        positional = [param for param in params if param.kind.startswith("positional")]
        index = 0
        for arg in call.args:
            if arg.star:
                return arguments if not params else None
            if arg.keyword is not None:
                arguments[arg.keyword] = Bound(arg.value, frame)
            elif index < len(positional):
                arguments[positional[index].name] = Bound(arg.value, frame)
                index += 1
        for param in params:
            if param.name not in arguments and param.default is not None:
                arguments[param.name] = Bound(param.default, function.frame)
        return arguments

    def returned(self, function: FunctionValue, frame: Frame) -> Iterator[Value]:
        """What the body of a function returns, read in a frame of it."""
        node = function.node
        if isinstance(node, m.Lambda):
            yield from self.of(node.body, frame)
            return
        found = not ends(node.body)
        returns = [inner for inner in within(node.body) if isinstance(inner, (m.Yield, m.Return))]
        if any(isinstance(inner, m.Yield) for inner in returns) or not returns:
            yield Unknown(node)
            return
        for inner in returns:
            if inner.value is not None:
                yield from self.of(inner.value, frame)
            found = found or inner.value is None
        if found:
            yield Literal(m.Constant(node.name_span, None), frame)


_TRANSPARENT = frozenset({"builtins.list", "builtins.tuple", "copy.copy", "copy.deepcopy"})
"""Calls whose result is their first argument."""

_ADAPTERS = frozenset(
    {
        "asgiref.sync.async_to_sync",
        "asgiref.sync.sync_to_async",
        "channels.db.database_sync_to_async",
    }
)
"""Calls that give a callable which returns what their argument returns."""

_HARMLESS_DECORATORS = frozenset(
    {
        "builtins.staticmethod",
        "builtins.classmethod",
        "builtins.property",
        "functools.lru_cache",
        "functools.cache",
        "functools.cached_property",
        "django.utils.functional.cached_property",
        "abc.abstractmethod",
        "asgiref.sync.sync_to_async",
        "asgiref.sync.async_to_sync",
        "channels.db.database_sync_to_async",
        "typing.override",
        "typing.final",
    }
)
