from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import CORE_LAYER
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Method, Stack, facts
from wslint.stack.code.changes import Change, changes
from wslint.stack.layers.layers import layers_of

MAX_RELATED = 3
_DONE = {
    "set": "writes into",
    "delete": "deletes from",
    "pop": "takes out of",
    "popitem": "takes out of",
    "clear": "empties",
    "update": "writes into",
    "setdefault": "writes into",
    "deeper": "changes what is in",
}


class EventMutated(Rule):
    """A handler changes the event that it got, and with it what the other members of the group get.

    Why: the Redis layer unpacks an event once for all members of a group that are connected to the same process, and
    hands each of them the same dict. What one handler puts in, takes out or changes, the next one finds so. The
    in-memory layer and the pub/sub layer give everybody a copy, so that tests show nothing.

    See: with `channels_redis.core.RedisChannelLayer`, members after the first get another event than was sent: a flag
    meant for one of them, a list that grows from one to the next. After `event.pop("type")` all but the first die with
    `ValueError: Incoming message has no 'type' attribute` (close code 1011 from daphne, 1006 from uvicorn).

    Mend: make a new dict: `{**event, "mine": True}`, or take single keys.

    Bad:
        # settings.py
        INSTALLED_APPS = ["channels"]
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
        # consumers.py
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class ChatConsumer(AsyncJsonWebsocketConsumer):
            groups = ["chat"]

            async def receive_json(self, content, **kwargs):
                await self.channel_layer.group_send("chat", {"type": "chat.message", "text": "hello"})

            async def chat_message(self, event):
                event.pop("type")
                await self.send_json(event)

    Good:
        # settings.py
        INSTALLED_APPS = ["channels"]
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
        # consumers.py
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class ChatConsumer(AsyncJsonWebsocketConsumer):
            groups = ["chat"]

            async def receive_json(self, content, **kwargs):
                await self.channel_layer.group_send("chat", {"type": "chat.message", "text": "hello"})

            async def chat_message(self, event):
                await self.send_json({"text": event["text"]})
    """

    code = "WS410"
    name = "event-mutated"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        sent = {
            kind.replace(".", "_"): send.location
            for send in stack.sends
            if send.method == "group_send" and send.event is not None and not send.in_tests
            for kind in send.event.types
            if kind is not None
        }
        told: set[Location] = set()
        for consumer in stack.consumers if sent else ():
            if consumer.in_tests or consumer.vendored or consumer.dispatches_itself:
                continue
            for name in sorted(sent):
                method = consumer.method(name)
                found = [] if method is None else list(_mutations(method))
                if method is None or not found or method.location in told or not _on_core(stack, method.location.path):
                    continue
                told.add(method.location)
                yield self._finding(consumer, method, found, sent[name])

    def _finding(
        self, consumer: Consumer, method: Method, found: list[tuple[Change, Location]], sent: Location
    ) -> Finding:
        change, place = found[0]
        rest = [Related(where, "and here") for _, where in found[1 : MAX_RELATED + 1]]
        lost = any(one.kind == "pop" and one.call is not None and _names_type(one.call) for one, _ in found)
        return self.finding(
            place,
            f"{consumer.name}.{method.node.name} {_DONE[change.kind]} the event, which the other members of the group "
            "on this process get as well",
            hint="make a new dict, or take single keys of the event",
            symptom="with the Redis layer all members after the first die with `ValueError: Incoming message has no "
            "'type' attribute`"
            if lost
            else "with the Redis layer members after the first get the changed event; in-memory everybody has a copy",
            symbol=f"{consumer.name}.{method.node.name}",
            related=[*rest, Related(sent, "sent to a group here")],
        )


def _mutations(method: Method) -> Iterator[tuple[Change, Location]]:
    """What a handler does to the dict that it was given, under the name it was given it by."""
    params = [param for param in method.node.params[1:2] if param.kind.startswith("positional")]
    scope = method.frame.scope
    for param in params:
        for change in changes(scope, param.name):
            node = change.call or change.index
            if change.kind not in _DONE or node is None or change.scope is not scope:
                continue
            bound = scope.reaching(param.name, node.span)
            if bound and all(one.source is param for one in bound):
                yield change, method.at(node)


def _names_type(call: facts.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0].value, facts.Constant) and call.args[0].value.value == "type"


def _on_core(stack: Stack, path: str) -> bool:
    """Do the settings that serve a project have the layer that hands one dict to all members?"""
    settings = stack.settings_for(path)
    return settings is not None and any(
        backend == CORE_LAYER
        for module in settings.serving
        for layer in layers_of(stack, module).layers
        for backend in layer.backends(stack)
    )
