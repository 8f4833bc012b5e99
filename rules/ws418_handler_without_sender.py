from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from wslint.flow import is_handler
from wslint.rule import Finding, Level, Rule
from wslint.stack import Method, Stack
from wslint.stack.groups.unsent import Sent, reads_parameter


class HandlerWithoutSender(Rule):
    """A consumer has a handler for an event that nothing in the project sends.

    Why: the type of an event is the only link between a sender and the method that handles it. A handler that is left
    over, or whose sender spells the type another way, looks just like one that works.

    See: nothing: the method never runs, and the clients wait for frames that do not come.

    Mend: send the event, give the handler the name of the one that is sent, or delete it. A sender in another
    repository is not seen here.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"type": "chat.message", "text": text_data})

            async def chat_message(self, event):
                await self.send(text_data=event["text"])

            async def user_left(self, event):
                await self.send(text_data=event["user"])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"type": "chat.message", "text": text_data})

            async def chat_message(self, event):
                await self.send(text_data=event["text"])

            async def disconnect(self, code):
                await self.channel_layer.group_send("chat", {"type": "user.left", "user": "one"})

            async def user_left(self, event):
                await self.send(text_data=event["user"])
    """

    code = "WS418"
    name = "handler-without-sender"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        sent = Sent(stack)
        told: set[int] = set()
        for consumer in stack.consumers if sent.is_known else ():
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket or not consumer.complete:
                continue
            if consumer.dispatches_itself or consumer.is_abstract:
                continue
            for method in consumer.methods.values():
                if id(method.node) in told or not is_handler(method) or method.node.decorators:
                    continue
                told.add(id(method.node))
                if reads_parameter(method) and sent.lacks(consumer, method):
                    yield self._finding(method, sent)

    def _finding(self, method: Method, sent: Sent) -> Finding:
        near = get_close_matches(method.name, sorted(sent.handled), n=1, cutoff=0.7)
        return self.finding(
            method.location,
            f"nothing in the project sends an event that {method.owner.name}.{method.name}() handles",
            hint=f"`{near[0]}` is sent" if near else "delete it, unless another program sends the event",
            symptom="the method never runs; what it would send to the client never comes",
            symbol=f"{method.owner.name}.{method.name}",
        )
