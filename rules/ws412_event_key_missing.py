from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

from wslint.knowledge.channels import CONSUMER_API
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Event, Method, Send, Stack
from wslint.stack.groups.eventreads import Read, keys_of, sure_reads
from wslint.stack.groups.groups import Groups


class EventKeyMissing(Rule):
    """A handler reads a key of its event that the sender does not put in.

    Why: the event is a plain dict, made in one place and read in another, often in a view and in a consumer. Nothing
    compares the two: a key that is renamed on one side, or that a new sender leaves out, is found when the event comes.

    See: the sender notices nothing; every consumer that gets the event dies with `KeyError: '…'`. Clients see close
    code 1011 from daphne, 1006 from uvicorn, and `disconnect()` does not run.

    Mend: send the key, read the one that is sent, or `event.get("key")` where it may be left out.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"type": "chat.message", "text": text_data})

            async def chat_message(self, event):
                await self.send(text_data=event["message"])

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"type": "chat.message", "text": text_data})

            async def chat_message(self, event):
                await self.send(text_data=event["text"])
    """

    code = "WS412"
    name = "event-key-missing"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        mistakes: dict[tuple[Location, Location, str], list[tuple[Wanted, Event]]] = {}
        for wanted in _wanted(stack):
            for event in wanted.without if wanted.with_it else wanted.without[:1]:
                first = event.location if wanted.with_it else wanted.read.method.location
                place = (first, event.location, wanted.handler)
                mistakes.setdefault(place, []).append((wanted, event))
        for found in mistakes.values():
            yield self._finding([wanted for wanted, _ in found], found[0][1])

    def _finding(self, missing: list[Wanted], event: Event) -> Finding:
        """One finding for an event and a handler: at the sender where another sender has the key, else at the read."""
        first = missing[0]
        keys = " and ".join(f'"{wanted.key}"' for wanted in missing)
        near = get_close_matches(first.key, sorted(event.keys), n=1, cutoff=0.7)
        has = ", ".join(f'"{key}"' for key in sorted(set(event.keys) - {"type"}))
        if first.with_it:
            location, other = event.location, Related(first.read.location, "it is read here")
            message = f"this `{first.kind}` event has no {keys}, which {first.handler}() reads"
        else:
            location, other = first.read.location, Related(event.location, "the event is made here")
            message = f"no sender of `{first.kind}` puts {keys} into the event"
        return self.finding(
            location,
            message,
            hint=f'did you mean "{near[0]}"?' if near else f"the event has {has or 'no other key'}",
            symptom=f"KeyError: '{first.key}' in every consumer that gets the event; its connection is lost (1011 from "
            "daphne, 1006 from uvicorn)",
            symbol=first.handler,
            related=[other],
        )


@dataclass(eq=False)
class Wanted:
    """A key that a handler needs: the events for it that surely lack it, and is there one that has it or may?"""

    kind: str
    key: str
    read: Read
    without: list[Event] = field(default_factory=list)
    with_it: bool = False

    @property
    def handler(self) -> str:
        return f"{self.read.method.owner.name}.{self.read.method.name}"


def _wanted(stack: Stack) -> list[Wanted]:
    groups = Groups(stack)
    found: dict[tuple[int, str], Wanted] = {}
    lacking: set[tuple[object, str]] = set()
    for send in stack.sends:
        event = send.event
        if event is None or send.in_tests or send.vendored or send.method not in ("group_send", "send"):
            continue
        for kind in event.types:
            reads = () if kind is None or groups.is_empty(send) else _reads(stack, groups, send, kind)
            certain = event.complete and len(event.types) == 1
            shared = set.intersection(*(set(keys) for keys in reads)) if reads else set()
            for keys in reads:
                for key, read in keys.items():
                    wanted = found.setdefault((id(read.node), key), Wanted(kind or "", key, read))
                    if not certain or key in event.keys:
                        wanted.with_it = True
                    elif key in shared and (event.location, key) not in lacking:
                        lacking.add((event.location, key))
                        wanted.without.append(event)
    return sorted(found.values(), key=lambda wanted: wanted.read.location)


def _reads(stack: Stack, groups: Groups, send: Send, kind: str) -> list[dict[str, Read]]:
    """What each handler that may get an event takes out of it; none when one of them cannot be read."""
    name = kind.replace(".", "_")
    handlers: dict[int, dict[str, Read]] = {}
    for consumer in () if name in CONSUMER_API else groups.receivers(send):
        if consumer.handles(kind) is False:
            continue
        method: Method | None = consumer.method(name)
        if method is None or consumer.vendored or consumer.dispatches_itself or method.node.decorators:
            return []
        handlers[id(method.node)] = dict(keys_of(sure_reads(stack.values, consumer, method)))
    return list(handlers.values())
