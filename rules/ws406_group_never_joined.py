from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Send, Stack
from wslint.stack.groups.groups import Groups
from wslint.stack.groups.joining import sees_every_join


class GroupNeverJoined(Rule):
    """An event is sent to a group that no consumer joins.

    Why: a group is nothing but a name. Sending to one that nobody is in is allowed, so a name that is spelt one way
    in the view and another way in the consumer looks like a message that nobody happened to wait for.

    See: nothing at all. The send returns, no log line is written, and no client ever gets the event.

    Mend: send to the name that the consumer joins; best, spell it in one function that both sides call.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat_lobby"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat-lobby", {"type": "chat.message", "text": text_data})

            async def chat_message(self, event):
                await self.send(text_data=event["text"])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat_lobby"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat_lobby", {"type": "chat.message", "text": text_data})

            async def chat_message(self, event):
                await self.send(text_data=event["text"])
    """

    code = "WS406"
    name = "group-never-joined"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        groups = Groups(stack)
        homes = {stack.modules.root_of(consumer.path) for consumer in stack.consumers if not consumer.in_tests}
        lost: dict[str, list[Send]] = {}
        for send in stack.sends:
            if send.in_tests or send.vendored or not groups.is_empty(send) or _is_unhandled(stack, send):
                continue
            if stack.modules.root_of(send.path) in homes:  # else its consumers are of another project
                lost.setdefault(str(groups.names(send)[0].pattern), []).append(send)
        for name, sends in lost.items() if lost and sees_every_join(stack, groups) else ():
            yield self._finding(groups, name, sends)

    def _finding(self, groups: Groups, name: str, sends: list[Send]) -> Finding:
        joined = {str(member.pattern): member.location for member in reversed(groups.memberships)}
        near = get_close_matches(name, sorted(joined), n=1, cutoff=0.6)
        others = [Related(place, "and is sent to here") for place in sorted({*map(_place, sends[1:])})[:3]]
        return self.finding(
            _place(sends[0]),
            f"no consumer joins the group `{name}`",
            hint=f"consumers join `{near[0]}`: spell it the same way" if near else "join it in connect()",
            symptom="no error and no log line; no client gets the event",
            symbol=name,
            related=[*(Related(joined[one], "this one is joined") for one in near), *others],
        )


def _place(send: Send) -> Location:
    """The name of the group, or the call that hands it to the function which sends."""
    return send.location if send.through or send.group_node is None else send.frame.at(send.group_node)


def _is_unhandled(stack: Stack, send: Send) -> bool:
    """Is there an event that no consumer has a method for? (Then that is what is told: WS401.)"""
    kinds = send.event.types if send.event is not None else ()
    return any(
        kind is not None and not any(consumer.handles(kind) is not False for consumer in stack.consumers)
        for kind in kinds
    )
