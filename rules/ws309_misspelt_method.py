from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import is_handler
from wslint.knowledge.channels import CONSUMER_API
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Class, Consumer, Method, Stack, below, facts
from wslint.stack.code.fetched import may_be_fetched
from wslint.stack.groups.groups import Groups
from wslint.stack.settings.misspelt import edits

SOCKET = ("websocket_connect", "websocket_receive", "websocket_disconnect")
CALLED = {
    "raw": SOCKET,
    "websocket": ("connect", "disconnect", "receive", *SOCKET),
    "json": ("connect", "disconnect", "receive", "receive_json", *SOCKET),
    "http": ("handle", "disconnect", "http_request", "http_disconnect"),
}
"""The methods that Channels calls on each kind of consumer."""

LONG = 10
"""From this length on a name may be two edits away, when the first letter is right."""


class MisspeltMethod(Rule):
    """A method with almost the name of one that Channels calls.

    Why: Channels calls connect(), disconnect(), receive() … by name and has methods of its own for those a class does
    not define: they accept every connection and drop every frame. A method `recieve` is never called.

    See: nothing. Frames have no effect, the cleanup does not run, or every client is accepted, whichever it was.

    Mend: write the name as Channels does.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def recieve(self, text_data=None, bytes_data=None):
                await self.send(text_data=text_data)

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send(text_data=text_data)
    """

    code = "WS309"
    name = "misspelt-method"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.complete or consumer.dispatches_itself:
                continue
            for method in consumer.methods.values():
                meant = _meant(consumer, method)
                if meant is None or method.location in told or method.node.decorators:
                    continue
                if _is_hook(stack, method) or _named(stack, method) or _may_handle(stack, consumer, method):
                    continue
                if not may_be_fetched(consumer.cls, method.name, stack.texts):
                    told.add(method.location)
                    yield self._finding(consumer, method, meant)

    def _finding(self, consumer: Consumer, method: Method, meant: str) -> Finding:
        return self.finding(
            method.location,
            f"nobody calls {method.owner.name}.{method.name}(); Channels calls {meant}()",
            hint=f"name it {meant}",
            symptom=SYMPTOMS.get(meant.rpartition("_")[2], "the requests or frames that it is for have no effect"),
            symbol=f"{consumer.name}.{method.name}",
            fix=Fix((Edit(method.location, meant),), safe=False, title=f"name it {meant}"),
        )


SYMPTOMS = {
    "connect": "every connection is accepted, and nothing in this method runs",
    "disconnect": "nothing; the cleanup in it never runs",
}


def _meant(consumer: Consumer, method: Method) -> str | None:
    """The method of Channels that is almost called so, when the same class does not define it too."""
    name = method.name
    if name in CONSUMER_API or name.startswith("_"):
        return None
    for wanted in CALLED.get(consumer.kind, ()):
        off = edits(name, wanted, 2)
        near = off == 1 or (off == 2 and len(wanted) >= LONG and name[0] == wanted[0])
        if near and wanted not in method.owner.scope_inside.bindings:
            return wanted
    return None


def _is_hook(stack: Stack, method: Method) -> bool:
    """Do bases or subclasses have the method too? Then it is one of the project's own."""
    relatives: list[Class] = [*method.owner.ancestry[1:], *stack.values.descendants.get(id(method.owner), ())]
    return any(method.name in relative.scope_inside.bindings for relative in relatives)


def _named(stack: Stack, method: Method) -> bool:
    """Does any code name the method, in a call or in a text, outside of it?"""
    inside = {id(node) for node in below(method.node)}
    for file in stack.files.values():
        for node in (node for statement in file.body for node in (statement, *below(statement))):
            match node:
                case facts.Attribute(attr=name) | facts.Name(id=name) if name == method.name and id(node) not in inside:
                    return True
                case facts.Constant(value=str(text)) if text.replace(".", "_") == method.name:
                    return True
    return False


def _may_handle(stack: Stack, consumer: Consumer, method: Method) -> bool:
    """Could an event of unknown type be meant for it?"""
    if not is_handler(method):
        return False
    groups = Groups(stack)
    return any(
        send.event is not None and None in send.event.types and consumer in groups.receivers(send)
        for send in stack.sends
    )
