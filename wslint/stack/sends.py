"""Every call on a channel layer: which group, which event, and how its coroutine is run."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge import channels as known
from wslint.stack import model as d
from wslint.stack.lists import body_of
from wslint.stack.text import Texts
from wslint.stack.values import (
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
        """Does a send carry a group or event that the function it stands in was given?"""
        holes = [hole.value for pattern in send.groups for hole in pattern.holes]
        if send.event is not None and send.event.node is not None and not send.event.keys:
            holes += self.values.of(send.event.node, send.event.frame)
        return any(isinstance(value, Parameter) for value in holes)

    def through(self, send: d.Send, use: d.CallUse, frame: Frame, inside: d.FunctionUse | None) -> d.Send | None:
        """The send that a call of the function around `send` makes."""
        assert send.inside is not None
        for value in self.values.of(use.node.func, frame):
            if isinstance(value, FunctionValue) and value.node is send.inside.node:
                inner = self.values.enter(value, use.node, frame)
                if inner is None:
                    return None
                group_node = send.group_node
                groups = () if group_node is None else tuple(self.texts.of(group_node, inner))
                event_node = argument(send.call, 1, "message") if send.event is not None else None
                event = None if event_node is None else self.event(event_node, inner)
                consumer = inside.consumer if inside is not None else None
                place = frame.at(use.node)
                return d.Send(
                    place, send.method, send.call, inner, groups, group_node, event, send.via, inside, consumer,
                    send.through or send.location,
                )  # fmt: skip
        return None

    def _method(self, call: m.Call, use: d.CallUse, frame: Frame) -> tuple[str | None, str]:
        func = call.func
        if isinstance(func, m.Attribute) and func.attr in known.LAYER_METHODS:
            if self.is_layer(func.value, frame):
                return func.attr, self._via(use, frame)
            return None, ""
        if isinstance(func, m.Call) and len(func.args) == 1:
            return self._adapted(func, frame)
        if isinstance(func, m.Name):
            for value in self.values.of(func, frame) if _may_adapt(frame, func.id) else ():
                if isinstance(value, CallValue):
                    return self._adapted(value.node, value.frame)
        return None, ""

    def _adapted(self, adapter: m.Call, frame: Frame) -> tuple[str | None, str]:
        if len(adapter.args) != 1 or not isinstance(adapter.args[0].value, m.Attribute):
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
        known_values = [value for value in values if not (isinstance(value, Literal) and value.value is None)]
        if not known_values:
            return False
        return all(self._layer_value(value, expr) for value in known_values)

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
            case AttributeValue(value=SelfValue(), attr="channel_layer"):
                return True
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
        values = self.values.of(expr, frame)
        added: dict[str, m.Expr] = {}
        changed = isinstance(expr, m.Name) and self._changed(expr, frame, added)
        events = [self._dict(value) for value in values]
        for event in events if not changed else ():
            if event is not None and event.frame is frame:
                event.keys = {**event.keys, **added}
        known_events = [event for event in events if event is not None]
        if not known_events or len(known_events) != len(events):
            return d.Event(expr, frame, {}, False, (None,), None)
        types: list[str | None] = []
        type_node: m.Expr | None = None
        type_frame, type_value = frame, None
        for event in known_events:
            node = event.keys.get("type")
            if node is None:
                if not event.complete or changed:
                    types.append(None)
                continue
            type_node, type_frame = node, event.frame
            for value in self.values.of(node, event.frame):
                type_value = value
                if isinstance(value, Literal) and isinstance(value.value, str):
                    types.append(value.value)
                else:
                    types.append(None)
        first = known_events[0]
        complete = len(known_events) == 1 and first.complete and not changed
        if len(known_events) != 1 and not types:
            complete = all(event.complete for event in known_events) and not changed
        return d.Event(
            first.node, type_frame if type_node is not None else first.frame, first.keys, complete, tuple(types),
            type_node, type_value,
        )  # fmt: skip

    def _dict(self, value: Value) -> d.Event | None:
        keys: dict[str, m.Expr] = {}
        match value:
            case Display(node=m.Dict() as node, frame=frame):
                complete = self._fill(node, frame, keys)
                return d.Event(node, frame, keys, complete, (), None)
            case CallValue() if value.dotted == "builtins.dict":
                complete = True
                for arg in value.node.args:
                    if arg.keyword is not None:
                        keys[arg.keyword] = arg.value
                    else:
                        inner = self.values.one(arg.value, value.frame)
                        nested = self._dict(inner)
                        if nested is None:
                            complete = False
                        else:
                            keys.update(nested.keys)
                            complete = complete and nested.complete
                return d.Event(value.node, value.frame, keys, complete, (), None)
            case _:
                return None

    def _fill(self, node: m.Dict, frame: Frame, keys: dict[str, m.Expr]) -> bool:
        complete = True
        for item in node.items:
            if item.key is None:
                nested = self._dict(self.values.one(item.value, frame))
                if nested is None or nested.frame is not frame:
                    complete = False
                    keys.pop("type", None)
                else:
                    keys.update(nested.keys)
                    complete = complete and nested.complete
                continue
            key = self.values.constant(item.key, frame)
            if isinstance(key, str):
                keys[key] = item.value
            elif isinstance(key, Unknown):
                complete = False
        return complete

    def _changed(self, name: m.Name, frame: Frame, added: dict[str, m.Expr]) -> bool:
        """Is the dict behind a variable changed beyond knowing? `d["key"] = value` is noted in `added`."""
        scope = frame.scope.owner(name.id)
        if scope is None:
            return True
        set_here: set[int] = set()
        for node in within(body_of(scope)):
            if isinstance(node, m.Assign) and node.value is not None:
                for target in node.targets:
                    if isinstance(target, m.Subscript) and _names(target.value, name.id):
                        key = self.values.constant(target.index, frame)
                        if not isinstance(key, str) or key == "type" or scope is not frame.scope:
                            return True
                        added[key] = node.value
                        set_here.add(id(target))
            if isinstance(node, m.Subscript) and _names(node.value, name.id) and id(node) not in set_here:
                if scope is not frame.scope or not isinstance(self.values.constant(node.index, frame), str):
                    return True
                continue
            if isinstance(node, m.Call):
                func = node.func
                if isinstance(func, m.Attribute) and _names(func.value, name.id) and func.attr not in _READS:
                    return True
                if any(_names(arg.value, name.id) for arg in node.args) and not _is_send(node):
                    return True
        return False


_READS = frozenset({"get", "items", "keys", "values", "copy"})


def _names(expr: m.Expr, name: str) -> bool:
    return isinstance(expr, m.Name) and expr.id == name


def _is_send(call: m.Call) -> bool:
    func = call.func
    if isinstance(func, m.Call) and len(func.args) == 1:
        func = func.args[0].value
    return isinstance(func, m.Attribute) and func.attr in (*known.LAYER_METHODS, "dumps", "info", "debug")


def _may_adapt(frame: Frame, name: str) -> bool:
    """Is a name bound to a call somewhere, so that it may hold `async_to_sync(layer.group_send)`?"""
    scope = frame.scope.owner(name)
    if scope is None:
        return False
    return any(
        isinstance(binding.source, m.Assign)
        and isinstance(binding.value, m.Call)
        and len(binding.value.args) == 1
        and isinstance(binding.value.args[0].value, m.Attribute)
        for binding in scope.bindings.get(name, ())
    )
