from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Send, Stack, argument
from wslint.stack.client.clientchecks import is_judged
from wslint.stack.client.clienttype import Chosen, TypeChoices
from wslint.stack.consumers.handling import Run, runs


class ClientControlledType(Rule):
    """The client decides which method of the receiving consumers runs.

    Why: the type of an event is the name of the method that handles it. When the client's message is sent as the event,
    or its "type" is taken over, every method that takes an event can be called from a browser, on every member of the
    group: handlers for events that only the server should send, and those of Channels itself.

    See: nothing, until someone does it. `{"type": "admin.reset"}` runs `admin_reset()` of every member;
    `{"type": "websocket.disconnect"}` stops their consumers: the sockets stay open and dead under daphne and are lost
    with 1006 under uvicorn; a type that no method has ends every one of them.

    Mend: write the type, and let the client fill in only what is data: `{"type": "chat.message", "text": text}`. Where
    the client may choose, look its word up in a table of types.

    Bad:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class ChatConsumer(AsyncJsonWebsocketConsumer):
            groups = ["chat"]

            async def receive_json(self, content, **kwargs):
                await self.channel_layer.group_send("chat", content)

            async def chat_message(self, event):
                await self.send_json({"text": event.get("text")})

    Good:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class ChatConsumer(AsyncJsonWebsocketConsumer):
            groups = ["chat"]

            async def receive_json(self, content, **kwargs):
                await self.channel_layer.group_send("chat", {"type": "chat.message", "text": content.get("text")})

            async def chat_message(self, event):
                await self.send_json({"text": event.get("text")})
    """

    code = "WS411"
    name = "client-controlled-type"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        sends: dict[int, list[Send]] = {}
        for send in stack.sends:
            if send.event is not None and send.inside is not None and send.through is None and not send.in_tests:
                sends.setdefault(id(send.inside.node), []).append(send)
        told: set[Location] = set()
        for consumer in stack.consumers if sends else ():
            if consumer.in_tests or consumer.vendored or consumer.is_abstract or consumer.dispatches_itself:
                continue
            for run in runs(stack, consumer):
                for send in sends.get(id(run.node), ()):
                    chosen = _chosen(run, send)
                    place = None if chosen is None else chosen.frame.at(chosen.node)
                    if chosen is not None and place is not None and place not in told:
                        told.add(place)
                        yield self._finding(run, send, chosen, place)

    def _finding(self, run: Run, send: Send, chosen: Chosen, place: Location) -> Finding:
        what = "the client's message brings its own type into" if chosen.whole else "the client chooses the type of"
        near = send.path == place.path and send.location.span.line == place.span.line
        return self.finding(
            place,
            f"{what} this event, and with it the method that runs in every receiver",
            hint='write the type after what the client sent: `{**message, "type": "chat.message"}`, or take single '
            "keys; look a chosen type up in a table",
            symptom="any client calls any handler of the group's members by name; `websocket.disconnect` stops them "
            "(dead sockets under daphne, 1006 under uvicorn)",
            symbol=f"{run.input.consumer.name}.{run.node.name}",
            related=() if near else (Related(send.location, "sent here"),),
        )


def _chosen(run: Run, send: Send) -> Chosen | None:
    event = argument(send.call, 1, "message")
    chosen = None if event is None else TypeChoices(run.input).of(event, run.frame)
    return None if chosen is None or is_judged(run, chosen.part) else chosen
