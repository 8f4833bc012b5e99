"""Every call on a channel layer: which group, which event, and how its coroutine is run."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.knowledge import channels as known
from wslint.stack import model as d
from wslint.stack.code.changes import Change, changes
from wslint.stack.code.scope import Scope
from wslint.stack.code.text import Texts
from wslint.stack.code.values import (
    AttributeValue,
    CallValue,
    ClassValue,
    Display,
    ExternalValue,
    Frame,
    FunctionValue,
    Literal,
    Parameter,
    SelfValue,
    Unknown,
    Value,
    Values,
    argument,
)

LAYER_NAMES = frozenset({"channel_layer", "channels_layer", "CHANNEL_LAYER", "_channel_layer"})


class Sends:
    """Reads calls as sends."""

    def __init__(self, values: Values, texts: Texts) -> None:
        self.values = values
        self.texts = texts

    def read(self, use: d.CallUse, frame: Frame, inside: d.FunctionUse | None) -> d.Send | None:
        """The send that a call is, or None. The location is the outermost call, where people look."""
        call = use.node
        method, via = self._method(call, use, frame)
        if method is None:
            return None
        group_node = argument(call, 0, "channel" if method == "send" else "group")
        groups = () if group_node is None else tuple(self.texts.of(group_node, frame))
        event_node = None
        if method in ("group_send", "send"):
            event_node = argument(call, 1, "message")
        event = None if event_node is None else self.event(event_node, frame)
        consumer = inside.consumer if inside is not None else None
        return d.Send(frame.at(call), method, call, frame, groups, group_node, event, via, inside, consumer)

    def depends_on_caller(self, send: d.Send) -> bool:
        """Does a send carry a group, event or type that the function it stands in was given?"""
        given = [hole.value for pattern in send.groups for hole in pattern.holes]
        if send.event is not None:
            given.append(send.event.type_value)
            if not send.event.keys:
                given += self.values.of(send.event.node, send.event.frame)
        return any(isinstance(value, Parameter) for value in given)

    def through(self, send: d.Send, use: d.CallUse, frame: Frame, inside: d.FunctionUse | None) -> d.Send | None:
        """The send that a call of the function around `send` makes."""
        assert send.inside is not None
        called = called_function(use.node)
        for value in () if called is None else self.values.of(called, frame):
            if not isinstance(value, FunctionValue) or value.node is not send.inside.node:
                continue
            inner: Frame | None = frame
            steps = ((_as_task(value), use.node), *send.steps)
            for function, call in steps:
                inner = inner and self.values.enter(function, call, inner, decorated=True)
            if inner is None:
                return None
            groups = () if send.group_node is None else tuple(self.texts.of(send.group_node, inner))
            event_node = argument(send.call, 1, "message") if send.event is not None else None
            event = None if event_node is None else self.event(event_node, inner)
            if _is_queued(use.node):
                inside = None  # another process runs it
            consumer = inside.consumer if inside is not None else None
            return d.Send(
                frame.at(use.node), send.method, send.call, inner, groups, send.group_node, event, send.via, inside,
                consumer, send.through or send.location, steps,
            )  # fmt: skip
        return None

    def _method(self, call: m.Call, use: d.CallUse, frame: Frame) -> tuple[str | None, str]:
        func = call.func
        if isinstance(func, m.Attribute) and func.attr in known.LAYER_METHODS:
            if self.is_layer(func.value, frame):
                return func.attr, self._via(use, frame)
            return self._made_elsewhere(func, frame)
        if isinstance(func, m.Call) and _adapts(func):
            return self._adapted(func, frame)
        if isinstance(func, m.Name) and (func.id in known.LAYER_METHODS or _may_adapt(frame, func.id)):
            return self._made_elsewhere(func, frame)
        return None, ""

    def _made_elsewhere(self, func: m.Expr, frame: Frame) -> tuple[str | None, str]:
        """`send = async_to_sync(layer.group_send)`, here or in another module."""
        for value in self.values.of(func, frame):
            if isinstance(value, CallValue):
                return self._adapted(value.node, value.frame)
        return None, ""

    def _adapted(self, adapter: m.Call, frame: Frame) -> tuple[str | None, str]:
        if not _adapts(adapter) or not isinstance(adapter.args[0].value, m.Attribute):
            return None, ""
        attribute = adapter.args[0].value
        if attribute.attr not in known.LAYER_METHODS or not self.is_layer(attribute.value, frame):
            return None, ""
        dotted = self.values.dotted(adapter.func, frame)
        return attribute.attr, "async_to_sync" if dotted == known.ASYNC_TO_SYNC else "other"

    def _via(self, use: d.CallUse, frame: Frame) -> str:
        if use.usage == "awaited":
            return "await"
        if use.usage == "argument" and use.outer is not None:
            if self.values.dotted(use.outer.func, frame) == known.ASYNC_TO_SYNC:
                return "called early"
            return "other"
        return {"dropped": "dropped", "returned": "returned"}.get(use.usage, "other")

    def is_layer(self, expr: m.Expr, frame: Frame) -> bool:
        """Is an expression a channel layer, as far as its origin or (for an attribute) its name can tell?"""
        values = self.values.of(expr, frame)
        likely = [value for value in values if not (isinstance(value, Literal) and value.value is None)]
        return any(map(self._is_surely_layer, likely)) or (
            bool(likely) and all(self._layer_value(value, expr) for value in likely)
        )

    def _is_surely_layer(self, value: Value) -> bool:
        return isinstance(value, CallValue) and value.dotted == known.GET_CHANNEL_LAYER

    def _layer_value(self, value: Value, expr: m.Expr) -> bool:
        match value:
            case CallValue():
                dotted = value.dotted or ""
                if dotted in (known.GET_CHANNEL_LAYER, "channels.layers.channel_layers"):
                    return True
                if isinstance(value.callee, ClassValue):
                    return value.callee.cls.derives_from(
                        "channels.layers.BaseChannelLayer", known.CORE_LAYER, known.PUBSUB_LAYER, known.MEMORY_LAYER
                    )
                return dotted in (known.CORE_LAYER, known.PUBSUB_LAYER, known.MEMORY_LAYER)
            case ExternalValue(dotted=dotted):
                return dotted.startswith("channels.layers.channel_layers")
            case AttributeValue(value=SelfValue(cls=cls), attr="channel_layer"):
                return not any(name.startswith(known.OTHER_FRAMEWORKS) for name in cls.externals)
            case AttributeValue(attr=attr):
                return attr in LAYER_NAMES and not isinstance(value.value, ExternalValue)
            case Parameter(node=node):
                return node.name in LAYER_NAMES
            case Unknown():
                return isinstance(expr, m.Name) and expr.id in LAYER_NAMES
            case _:
                return False

    # --- events ---

    def event(self, expr: m.Expr, frame: Frame) -> d.Event:
        """What is known of the dict that a send carries."""
        events = [self._dict(value) for value in self.values.of(expr, frame)]
        known_events = [event for event in events if event is not None]
        if not known_events or len(known_events) != len(events):
            return d.Event(expr, frame, {}, False, (None,), None)
        self._changed_here(expr, frame, known_events)
        lead = next((event for event in known_events if "type" in event.keys), known_events[0])
        types: list[str | None] = []
        for event in known_events:
            node = event.keys.get("type")
            if node is not None:
                types += [_text(value) for value in self.values.of(node, event.frame)]
            elif not event.complete:
                types.append(None)
        lead.types = tuple(types)
        lead.type_node = lead.keys.get("type")
        if lead.type_node is not None:
            lead.type_value = self.values.of(lead.type_node, lead.frame)[-1]
        if len(known_events) != 1:
            lead.complete = not types and all(event.complete for event in known_events)
        return lead

    def _dict(self, value: Value) -> d.Event | None:
        """A dict as it is made and changed where it is made; its types are left to be read."""
        keys: dict[str, m.Expr] = {}
        match value:
            case Display(node=m.Dict() as node, frame=frame):
                event = d.Event(node, frame, keys, self._fill(node, frame, keys), (), None)
            case CallValue(node=call, frame=frame) if value.dotted == "builtins.dict":
                complete = True
                for arg in call.args:
                    if arg.keyword is None:
                        complete = self._spread(arg.value, frame, keys) and complete
                keys.update(
                    {arg.keyword: arg.value for arg in call.args if arg.keyword is not None}
                )  # none overrides it
                event = d.Event(call, frame, keys, complete, (), None)
            case _:
                return None
        for name in frame.scope.names_of(event.node):
            self._change(event, keys, frame.scope, name)
        return event

    def _fill(self, node: m.Dict, frame: Frame, keys: dict[str, m.Expr]) -> bool:
        complete = True
        for item in node.items:
            if item.key is None:
                complete = self._spread(item.value, frame, keys) and complete
                continue
            key = self.values.constant(item.key, frame)
            if isinstance(key, str):
                keys[key] = item.value
            elif isinstance(key, Unknown):
                complete = False
        return complete

    def _spread(self, expr: m.Expr, frame: Frame, keys: dict[str, m.Expr]) -> bool:
        """Take in another dict (`**x`, `dict(x)`, `.update(x)`); is nothing of it unknown?"""
        inner = self._dict(self.values.one(expr, frame))
        if inner is None or inner.frame is not frame:
            keys.pop("type", None)
            return False
        keys.update(inner.keys)
        return inner.complete

    def _changed_here(self, expr: m.Expr, frame: Frame, events: list[d.Event]) -> None:
        """What happens to a dict under a name that it was not made under (a parameter, an import)."""
        scope = frame.scope.owner(expr.id) if isinstance(expr, m.Name) else None
        if scope is None or not isinstance(expr, m.Name):
            return
        for event in events:
            if scope is not event.frame.scope or expr.id not in scope.names_of(event.node):
                keys = dict(event.keys)
                event.keys = keys
                self._change(event, keys, scope, expr.id)

    def _change(self, event: d.Event, keys: dict[str, m.Expr], scope: Scope, name: str) -> None:
        """Apply what is done to a variable that holds the dict of an event."""
        frame = event.frame
        for change in changes(scope, name):
            if change.kind == "deeper" or (change.call and change.kind == "given" and keeps(self.values, change, name)):
                continue
            key: object = None
            if change.kind in ("set", "delete") and change.index is not None:
                key = self.values.constant(change.index, self.values.frame(change.scope))
            elif change.kind == "pop" and change.call is not None and change.call.args:
                key = self.values.constant(change.call.args[0].value, self.values.frame(change.scope))
            same = change.scope is frame.scope
            if change.kind == "set" and isinstance(key, str) and change.value is not None:
                if same and (key != "type" or "type" not in keys):
                    keys[key] = change.value
                    continue
                event.complete = False
                if key != "type":
                    continue
            elif change.kind in ("delete", "pop") and isinstance(key, str) and key != "type":
                keys.pop(key, None)
                continue
            elif change.kind == "update" and same and change.call is not None:
                event.complete = self._updated(change.call, frame, keys) and event.complete
                continue
            keys.pop("type", None)
            event.complete = False

    def _updated(self, call: m.Call, frame: Frame, keys: dict[str, m.Expr]) -> bool:
        given: dict[str, m.Expr] = {}
        complete = True
        for arg in call.args:
            if arg.keyword is not None:
                given[arg.keyword] = arg.value
            else:
                complete = self._spread(arg.value, frame, given) and complete
        if "type" in given and "type" in keys:
            del given["type"], keys["type"]
            complete = False
        if not complete and "type" not in given:
            keys.pop("type", None)
        keys.update(given)
        return complete


def keeps(values: Values, given: Change, name: str, depth: int = 0) -> bool:
    """Does a call leave the variable that it is given as it is?"""
    assert given.call is not None
    if _harmless(given.call):
        return True
    called = called_function(given.call)
    frame = values.frame(given.scope)
    function = Unknown() if called is None or depth > 3 else values.one(called, frame)
    if not isinstance(function, FunctionValue):
        return False
    for param, bound in (values.bind(_as_task(function), given.call, frame) or {}).items():
        if isinstance(bound.expr, m.Name) and bound.expr.id == name and bound.frame is frame:
            inner = function.frame.scope.child(function.node)
            return all(
                change.kind == "given" and keeps(values, change, param, depth + 1) for change in changes(inner, param)
            )
    return False


def called_function(call: m.Call) -> m.Expr | None:
    """What a call runs: `f(…)`, `async_to_sync(f)(…)` and, for Celery, `f.delay(…)` run `f`."""
    match call.func:
        case m.Call(args=args) as adapter if args and _adapts(adapter):
            return args[0].value
        case m.Attribute(attr="delay", value=task):
            return task
        case m.Name() | m.Attribute():
            return call.func
        case _:
            return None


def _is_queued(call: m.Call) -> bool:
    return isinstance(call.func, m.Attribute) and call.func.attr == "delay"


def _as_task(function: FunctionValue) -> FunctionValue:
    """A function as its callers see it: `@task(bind=True)` gives the first parameter."""
    for decorator in function.node.decorators if isinstance(function.node, m.FunctionDef) else ():
        if isinstance(decorator, m.Call):
            for arg in decorator.args:
                if arg.keyword == "bind" and isinstance(arg.value, m.Constant) and arg.value.value is True:
                    return FunctionValue(function.node, function.frame, Unknown(), function.owner)
    return function


def _adapts(call: m.Call) -> bool:
    """`adapter(function, option=…)`."""
    return bool(call.args) and all((arg.keyword is None) == (index == 0) for index, arg in enumerate(call.args))


def _text(value: Value) -> str | None:
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


def _harmless(call: m.Call) -> bool:
    """A call that surely leaves its arguments as they are: a send, a serialiser, a logger."""
    func = call.func
    if isinstance(func, m.Call) and func.args:
        func = func.args[0].value
    match func:
        case m.Attribute(attr=name):
            return name in known.LAYER_METHODS or name in _READERS
        case m.Name(id=name):
            return name in _READERS
        case _:
            return False


_READERS = frozenset(
    (
        *("dumps", "info", "debug", "warning", "error", "exception", "log", "critical", "send_json", "append", "print"),
        *("len", "str", "repr", "dict", "list", "sorted", "isinstance", "bool", "hash", "encode", "deepcopy", "copy"),
    )
)


def _may_adapt(frame: Frame, name: str) -> bool:
    """Is a name bound to a call somewhere, so that it may hold `async_to_sync(layer.group_send)`?"""
    scope = frame.scope.owner(name)
    if scope is None:
        return False
    return any(
        isinstance(binding.source, m.Assign)
        and isinstance(binding.value, m.Call)
        and _adapts(binding.value)
        and isinstance(binding.value.args[0].value, m.Attribute)
        for binding in scope.bindings.get(name, ())
    )
