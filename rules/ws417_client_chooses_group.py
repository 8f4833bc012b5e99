from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Send, Stack
from wslint.stack.client.clientchecks import is_permitted
from wslint.stack.client.clientinput import Input
from wslint.stack.consumers.handling import Run, runs

MAX_RELATED = 3


@dataclass(eq=False, frozen=True)
class Choice:
    """A part of the client's message in the name of a group that is joined or sent to."""

    part: Input
    location: Location
    send: Send
    run: Run


class ClientChoosesGroup(Rule):
    """The client names the group that it joins, or that its message goes to, and nothing asks whether it may.

    Why: groups have no owners. Whoever is added to one gets all that is sent to it, and a send reaches all its members.
    When the name, or the part of it that tells one group from another, is taken from a frame, every client can listen
    in on every group of that form, and speak in it, by writing another id.

    See: nothing, until someone does it: other people's messages arrive at a stranger's socket, without any error.

    Mend: ask whether this user may use that group before group_add() or group_send(), by the object it belongs to; or
    take the name from where connect() checked it.

    Bad:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class DeskConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                self.group = f"desk_{content.get('desk_id')}"
                await self.channel_layer.group_add(self.group, self.channel_name)

            async def disconnect(self, code):
                await self.channel_layer.group_discard(getattr(self, "group", "none"), self.channel_name)

    Good:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        DESKS = {"front", "back"}

        class DeskConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                desk_id = content.get("desk_id")
                if desk_id not in DESKS:
                    return
                self.group = f"desk_{desk_id}"
                await self.channel_layer.group_add(self.group, self.channel_name)

            async def disconnect(self, code):
                await self.channel_layer.group_discard(getattr(self, "group", "none"), self.channel_name)
    """

    code = "WS417"
    name = "client-chooses-group"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        sends: dict[int, list[Send]] = {}
        for send in stack.sends:
            used = send.method in ("group_add", "group_send") and send.group_node is not None
            if used and send.inside is not None and send.through is None and not send.in_tests:
                sends.setdefault(id(send.inside.node), []).append(send)
        told: set[Location] = set()
        for consumer in stack.consumers if sends else ():
            if consumer.in_tests or consumer.vendored or consumer.is_abstract:
                continue
            for choices in _choices(stack, consumer, sends):
                if not any(choice.location in told for choice in choices):
                    told.update(choice.location for choice in choices)
                    yield self._finding(consumer, choices)

    def _finding(self, consumer: Consumer, choices: list[Choice]) -> Finding:
        choices.sort(key=lambda choice: choice.send.method != "group_add")
        first = choices[0]
        joins = first.send.method == "group_add"
        places = dict.fromkeys(choice.location for choice in choices if choice.location != first.location)
        return self.finding(
            first.location,
            f"the client chooses the group that {'it joins' if joins else 'this is sent to'}, by `{first.part.key}` "
            "of its message; nothing asks whether it may",
            hint="check that this user may use the group before it is used",
            symptom=f"any client can {'read what is sent to' if joins else 'send to'} any such group by "
            "another value; there is no error",
            symbol=f"{consumer.name}.{first.run.node.name}",
            related=[Related(place, "and here") for place in list(places)[:MAX_RELATED]],
        )


def _choices(stack: Stack, consumer: Consumer, sends: dict[int, list[Send]]) -> list[list[Choice]]:
    """The uses of groups that the client chooses freely, by the part of the message that chooses."""
    found: dict[tuple[int, tuple[str, ...]], list[Choice]] = {}
    for run in runs(stack, consumer):
        for send in sends.get(id(run.node), ()):
            assert send.group_node is not None
            for pattern in stack.texts.of(send.group_node, run.frame):
                for hole in pattern.holes:
                    parts = run.input.of(hole.expr, hole.frame) if hole.expr and hole.frame else ()
                    for part in parts:
                        if part.key and hole.expr and hole.frame and not is_permitted(run, part, send.call):
                            choice = Choice(part, hole.frame.at(hole.expr), send, run)
                            found.setdefault((id(part.root), part.path), []).append(choice)
    return list(found.values())
