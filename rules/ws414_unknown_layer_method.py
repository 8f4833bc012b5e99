from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from wslint.knowledge.channels import CORE_LAYER, GET_CHANNEL_LAYER, MEMORY_LAYER, PUBSUB_LAYER
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import AttributeValue, CallValue, FunctionUse, SelfValue, Stack, facts, within
from wslint.stack.layers.layers import layers_of

_METHODS = ("group_send", "group_add", "group_discard", "send", "receive", "new_channel", "flush")
_OTHER_WORDS = {
    "add_group": "group_add",
    "add_to_group": "group_add",
    "group_join": "group_add",
    "group_leave": "group_discard",
    "group_remove": "group_discard",
    "group_delete": "group_discard",
    "discard_group": "group_discard",
    "remove_from_group": "group_discard",
    "send_group": "group_send",
    "send_to_group": "group_send",
    "group_broadcast": "group_send",
}
"""What people call these methods who do not look them up."""


class UnknownLayerMethod(Rule):
    """A channel layer is asked for a method that it does not have.

    Why: a channel layer has `send`, `group_send`, `group_add`, `group_discard`, `receive`, `new_channel` and `flush`.

    See: `AttributeError: 'RedisChannelLayer' object has no attribute 'group_sned'` when the line runs: HTTP 500 in a
    view; in a consumer the connection is lost (1011 from daphne, 1006 from uvicorn), and `disconnect()` does not run.

    Mend: use the method's name.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_sned("chat", {"type": "chat.message", "text": text_data})

            async def chat_message(self, event):
                await self.send(text_data=event["text"])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"type": "chat.message", "text": text_data})

            async def chat_message(self, event):
                await self.send(text_data=event["text"])
    """

    code = "WS414"
    name = "unknown-layer-method"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[Location] = set()
        for function in stack.functions:
            if function.in_tests or function.vendored or _expects_failure(function):
                continue
            for node in within(function.node.body):
                meant = _meant(node.attr) if isinstance(node, facts.Attribute) else None
                if meant is None or not isinstance(node, facts.Attribute):
                    continue
                place = function.at(node.attr_span)
                if place not in seen and _is_layer(stack, node.value, function) and _is_stock(stack, function.path):
                    seen.add(place)
                    yield self._finding(place, node.attr, meant, function)

    def _finding(self, place: Location, name: str, meant: str, function: FunctionUse) -> Finding:
        return self.finding(
            place,
            f"a channel layer has no `{name}`",
            hint=f"did you mean `{meant}`?",
            symptom=f"AttributeError: … object has no attribute '{name}'; HTTP 500 in a view, "
            "a lost connection in a consumer (1011 from daphne, 1006 from uvicorn)",
            symbol=f"{function.owner.name}.{function.name}" if function.owner is not None else function.name,
            fix=Fix((Edit(place, meant),), safe=True, title=f"use {meant}"),
        )


def _meant(name: str) -> str | None:
    """The method that a name misspells; None when it is one, or something else altogether."""
    if name in _METHODS:
        return None
    return _OTHER_WORDS.get(name) or next(iter(get_close_matches(name, _METHODS, n=1, cutoff=0.8)), None)


def _is_layer(stack: Stack, expr: facts.Expr, function: FunctionUse) -> bool:
    """Does an expression surely come from `get_channel_layer()` or a consumer of Channels?"""
    for value in stack.values.of(expr, function.frame):
        match value:
            case CallValue() if value.dotted == GET_CHANNEL_LAYER:
                continue
            case AttributeValue(attr="channel_layer", value=SelfValue(cls=cls)):
                if stack.consumer_of(cls) is None or cls.defines("channel_layer"):
                    return False
            case _:
                return False
    return True


def _is_stock(stack: Stack, path: str) -> bool:
    """Are all layers of the project's settings of Channels and channels_redis? Others may have more methods."""
    settings = stack.settings_for(path)
    modules = () if settings is None else settings.serving
    found = [layers_of(stack, module) for module in modules]
    return all(layers.complete for layers in found) and all(
        backend in (CORE_LAYER, PUBSUB_LAYER, MEMORY_LAYER)
        for layers in found
        for layer in layers.layers
        for backend in layer.backends(stack)
    )


def _expects_failure(function: FunctionUse) -> bool:
    """Does a function ask first (`hasattr`) or catch the AttributeError?"""
    for node in within(function.node.body):
        match node:
            case facts.Call(func=facts.Name(id="hasattr")):
                return True
            case facts.Try(handlers=handlers):
                if any("AttributeError" in _names(handler.exception) for handler in handlers):
                    return True
    return False


def _names(expr: facts.Expr | None) -> set[str]:
    """The last parts of the exception names in an except clause."""
    items = expr.items if isinstance(expr, facts.Sequence) else (expr,)
    return {item.id if isinstance(item, facts.Name) else getattr(item, "attr", "") for item in items}
