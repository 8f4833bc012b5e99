from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import Turn, Work, long_work_of, turns_of
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack


class HandlerAwaitsLongWork(Rule):
    """A handler of a consumer waits for work that takes seconds or minutes.

    Why: a consumer handles one event at a time. While receive() or the handler of an event awaits the answer of a
    language model, a stream, a subprocess or a job, no further frame, no group event and not even the disconnect of
    that connection is handled; they wait in a queue.

    See: "cancel does nothing", other messages come late and all at once, and when the client leaves the work (and what
    it costs) goes on to its end before disconnect() is called. Longer than 10 s after that and Daphne says
    `Application instance … took too long to shut down and was killed`, without disconnect().

    Mend: `self.task = asyncio.create_task(self.answer(text))`, and `self.task.cancel()` in disconnect().

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer
        from openai import AsyncOpenAI

        client = AsyncOpenAI()

        class AssistantConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                stream = await client.responses.create(model="gpt-5", input=text_data, stream=True)
                async for event in stream:
                    await self.send(text_data=event.type)

    Good:
        import asyncio

        from channels.generic.websocket import AsyncWebsocketConsumer
        from openai import AsyncOpenAI

        client = AsyncOpenAI()

        class AssistantConsumer(AsyncWebsocketConsumer):
            task = None

            async def receive(self, text_data=None, bytes_data=None):
                if self.task is None or self.task.done():
                    self.task = asyncio.create_task(self.answer(text_data))

            async def answer(self, text):
                stream = await client.responses.create(model="gpt-5", input=text, stream=True)
                async for event in stream:
                    await self.send(text_data=event.type)

            async def disconnect(self, code):
                if self.task is not None:
                    self.task.cancel()
    """

    code = "WS330"
    name = "handler-awaits-long-work"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if not _is_concerned(consumer):
                continue
            for turn in turns_of(stack).of(consumer):
                works: dict[tuple[str, int], Work] = {}
                for work in long_work_of(stack).of(turn):
                    works.setdefault((work.words, id(work.run.node)), work)
                for work in works.values():
                    if work.place not in told:
                        told.add(work.place)
                        yield self._finding(turn, work)

    def _finding(self, turn: Turn, work: Work) -> Finding:
        leaves = turn.kind == "disconnect"
        return self.finding(
            work.place,
            f"{turn.consumer.name}.{turn.name}() waits {work.words}",
            hint="leave it to a task or a worker" if leaves else "run it in a task that disconnect() cancels",
            symptom="Daphne: Application instance … took too long to shut down and was killed"
            if leaves
            else "until it is done no frame, group event or disconnect of this connection is handled: cancelling does "
            "nothing, and when the client leaves, the work goes on",
            symbol=f"{turn.method.owner.name}.{turn.name}",
            related=[Related(work.location, "this takes long")] if work.location != work.place else (),
        )


def _is_concerned(consumer: Consumer) -> bool:
    """An async consumer that may get another frame or event; a request over HTTP is the only one of its consumer."""
    in_use = not (consumer.in_tests or consumer.vendored or consumer.is_abstract)
    return in_use and consumer.is_async is not False and consumer.kind != "http"
