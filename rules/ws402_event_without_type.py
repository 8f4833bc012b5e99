from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Event, ExternalValue, Send, Stack, facts
from wslint.stack.groups.groups import Groups


class EventWithoutType(Rule):
    """An event is sent without a "type".

    Why: the type names the method that handles the event. Nothing looks at the dict when it is sent; the consumer that
    gets it cannot find a method and raises.

    See: the sender notices nothing; every consumer that gets the event dies with `ValueError: Incoming message has no
    'type' attribute`. Clients see close code 1011 from daphne, 1006 from uvicorn, and `disconnect()` does not run.

    Mend: add `"type": "chat.message"` for a method `chat_message(self, event)`. `{type: …}` has the builtin as its key:
    the quotes are missing.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"text": text_data})

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

    code = "WS402"
    name = "event-without-type"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        groups = Groups(stack)
        seen: set[Location] = set()
        for send in stack.sends:
            event = send.event
            if event is None or event.location in seen or send.in_tests:
                continue
            key = _builtin_key(stack, event)
            if key is None and (event.types or not event.complete or _answers(groups, send)):
                continue
            seen.add(event.location)
            yield self._finding(event, key)

    def _finding(self, event: Event, key: facts.Expr | None) -> Finding:
        fix = None
        if key is not None:
            fix = Fix((Edit(event.frame.at(key), '"type"'),), safe=True, title="quote the key")
        return self.finding(
            event.location if key is None else event.frame.at(key),
            'the event has no "type"' if key is None else "the key is the builtin `type`, not the string",
            hint='add `"type"`, the name of the method that handles it' if key is None else 'write `"type"`',
            symptom="ValueError: Incoming message has no 'type' attribute; every receiving connection is lost "
            "(1011 from daphne, 1006 from uvicorn)",
            fix=fix,
        )


def _builtin_key(stack: Stack, event: Event) -> facts.Expr | None:
    """The bare `type` among the keys of a dict display."""
    if not isinstance(event.node, facts.Dict) or "type" in event.keys:
        return None
    for item in event.node.items:
        if isinstance(item.key, facts.Name) and item.key.id == "type":
            value = stack.values.one(item.key, event.frame)
            if isinstance(value, ExternalValue) and value.dotted == "builtins.type":
                return item.key
    return None


def _answers(groups: Groups, send: Send) -> bool:
    """May a message go to code that reads the channel itself and needs no type?"""
    if not groups.has_listeners:
        return False
    if send.method == "send":
        return True
    members = [member for name in groups.names(send) for member in groups.members(name.pattern)]
    return not members or any(member.consumer is None for member in members)
