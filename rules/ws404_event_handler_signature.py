from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import CONSUMER_API
from wslint.rule import Edit, Finding, Fix, Level, Related, Rule
from wslint.stack import Method, Send, Stack
from wslint.stack.code.places import after
from wslint.stack.code.signatures import shown, takes
from wslint.stack.groups.groups import Groups


class EventHandlerSignature(Rule):
    """The handler of an event cannot be called with the event.

    Why: the method that the type of an event names is called with one argument, the whole event as a dict. What the
    sender put beside "type" is inside that dict; it does not arrive as arguments of its own.

    See: the sender notices nothing; every consumer that gets the event dies with `TypeError: … takes 1 positional
    argument but 2 were given` or `… missing 1 required positional argument`. Clients see close code 1011 from daphne,
    1006 from uvicorn, and `disconnect()` does not run.

    Mend: take exactly the event, `async def chat_message(self, event)`, and read its keys.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"type": "chat.message"})

            async def chat_message(self):
                await self.send(text_data="hello")

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"type": "chat.message"})

            async def chat_message(self, event):
                await self.send(text_data="hello")
    """

    code = "WS404"
    name = "event-handler-signature"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        groups = Groups(stack)
        told: set[int] = set()
        for send in stack.sends:
            if send.event is None or send.in_tests or send.method not in ("group_send", "send"):
                continue
            for kind in send.event.types:
                for method in _misfits(groups, send, kind) if kind is not None else ():
                    if id(method.node) not in told:
                        told.add(id(method.node))
                        yield self._finding(method, send, kind or "")

    def _finding(self, method: Method, send: Send, kind: str) -> Finding:
        return self.finding(
            method.location,
            f"{method.owner.name}.{method.name}({shown(method.node)}) handles the event `{kind}` "
            "and cannot be called with it",
            hint="take exactly one argument, the event",
            symptom="TypeError in every consumer that gets the event; its connection is lost (1011 from daphne, 1006 "
            "from uvicorn)",
            symbol=f"{method.owner.name}.{method.name}",
            related=[Related(send.event.type_location, "the event is sent here")] if send.event is not None else (),
            fix=_fix(method),
        )


def _misfits(groups: Groups, send: Send, kind: str) -> list[Method]:
    """The methods that handle an event and do not take it; none when one that may get it takes it."""
    name = kind.replace(".", "_")
    if name in CONSUMER_API:
        return []  # a type that calls the API itself is WS403's
    handlers: list[Method] = []
    for consumer in groups.receivers(send):
        method = consumer.method(name)
        if method is None or consumer.vendored:
            continue
        if consumer.dispatches_itself or method.node.decorators or takes(method.node, 1):
            return []
        handlers.append(method)
    return handlers


def _fix(method: Method) -> Fix | None:
    """`def handler(self)` → `def handler(self, event)`."""
    params = method.node.params
    if len(params) != 1 or params[0].kind != "positional":
        return None
    return Fix((Edit(after(params[0], method.frame), ", event"),), safe=True, title="take the event")
