from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import Flow, Life, Occurrence, life_of
from wslint.flow.unset import asks_first, handed_over, is_readable, leaves_before, unset_reads
from wslint.knowledge import channels as known
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Pattern, Stack
from wslint.stack.groups.groups import Groups

EARLIER = {
    "receive": frozenset({"__init__", "__call__", "dispatch", "websocket_connect", "websocket_receive"}),
    "receive_json": frozenset(
        {"__init__", "__call__", "dispatch", "websocket_connect", "websocket_receive", "receive", "decode_json"}
    ),
}
"""Methods that have run by the time another one does, besides connect()."""


class AttributeUnsetOnPath(Rule):
    """A message reads an attribute that the connection may not have yet.

    Why: a client may send any message first, and an event may come at once. What connect() sets for some of those whom
    it accepts, or what another message sets, is then missing.

    See: `AttributeError: 'RoomConsumer' object has no attribute 'seat'` in the server's log; the client gets close code
    1011 (daphne) or 1006 (uvicorn), and disconnect() does not run.

    Mend: give the attribute a default in the class and look at it before its use.

    Bad:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class RoomConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                if content == "sit":
                    self.seat = "7a"
                else:
                    await self.send_json({"seat": self.seat})

    Good:
        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class RoomConsumer(AsyncJsonWebsocketConsumer):
            seat = None

            async def receive_json(self, content, **kwargs):
                if content == "sit":
                    self.seat = "7a"
                else:
                    await self.send_json({"seat": self.seat})
    """

    code = "WS331"
    name = "attribute-unset-on-path"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not is_readable(consumer):
                continue
            life = life_of(stack, consumer)
            if life.connect is not None and not life.connect.known:
                continue
            seen: set[str] = set()
            for flow in _turns(stack, life):
                for read, _ in unset_reads(consumer, flow):
                    if read.name in seen or _is_set_meanwhile(consumer, flow, read) or asks_first(flow, read):
                        continue
                    seen.add(read.name)
                    if read.location not in told:
                        told.add(read.location)
                        yield self._finding(consumer, flow, read)

    def _finding(self, consumer: Consumer, flow: Flow, read: Occurrence) -> Finding:
        places = consumer.cls.instance_assignments[read.name]
        setters = sorted({method.name for _, _, method in places})
        if "connect" in setters:
            why = "connect() does not set on every way to accept"
        else:
            why = f"only {' or '.join(f'{name}()' for name in setters)} sets"
        return self.finding(
            read.location,
            f"{flow.method.name}() of {consumer.name} reads self.{read.name}, which {why}",
            hint=f"`{read.name} = None` in the class, and a test before its use",
            symptom=f"AttributeError: '{consumer.name}' object has no attribute '{read.name}'; the client gets 1011 "
            "(daphne) or 1006 (uvicorn) and disconnect() does not run",
            symbol=f"{consumer.name}.{flow.method.name}",
            related=[Related(method.at(statement), "set here") for statement, _, method in places[:1]],
        )


def _turns(stack: Stack, life: Life) -> Iterator[Flow]:
    """The flows that a client can start as soon as it is accepted: messages, and events of a group joined for sure."""
    consumer = life.consumer
    if life.connect is not None and not any(exit.state.socket == "accepted" for exit in life.connect.exits):
        return
    joined = _joined(stack, life)
    events = {
        (name or "").replace(".", "_")
        for send in stack.sends
        if send.method == "group_send" and send.event is not None and not send.in_tests
        and any(group.could_equal(join) for group in send.groups for join in joined if not group.unknown)
        for name in send.event.types
    }  # fmt: skip
    for name in ("receive", "receive_json", *sorted(events)):
        if name in consumer.methods and (name not in known.CONSUMER_API or name in EARLIER):
            flow = life.method(name)
            if flow is not None:
                yield flow


def _joined(stack: Stack, life: Life) -> list[Pattern]:
    """The groups that everybody is in who is accepted."""
    groups = Groups(stack)
    found = [name.pattern for name in groups.attribute_names(life.consumer)]
    joins = {id(join.call): join for join in stack.joins}
    for join in life.connect.of("group_add") if life.connect is not None else ():
        if not join.conditions and not leaves_before(join.method.node, join.node) and id(join.node) in joins:
            found.extend(joins[id(join.node)].groups)
    return [pattern for pattern in found if not pattern.unknown]


def _is_set_meanwhile(consumer: Consumer, flow: Flow, read: Occurrence) -> bool:
    """Is it set in another way than by connect() and messages: before them, or by a task?"""
    setters = {method.name for _, _, method in consumer.cls.instance_assignments[read.name]}
    return bool(setters & (EARLIER.get(flow.method.name, EARLIER["receive"]) | handed_over(consumer.cls)))
