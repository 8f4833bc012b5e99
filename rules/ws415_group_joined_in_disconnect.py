from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import life_of
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Frame, Stack, facts
from wslint.stack.groups.leaving import joins_itself


class GroupJoinedInDisconnect(Rule):
    """disconnect() joins a group, where it should leave it.

    Why: `group_add` puts the channel of a connection that is gone into the group. Nobody reads that channel any more,
    and the join that connect() made is never undone.

    See: no error. The group grows with every connection that ever was (until group_expiry, a day by default); each send
    to it also writes to all those dead channels, and the log says `… of … channels over capacity in group …`.

    Mend: `await self.channel_layer.group_discard(group, self.channel_name)`.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.channel_layer.group_add("chat", self.channel_name)
                await self.accept()

            async def disconnect(self, code):
                await self.channel_layer.group_add("chat", self.channel_name)

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.channel_layer.group_add("chat", self.channel_name)
                await self.accept()

            async def disconnect(self, code):
                await self.channel_layer.group_discard("chat", self.channel_name)
    """

    code = "WS415"
    name = "group-joined-in-disconnect"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[Location] = set()
        for consumer in stack.consumers:
            flow = None if consumer.in_tests or consumer.vendored else life_of(stack, consumer).disconnect
            if flow is None or not flow.known:
                continue
            leaves = bool(flow.of("group_discard"))
            for join in flow.of("group_add"):
                call = join.call
                if call is None or join.location in seen:
                    continue
                if join.frames and all(joins_itself(stack, call, frame) for frame in join.frames):
                    seen.add(join.location)
                    # A join beside a discard may be meant for another group: no rename there.
                    edit = None if leaves else _rename(call, join.frames[0])
                    yield self._finding(join.location, consumer.name, edit)

    def _finding(self, location: Location, name: str, edit: Edit | None) -> Finding:
        return self.finding(
            location,
            f"`{name}` joins a group while it disconnects",
            hint="leave the group there: `group_discard`",
            symptom="no error; the closed connection stays in the group until group_expiry (a day by default), and "
            "each send to the group also goes to its dead channel",
            symbol=f"{name}.disconnect",
            fix=None if edit is None else Fix((edit,), safe=True, title="use group_discard"),
        )


def _rename(call: facts.Call, frame: Frame) -> Edit | None:
    """`layer.group_add` → `layer.group_discard`, bare or inside `async_to_sync(…)`."""
    method = call.func
    if isinstance(method, facts.Call) and method.args:
        method = method.args[0].value
    if not isinstance(method, facts.Attribute) or method.attr != "group_add":
        return None
    return Edit(frame.at(method.attr_span), "group_discard")
