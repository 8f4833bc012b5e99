from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Send, Stack
from wslint.stack.groups.groups import Groups
from wslint.stack.groups.leaving import Leaving, joins_itself
from wslint.stack.groups.leaving_edit import discard_edit


class GroupNotDiscarded(Rule):
    """A consumer joins a group and does not leave it when its client does.

    Why: `group_add` writes the channel of this one connection into the group. When the socket is closed the channel
    stays there until somebody takes it out; only the groups in the class attribute `groups` are left by themselves.

    See: no error, and no other client gets these events. With Redis the group keeps one dead channel for each
    connection there was until group_expiry (a day by default); each send to it also writes to those, and the log says
    `… of … channels over capacity in group …`. The in-memory layer and the pub/sub layer keep them in memory.

    Mend: `await self.channel_layer.group_discard(group, self.channel_name)` in disconnect().

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.channel_layer.group_add("chat", self.channel_name)
                await self.accept()

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class ChatConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.channel_layer.group_add("chat", self.channel_name)
                await self.accept()

            async def disconnect(self, code):
                await self.channel_layer.group_discard("chat", self.channel_name)
    """

    code = "WS407"
    name = "group-not-discarded"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        groups = Groups(stack)
        ways: dict[int, Leaving] = {}
        told: set[Location | tuple[int, str]] = set()
        entered = {id(join.call) for join in stack.joins if join.through is not None}
        for join in stack.joins:
            if join.through is None and id(join.call) in entered:
                continue  # told where its function is called
            if (
                join.in_tests
                or join.vendored
                or join.location in told
                or not joins_itself(stack, join.call, join.frame)
            ):
                continue
            for consumer in _runners(groups, join):
                if consumer.in_tests or consumer.vendored:
                    continue
                leaving = ways.setdefault(id(consumer), Leaving(stack, groups, consumer))
                names = leaving.left_in(join)
                key = (id(consumer), " ".join(map(str, names)))
                if names and key not in told:
                    told |= {join.location, key}
                    yield self._finding(leaving, join, str(names[0]))
                    break

    def _finding(self, leaving: Leaving, join: Send, name: str) -> Finding:
        consumer, disconnect = leaving.consumer, leaving.method
        edit = discard_edit(leaving, join)
        if disconnect is None:
            why = "it has no disconnect()"
        else:
            left = " and ".join(f"`{name}`" for name in leaving.names)
            why = f"{disconnect.name}() leaves " + (f"only {left}" if left else "no group")
        return self.finding(
            join.location,
            f"{consumer.name} joins {f'`{name}`' if name != '{…}' else 'a group'} and does not leave it: {why}",
            hint="group_discard it in disconnect()",
            symptom="no error; dead channels stay in the group until group_expiry (a day by default), and each send to "
            "it goes to them too",
            symbol=consumer.name,
            related=[Related(disconnect.location, "here it should leave")] if disconnect is not None else (),
            fix=None if edit is None else Fix((edit,), safe=False, title="leave the group in disconnect()"),
        )


def _runners(groups: Groups, join: Send) -> tuple[Consumer, ...]:
    """The consumers that a join puts into the group: those whose code it is, or the one that calls its function."""
    runners = groups.consumers_at(join.frame)
    return runners or ((join.consumer,) if join.consumer is not None and not join.consumer.is_abstract else ())
