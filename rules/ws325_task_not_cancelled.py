from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import Endless, Task, Tasks, endlessness_of, turns_of, walked
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack, facts


class TaskNotCancelled(Rule):
    """An endless task of a consumer goes on when the client has left.

    Why: a task belongs to the event loop, not to the connection. Channels drops the consumer when its socket is closed,
    and the task runs on, holds the consumer, polls the database and sends – one more for every connection there was.

    See: under Daphne it runs until the process ends, and what it sends vanishes without a word. Under uvicorn the
    first send() after the end raises `ClientDisconnected` in the task (`Task exception was never retrieved`, says the
    log when it is collected); a task that catches that, or does not send to the client, runs on there too. Memory and
    load grow with every reconnect.

    Mend: keep it, `self.task = asyncio.create_task(…)`, and `self.task.cancel()` in disconnect().

    Bad:
        import asyncio

        from channels.generic.websocket import AsyncWebsocketConsumer

        class ClockConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
                asyncio.create_task(self.tick())

            async def tick(self):
                while True:
                    await self.send(text_data="tick")
                    await asyncio.sleep(1)

    Good:
        import asyncio

        from channels.generic.websocket import AsyncWebsocketConsumer

        class ClockConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
                self.clock = asyncio.create_task(self.tick())

            async def tick(self):
                while True:
                    await self.send(text_data="tick")
                    await asyncio.sleep(1)

            async def disconnect(self, code):
                self.clock.cancel()
    """

    code = "WS325"
    name = "task-not-cancelled"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or consumer.is_abstract or not consumer.is_async:
                continue
            tasks = Tasks(consumer, turns_of(stack))
            for task in tasks:
                if task.location not in told and tasks.left_behind(task):
                    endless = self._endless(stack, consumer, task)
                    if endless is not None:
                        told.add(task.location)
                        yield self._finding(consumer, task, endless)

    def _endless(self, stack: Stack, consumer: Consumer, task: Task) -> Endless | None:
        """Why a task does not end by itself when the client leaves."""
        turns = turns_of(stack)
        silent = frozenset(turn.name for turn in turns.of(consumer) if turn.kind != "disconnect")
        for endless in endlessness_of(stack, consumer).of(turns.followed(task.run), silent):
            short = endless.kind == "upstream" and task.turn.kind != "connect"  # an answer that somebody else ends
            if endless.kind not in ("wait", "timeout") and not short and not endless.waits_for_own:
                return endless
        return None

    def _finding(self, consumer: Consumer, task: Task, endless: Endless) -> Finding:
        name = task.run.node.name
        kept = " and ".join(f"self.{attr}" for attr in sorted(task.kept or ()))
        why = f"disconnect() does not cancel {kept}" if kept else "nothing keeps it for disconnect() to cancel"
        ends = "; under uvicorn its next send() ends it with ClientDisconnected" if _sends(task) else ""
        return self.finding(
            task.location,
            f"{consumer.name} starts {name}() in a task that has no end of its own, and {why}",
            hint=f"cancel {kept} in disconnect()"
            if kept
            else "`self.task = asyncio.create_task(…)`, and `self.task.cancel()` in disconnect()",
            symptom=f"when the client has left, it runs on until the process ends{ends}",
            symbol=f"{consumer.name}.{name}",
            related=[Related(endless.location, "it never ends")],
        )


def _sends(task: Task) -> bool:
    """Does the coroutine itself send to the client without catching what that raises?"""
    return any(
        isinstance(node, facts.Call)
        and isinstance(node.func, facts.Attribute)
        and node.func.attr in ("send", "send_json")
        and not any(isinstance(parent, facts.Try) for parent in parents)
        for node, parents in walked(task.run.node.body)
    )
