from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Event, Mounted, Send, Stack, facts, within
from wslint.stack.groups.groups import Groups

_API = frozenset({"connect", "disconnect", "receive", "receive_json", "send", "send_json", "accept", "close"})


class UnhandledEventType(Rule):
    """An event is sent for which no consumer that can get it has a handler.

    Why: the type of an event names the method that handles it, with dots read as underscores: "chat.message" and
    "chat_message" both mean `chat_message(self, event)`. Nothing checks the type when the event is sent.

    See: the sender notices nothing; every consumer in the group dies with `ValueError: No handler for message type …`.
    Clients see close code 1011 from daphne, 1006 from uvicorn, and `disconnect()` does not run.

    Mend: give the event the name of the method, or the consumer a method of that name.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            groups = ["chat"]

            async def receive(self, text_data=None, bytes_data=None):
                await self.channel_layer.group_send("chat", {"type": "send_message", "text": text_data})

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

    code = "WS401"
    name = "unhandled-event-type"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        consumers = [consumer for consumer in stack.consumers if not consumer.vendored]
        if not consumers:
            return  # only senders: whoever gets the events lives elsewhere
        groups = Groups(stack)
        seen: set[Location] = set()
        for send in stack.sends:
            if send.event is None or send.in_tests or send.method not in ("group_send", "send"):
                continue
            for kind in () if None in send.event.types else send.event.types:
                place = send.event.type_location
                if kind is None or place in seen or not is_dispatchable(kind):
                    continue
                deaf = _deaf(stack, groups, send, kind, consumers)
                if deaf is not None:
                    seen.add(place)
                    yield self._finding(groups, send, send.event, kind, deaf)

    def _finding(self, groups: Groups, send: Send, event: Event, kind: str, deaf: list[Consumer]) -> Finding:
        deaf.sort(key=lambda consumer: consumer.location)
        handler = kind.replace(".", "_")
        near = get_close_matches(handler, sorted(handlers_of(deaf)), n=1, cutoff=0.8)
        symptom = (
            f"ValueError: No handler for message type {kind}; every receiving connection is lost "
            "(1011 from daphne, 1006 from uvicorn)"
        )
        if groups.is_empty(send):
            message = f"no consumer joins `{send.groups[0]}`, and none has a method `{handler}` for its event"
            symptom = f"nothing: nobody gets the event; for whoever joins one day, {symptom}"
        else:
            names = ", ".join(f"`{consumer.name}`" for consumer in deaf[:3]) + (" …" if len(deaf) > 3 else "")
            message = f"no consumer that can get this event has a method `{handler}` ({names})"
        hint = f"did you mean `{near[0]}`?" if near else f"write a method `{handler}(self, event)`"
        fix = None
        if near and isinstance(event.type_node, facts.Constant):
            mended = near[0].replace("_", ".") if "." in kind and "_" not in kind else near[0]
            fix = Fix((Edit(event.type_location, f'"{mended}"'),), safe=True, title=f"use `{mended}`")
        return self.finding(
            event.type_location,
            message,
            hint=hint,
            symptom=symptom,
            related=[Related(consumer.location, f"has no `{handler}`") for consumer in deaf[:3]],
            fix=fix,
        )


def is_dispatchable(kind: str) -> bool:
    """Could a type be the name of a method? (Others are WS403's.)"""
    return kind.replace(".", "_").isidentifier() and not kind.startswith(("_", "."))


def handlers_of(consumers: Iterable[Consumer]) -> set[str]:
    """Methods that look like event handlers."""
    return {
        name
        for consumer in consumers
        for name, method in consumer.methods.items()
        if name not in _API and not name.startswith("_") and len(method.node.params) == 2
    }


def _deaf(stack: Stack, groups: Groups, send: Send, kind: str, consumers: list[Consumer]) -> list[Consumer] | None:
    """The consumers that can get an event but not handle it; None when one that can get it may handle it."""
    if send.method == "group_send":
        members = [member for name in groups.names(send) for member in groups.members(name.pattern)]
        if any(member.consumer is None for member in members):
            return None  # something else than a consumer is in the group
        joined = list({id(found): found for member in members if (found := member.consumer) is not None}.values())
        if joined:
            handled = any(consumer.handles(kind) is not False for consumer in joined)
            return None if handled or _added_later(stack, kind, joined) or _may_join(groups, kind) else joined
    elif groups.has_listeners:
        return None
    if any(consumer.handles(kind) is not False for consumer in consumers) or _added_later(stack, kind, consumers):
        return None
    if groups.has_listeners or _is_open(stack) or _elsewhere(stack, kind):
        return None
    return [consumer for consumer in consumers if not consumer.is_abstract and not consumer.in_tests]


def _may_join(groups: Groups, kind: str) -> bool:
    """Does a consumer that handles the type join a group whose name is not known?"""
    return any(
        member.pattern.unknown and (member.consumer is None or member.consumer.handles(kind) is not False)
        for member in groups.memberships
    )


def _is_open(stack: Stack) -> bool:
    """Are consumers mounted that are not of the project?"""
    return any(isinstance(mount.leaf, Mounted) and mount.leaf.cls is None for mount in stack.mounts)


def _elsewhere(stack: Stack, kind: str) -> bool:
    """Does a class that is no consumer (a mixin, say) have the method?"""
    handler = kind.replace(".", "_")
    return any(
        function.name == handler and function.owner is not None and function.consumer is None
        for function in stack.functions
    )


def _added_later(stack: Stack, kind: str, consumers: Iterable[Consumer]) -> bool:
    """Are handlers put on one of the classes from outside (`setattr(C, …)`, `C.handler = …`)?"""
    for consumer in consumers:
        for cls in consumer.cls.ancestry:
            for node in within(stack.files[cls.path].body):
                match node:
                    case facts.Call(func=facts.Name(id="setattr"), args=(facts.Argument(value=target), *_)):
                        pass
                    case facts.Attribute(value=target, attr=attr) if attr == kind.replace(".", "_"):
                        pass
                    case _:
                        continue
                if isinstance(target, facts.Name) and target.id == cls.name:
                    return True
    return False
