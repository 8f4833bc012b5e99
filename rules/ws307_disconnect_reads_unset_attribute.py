from __future__ import annotations

from collections.abc import Iterator, Sequence

from wslint.flow import Occurrence, life_of
from wslint.flow.unset import Failure, failures, is_readable
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack, facts
from wslint.stack.code.callers import place_of
from wslint.stack.code.places import before


class DisconnectReadsUnsetAttribute(Rule):
    """disconnect() reads an attribute that some path never sets.

    Why: Channels calls disconnect() for a refused client as well as for one that leaves before it sent anything. What
    connect() sets after the refusal, or only a message sets, is not there then.

    See: `AttributeError: 'RoomConsumer' object has no attribute 'group'` in the server's log for every refused
    connection, and the rest of disconnect() does not run.

    Mend: give the attribute a default in the class, or set it before the first close, and look at it in disconnect().

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                if self.scope["url_route"]["kwargs"]["room"] == "cellar":
                    await self.close()
                    return
                self.group = "room.hall"
                await self.channel_layer.group_add(self.group, self.channel_name)
                await self.accept()

            async def disconnect(self, code):
                await self.channel_layer.group_discard(self.group, self.channel_name)

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            group = None

            async def connect(self):
                if self.scope["url_route"]["kwargs"]["room"] == "cellar":
                    await self.close()
                    return
                self.group = "room.hall"
                await self.channel_layer.group_add(self.group, self.channel_name)
                await self.accept()

            async def disconnect(self, code):
                if self.group:
                    await self.channel_layer.group_discard(self.group, self.channel_name)
    """

    code = "WS307"
    name = "disconnect-reads-unset-attribute"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not is_readable(consumer):
                continue
            life = life_of(stack, consumer)
            flow = life.disconnect
            if flow is None or (life.connect is not None and not life.connect.known):
                continue
            for failure in failures(consumer, flow):
                if failure.read.location not in told:
                    told.add(failure.read.location)
                    yield self._finding(consumer, failure)

    def _finding(self, consumer: Consumer, failure: Failure) -> Finding:
        read, others = failure.read, failure.others
        name = read.name
        closed = failure.start.closed_by
        if closed is not None:
            why = "connect() can refuse before it is set"
            related = [Related(closed.location, f"refuses here, without self.{name}")]
        else:
            why = "a client can leave before it is set"
            related = []
        related += [Related(other.location, f"self.{other.name} is not set then either") for other in others]
        defaults = ", ".join(f"`{found.name} = None`" for found in (read, *others))
        return self.finding(
            read.location,
            f"disconnect() of {consumer.name} reads self.{name}, but {why}",
            hint=f"{defaults} in the class, and a test before {'their' if others else 'its'} use",
            symptom=f"AttributeError: '{consumer.name}' object has no attribute '{name}'; the cleanup stops there",
            symbol=f"{consumer.name}.disconnect",
            related=related,
            fix=_fix((read, *others)),
        )


def _fix(reads: Sequence[Occurrence]) -> Fix | None:
    """Ask first: getattr() in a test, hasattr() around a statement; None when a read stands elsewhere."""
    edits: list[Edit] = []
    asked: dict[Location, list[str]] = {}
    indents: dict[Location, str] = {}
    for read in reads:
        place = place_of(read.method.node.body, read.node)
        if place is None or not isinstance(read.node, facts.Attribute):
            return None
        name = read.method.node.params[0].name
        statement = place.statement
        if isinstance(statement, facts.If):
            edits.append(Edit(read.location, f'getattr({name}, "{read.name}", None)'))
        elif isinstance(statement, (facts.ExpressionStatement, facts.Assign, facts.AugmentedAssign)):
            start = before(statement, read.method.frame)
            asked.setdefault(start, []).append(f'hasattr({name}, "{read.name}")')
            indents[start] = "\n" + " " * (statement.span.column - 1 + 4)
        else:
            return None
    edits += [Edit(start, f"if {' and '.join(tests)}:{indents[start]}") for start, tests in asked.items()]
    return Fix(tuple(edits), safe=False, title="look whether it is there")
