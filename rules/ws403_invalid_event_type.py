from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.knowledge.channels import CONSUMER_API
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Event, Mounted, Send, Stack, facts, within
from wslint.stack.code.signatures import takes
from wslint.stack.groups.groups import Groups

RAISE = frozenset({"accept", "close", "connect", "receive", "send", "send_json"})
"""Methods of websocket consumers that raise when they are called with an event."""

STOP = {
    "disconnect": "disconnect() runs with the event as its code, and the connection stays open",
    "websocket_disconnect": "the consumer stops: the socket is a zombie under daphne and lost (1006) under uvicorn",
}
"""Methods that end something else than the connection."""


class InvalidEventType(Rule):
    """An event type that can never name a handler, or that names a method of Channels itself.

    Why: the type of an event is turned into a method name by reading dots as underscores, and nothing else is changed.
    A type with a dash, a colon or a space is no method name; one that begins with an underscore or a dot is refused;
    and "send", "close", "disconnect" or "websocket.disconnect" find the consumer's own machinery, which is then called
    with the event.

    See: the sender notices nothing. Every consumer that gets the event dies with `ValueError: No handler for message
    type …`, `Malformed type in message (leading underscore)` or an error inside the method that was hit; clients see
    close code 1011 from daphne, 1006 from uvicorn. "disconnect" runs the clean-up while the socket stays open, and
    "websocket.disconnect" stops the consumer behind an open socket.

    Mend: name the method: `"chat.message"` or `"chat_message"` for `chat_message(self, event)`; to close connections
    from outside, write a handler of your own that calls `self.close()`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"type": "chat-message", "text": text_data})

            async def chat_message(self, event):
                await self.send(text_data=event["text"])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"type": "chat_message", "text": text_data})

            async def chat_message(self, event):
                await self.send(text_data=event["text"])
    """

    code = "WS403"
    name = "invalid-event-type"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        if any(isinstance(mount.leaf, Mounted) and mount.leaf.cls is None for mount in stack.mounts):
            return  # consumers that are not of the project may have ways of their own
        groups = Groups(stack)
        told: set[Location] = set()
        for send in stack.sends:
            if send.event is None or send.in_tests or send.method not in ("group_send", "send"):
                continue
            place = send.event.type_location
            receivers = groups.receivers(send)
            if None in send.event.types or place in told or not receivers or groups.has_listeners:
                continue
            for kind in send.event.types:
                problem = _problem(kind or "", receivers)
                if problem is not None:
                    told.add(place)
                    yield self._finding(send, send.event, kind or "", receivers, *problem)

    def _finding(
        self, send: Send, event: Event, kind: str, receivers: tuple[Consumer, ...], message: str, symptom: str
    ) -> Finding:
        near = re.sub(r"\W", "_", kind).strip("_")
        fix = None
        if any(near in consumer.methods for consumer in receivers) and near not in CONSUMER_API:
            if isinstance(event.type_node, facts.Constant):
                fix = Fix((Edit(event.type_location, f'"{near}"'),), safe=True, title=f"use `{near}`")
            hint = f"did you mean `{near}`?"
        else:
            hint = "use the name of a method of your own, such as `chat_message`"
        return self.finding(
            event.type_location,
            message,
            hint=hint,
            symptom=symptom,
            related=[Related(consumer.location, "gets the event") for consumer in receivers[:3]],
            fix=fix,
        )


def _problem(kind: str, receivers: tuple[Consumer, ...]) -> tuple[str, str] | None:
    """(what is wrong with a type, what is seen), when it is wrong for every consumer that may get it."""
    if any(consumer.dispatches_itself or not consumer.complete for consumer in receivers):
        return None
    name = kind.replace(".", "_")
    lost = "every receiving connection is lost (1011 from daphne, 1006 from uvicorn)"
    if name.startswith("_"):
        refused = "begins with an underscore, which Channels refuses" if kind.startswith("_") else "begins with a dot"
        return f"the type `{kind}` {refused}", f"ValueError: Malformed type in message (leading underscore); {lost}"
    if not name.isidentifier():
        shown = f"the type `{kind}`" if kind else "an empty type"
        return (
            f"{shown} can name no method: only dots become underscores",
            f"ValueError: No handler for message type {kind}; {lost}",
        )
    if all(_hits_api(consumer, name) for consumer in receivers):
        raises = f"{name}() is called with the event as its argument and raises; {lost}"
        return f"the type `{kind}` calls {name}() of the consumer itself", STOP.get(name, raises)
    return None


def _hits_api(consumer: Consumer, name: str) -> bool:
    """Is a method of Channels called with the event, or one of the project that stands in for it and cannot take it?"""
    if name not in RAISE and name not in STOP:
        return False
    method = consumer.method(name)
    if not consumer.is_websocket or (name in ("send_json", "receive") and consumer.kind != "json" and method is None):
        return name == "send" and method is None
    if method is None or method.node.decorators:
        return method is None
    body = method.node.body
    if name == "disconnect":
        return not any(isinstance(node, facts.Attribute) and node.attr == "close" for node in within(body))
    if name == "receive":
        return any(_loads(node, method.node.params[1:2]) for node in within(body))
    return name in RAISE and not takes(method.node, 1)


def _loads(node: facts.Node, text: tuple[facts.Parameter, ...]) -> bool:
    """`json.loads(text_data)`: given a dict it raises TypeError."""
    match node:
        case facts.Call(func=facts.Attribute(attr="loads"), args=(facts.Argument(value=facts.Name(id=name)), *_)):
            return any(param.name == name for param in text)
        case _:
            return False
