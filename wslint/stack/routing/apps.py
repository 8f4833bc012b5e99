"""Expressions → application trees: routers, wrappers, routes and what they mount, however they are built."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wslint.facts import model as m
from wslint.facts.walk import calls_within
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack import model as d
from wslint.stack.code.changes import changes
from wslint.stack.code.classes import Class
from wslint.stack.code.lists import Lists
from wslint.stack.code.values import (
    AttributeValue,
    CallValue,
    ClassValue,
    Display,
    ExternalValue,
    Frame,
    FunctionValue,
    Grown,
    Literal,
    SelfValue,
    Unknown,
    Value,
    Values,
    argument,
)

MAX_DEPTH = 24
MAX_STEPS = 2000
"""How many expressions one application may be put together from."""


class Apps:
    """Reads application expressions; the same expression gives the same objects."""

    def __init__(self, values: Values, lists: Lists) -> None:
        self.values = values
        self.lists = lists
        self._read: dict[tuple[int, int], tuple[d.App, ...]] = {}
        self._values: dict[tuple[int, int], d.App] = {}
        self._routes: dict[tuple[int, int], d.Route] = {}
        self._active: set[tuple[int, int]] = set()
        self._steps = 0
        self.named_by_settings: Callable[[str], tuple[Value, ...]] = lambda path: ()
        """What ASGI_APPLICATION can name for a file."""

    def of(self, expr: m.Expr, frame: Frame) -> tuple[d.App, ...]:
        """The application that an expression is; several when it can be one of several."""
        key = (id(expr), id(frame))
        found = self._read.get(key)
        if found is not None:
            return found
        self._steps = self._steps + 1 if self._active else 0
        if key in self._active or len(self._active) > MAX_DEPTH or self._steps > MAX_STEPS:
            return (d.UnknownApp(frame.at(expr), None),)
        self._active.add(key)
        try:
            values = self.values.of(expr, frame)
            found = self.all(values, frame.at(expr))
        finally:
            self._active.discard(key)
        self._read[key] = found
        return found

    def all(self, values: Iterable[Value], location: Location) -> tuple[d.App, ...]:
        """The applications that some values are; for `get_default_application()` those that the settings name."""
        found: list[d.App] = []
        for value in values:
            if isinstance(value, CallValue) and value.dotted == known.GET_DEFAULT_APPLICATION:
                found += [self.value(named, location) for named in self.named_by_settings(location.path) or (value,)]
            else:
                found.append(self.value(value, location))
        return tuple(found)

    def value(self, value: Value, location: Location) -> d.App:
        """The application that a value is; `location` is where it is used."""
        if isinstance(value, CallValue):
            key = (id(value.node), id(value.frame))
            if key not in self._values:
                self._values[key] = self._call(value)
            return self._values[key]
        match value:
            case ClassValue(cls=cls):
                return d.Bare(location, value, "class", cls)
            case AttributeValue(attr="as_asgi", value=ClassValue(cls=cls)):
                return d.Bare(location, value, "uncalled", cls)
            case ExternalValue(dotted=dotted) if dotted.endswith(".as_asgi"):
                return d.Bare(location, value, "uncalled", None, dotted.removesuffix(".as_asgi"))
            case ExternalValue(dotted=dotted) if dotted in known.GET_ASGI_APPLICATION:
                return d.DjangoApp(location, value, "asgi", called=False)
            case ExternalValue(dotted=dotted) if dotted in known.CHANNELS_CONSUMERS:
                return d.Bare(location, value, "class", None, dotted)
            case FunctionValue():
                return self._function(value, location)
            case Display(node=m.Sequence()):
                return d.ListApp(location, value)
            case _:
                return d.UnknownApp(location, value)

    def _call(self, value: CallValue) -> d.App:
        call, frame = value.node, value.frame
        location = frame.at(call)
        match value.callee:
            case AttributeValue(attr="as_asgi", value=ClassValue(cls=cls)):
                return d.Mounted(location, value, cls)
            case FunctionValue(receiver=ClassValue(cls=cls)) if value.callee.name == "as_asgi":
                return d.Mounted(location, value, cls)
            case AttributeValue(attr="as_asgi"):
                return d.Mounted(location, value, None)
            case ExternalValue(dotted=dotted):
                return self._external(dotted, value, location)
            case ClassValue(cls=cls):
                return self._class(cls, value, location)
            case FunctionValue() as function:
                return self._wrapper(function.name, value, location, function=function)
            case _:
                return self._wrapper(_written(call.func), value, location)

    def _external(self, dotted: str, value: CallValue, location: Location) -> d.App:
        if dotted.endswith(".as_asgi"):
            return d.Mounted(location, value, None, dotted.removesuffix(".as_asgi"))
        if dotted == known.PROTOCOL_TYPE_ROUTER:
            return self.protocol_router(value)
        if dotted == known.URL_ROUTER:
            return self.router(value)
        if dotted == known.CHANNEL_NAME_ROUTER:
            entries, _, complete = self._entries(value)
            return d.NameRouter(location, value, entries, complete)
        if dotted in known.GET_ASGI_APPLICATION or dotted in known.DJANGO_HANDLERS:
            return d.DjangoApp(location, value, "asgi")
        if dotted in known.GET_WSGI_APPLICATION:
            return d.DjangoApp(location, value, "wsgi")
        if dotted in known.CHANNELS_CONSUMERS:
            return d.Bare(location, value, "instance", None, dotted)
        if dotted == known.GET_DEFAULT_APPLICATION:
            return d.UnknownApp(location, value)
        return self._wrapper(dotted.rpartition(".")[2], value, location, dotted=dotted)

    def _class(self, cls: Class, value: CallValue, location: Location) -> d.App:
        if cls.derives_from(known.PROTOCOL_TYPE_ROUTER):
            return self.protocol_router(self._initialised(cls, value))
        if cls.derives_from(known.URL_ROUTER):
            return self.router(self._initialised(cls, value))
        if cls.derives_from(*known.CHANNELS_CONSUMERS):
            return d.Bare(location, value, "instance", cls)
        return self._wrapper(cls.name, value, location, cls=cls)

    def _initialised(self, cls: Class, value: CallValue) -> CallValue:
        """The `super().__init__(…)` that a call of a subclass comes to; the call itself when it has no `__init__`."""
        init = cls.method("__init__")
        if init is None:
            return value
        function = FunctionValue(init.node, init.owner.frame, SelfValue(cls), init.owner)
        inner = self.values.enter(function, value.node, value.frame)
        for call in calls_within(init.node.body):
            match call.func:
                case m.Attribute(attr="__init__", value=m.Call(func=m.Name(id="super"))) if inner is not None:
                    return CallValue(value.callee, call, inner)
                case _:
                    pass
        return value

    def _wrapper(
        self,
        name: str,
        value: CallValue,
        location: Location,
        dotted: str | None = None,
        cls: Class | None = None,
        function: FunctionValue | None = None,
    ) -> d.App:
        call, frame = value.node, value.frame
        inner: tuple[d.App, ...] = ()
        for arg in call.args:
            if arg.star == "**":
                continue
            apps = self.of(arg.value, frame)
            if any(not isinstance(app, (d.UnknownApp, d.FunctionApp, d.ListApp)) for app in apps):
                inner = apps
                break
            if not inner and not any(_is_plain(app) for app in apps):
                inner = apps
        if not inner:
            return d.UnknownApp(location, value)
        return d.Wrapper(location, value, name, inner, call, frame, dotted, cls, function)

    def _function(self, function: FunctionValue, location: Location) -> d.App:
        """A function as an application; a wrapper when it is made by a function that was given one."""
        key = (id(function.node), id(function.frame))
        if key not in self._values:
            made: d.App = d.FunctionApp(location, function, function)
            for bound in function.frame.arguments.values():
                inner = () if bound.expr is None else self.of(bound.expr, bound.frame)
                if inner and not all(isinstance(app, (d.UnknownApp, d.FunctionApp, d.ListApp)) for app in inner):
                    outer = function.frame.scope.node
                    name = outer.name if isinstance(outer, m.FunctionDef) else function.name
                    place = function.frame.at(function.node)
                    made = d.Wrapper(place, function, name, inner, None, function.frame, function=function)
            self._values[key] = made
        return self._values[key]

    # --- routers ---

    def protocol_router(self, value: CallValue) -> d.ProtocolRouter:
        """A ProtocolTypeRouter call."""
        entries, keys, complete = self._entries(value)
        return d.ProtocolRouter(value.frame.at(value.node), value, entries, keys, complete, value.node, value.frame)

    def _entries(self, value: CallValue) -> tuple[dict[str, tuple[d.App, ...]], dict[str, Location], bool]:
        call, frame = value.node, value.frame
        mapping = argument(call, 0, "application_mapping")
        entries: dict[str, tuple[d.App, ...]] = {}
        keys: dict[str, Location] = {}
        if mapping is None:
            return entries, keys, False
        complete = self._mapping(mapping, frame, entries, keys, 0)
        return entries, keys, complete

    def _mapping(
        self,
        expr: m.Expr,
        frame: Frame,
        entries: dict[str, tuple[d.App, ...]],
        keys: dict[str, Location],
        depth: int,
    ) -> bool:
        complete = depth < 8
        for value in self.values.of(expr, frame) if complete else ():
            complete = self._mapped(value, entries, keys, depth) and complete
        return complete

    def _mapped(
        self, value: Value, entries: dict[str, tuple[d.App, ...]], keys: dict[str, Location], depth: int
    ) -> bool:
        complete = depth < 8
        if not complete:
            return False
        match value:
            case Display(node=m.Dict(items=items), frame=inner):
                for item in items:
                    if item.key is None:
                        complete = self._mapping(item.value, inner, entries, keys, depth + 1) and complete
                        continue
                    key = self.values.constant(item.key, inner)
                    if isinstance(key, str):
                        entries[key] = (*entries.get(key, ()), *self.of(item.value, inner))
                        keys[key] = inner.at(item.key)
                    else:
                        complete = False
                complete = self._grown(value.node, inner, entries, keys) and complete
            case CallValue() if value.dotted == "builtins.dict":
                for arg in value.node.args:
                    if arg.keyword is not None:
                        entries[arg.keyword] = (*entries.get(arg.keyword, ()), *self.of(arg.value, value.frame))
                        keys[arg.keyword] = value.frame.at(arg)
                    else:
                        complete = self._mapping(arg.value, value.frame, entries, keys, depth + 1) and complete
                complete = self._grown(value.node, value.frame, entries, keys) and complete
            case Grown(node=m.AugmentedAssign(target=m.Name(id=name), op="|") as grown, frame=inner):
                for prior in self.values.name(name, inner, grown.span):
                    if isinstance(prior, Grown) and prior.node is grown:
                        complete = False
                    else:
                        complete = self._mapped(prior, entries, keys, depth + 1) and complete
                complete = self._mapping(grown.value, inner, entries, keys, depth + 1) and complete
            case Display(node=m.BinaryOp(op="|", left=left, right=right), frame=inner):
                for side in (left, right):
                    complete = self._mapping(side, inner, entries, keys, depth + 1) and complete
            case _:
                complete = False
        return complete

    def _grown(
        self, made: m.Expr, home: Frame, entries: dict[str, tuple[d.App, ...]], keys: dict[str, Location]
    ) -> bool:
        """`routes["websocket"] = …` and `routes.update(…)` on the variables that hold a mapping."""
        complete = True
        for name in home.scope.names_of(made):
            for change in changes(home.scope, name):
                inner = home if change.scope is home.scope else self.values.frame(change.scope)
                if change.kind == "update" and change.call is not None:
                    complete = self._updated(change.call, inner, entries, keys) and complete
                elif change.kind == "set" and change.index is not None:
                    key = self.values.constant(change.index, inner)
                    if isinstance(key, str) and change.value is not None:
                        entries[key] = (*entries.get(key, ()), *self.of(change.value, inner))
                        keys[key] = inner.at(change.index)
                    else:
                        complete = False
                elif change.kind != "given":
                    complete = False
        return complete

    def _updated(
        self, call: m.Call, home: Frame, entries: dict[str, tuple[d.App, ...]], keys: dict[str, Location]
    ) -> bool:
        complete = True
        for arg in call.args:
            if arg.keyword is not None:
                entries[arg.keyword] = (*entries.get(arg.keyword, ()), *self.of(arg.value, home))
                keys[arg.keyword] = home.at(arg)
            else:
                complete = self._mapping(arg.value, home, entries, keys, 1) and complete
        return complete

    def router(self, value: CallValue) -> d.Router:
        """A URLRouter call."""
        call, frame = value.node, value.frame
        listed = argument(call, 0, "routes")
        location = frame.at(call)
        if listed is None:
            return d.Router(location, value, (), False, call, frame)
        items = self.lists.of(listed, frame)
        complete = items.complete
        routes: list[d.Route] = []
        for expr, inner in items.items:
            found = self.routes(expr, inner)
            routes.extend(found)
            complete = complete and bool(found)
        return d.Router(location, value, tuple(routes), complete, call, frame)

    def routes(self, expr: m.Expr, frame: Frame) -> list[d.Route]:
        """The routes that an item of a list is; empty when it is none that can be read."""
        out: list[d.Route] = []
        for value in self.values.of(expr, frame):
            if isinstance(value, CallValue) and value.dotted in known.PATH_FUNCTIONS:
                key = (id(value.node), id(value.frame))
                if key not in self._routes:
                    self._routes[key] = self._route(known.PATH_FUNCTIONS[value.dotted], value)
                out.append(self._routes[key])
        return out

    def _route(self, function: str, value: CallValue) -> d.Route:
        call, frame = value.node, value.frame
        pattern_node = argument(call, 0, "route") or argument(call, 1 << 30, "regex")
        target = argument(call, 1, "view")
        extra = argument(call, 2, "kwargs")
        pattern = None
        if pattern_node is not None:
            from wslint.stack.code.text import Texts

            patterns = Texts(self.values).of(pattern_node, frame)
            pattern = patterns[0].literal if len(patterns) == 1 else None
        targets = () if target is None else self.of(target, frame)
        return d.Route(frame.at(call), function, call, frame, pattern, pattern_node, targets, self._extra(extra, frame))

    def _extra(self, expr: m.Expr | None, frame: Frame) -> frozenset[str] | None:
        if expr is None:
            return frozenset()
        value = self.values.one(expr, frame)
        if isinstance(value, Literal) and value.value is None:
            return frozenset()
        if not isinstance(value, Display) or not isinstance(value.node, m.Dict):
            return None
        names: set[str] = set()
        for item in value.node.items:
            key = Unknown() if item.key is None else self.values.constant(item.key, value.frame)
            if not isinstance(key, str):
                return None
            names.add(key)
        return frozenset(names)


def _is_plain(app: d.App) -> bool:
    """Is a value surely no application (a string, a number, a dict …)?"""
    return isinstance(app.value, (Literal, Display)) or isinstance(app, d.ListApp)


def _written(expr: m.Expr) -> str:
    if isinstance(expr, m.Name):
        return expr.id
    return expr.attr if isinstance(expr, m.Attribute) else "?"
