from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import Endless, Turn, stuck_turns
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Consumer, Stack


class HandlerBlocksConsumer(Rule):
    """A handler of a consumer never returns.

    Why: a consumer handles one event at a time. As long as connect(), receive() or the handler of an event awaits, no
    further frame, no group event and not even the disconnect of that connection is handled; they wait in a queue. A
    loop without an end therefore blocks the consumer for good, and so does waiting for what only another handler (or
    disconnect(), or the next frame) would set.

    See: everything the client sends later stays unanswered and group events do not arrive. When the client leaves,
    disconnect() is not called. uvicorn lets the handler go on until a send fails, for ever when it sends nothing, and
    does not stop on SIGTERM (`Waiting for background tasks to complete.`); Daphne cancels it after 10 s: `Application
    instance … took too long to shut down and was killed.`

    Mend: `self.task = asyncio.create_task(self.loop())`, and `self.task.cancel()` in disconnect(). An HTTP consumer
    starts the task in http_request() in place of handle(), which ends the response when it returns (a warning there: it
    has one request to answer, and only its end is lost).

    Bad:
        import asyncio

        from channels.generic.websocket import AsyncWebsocketConsumer

        class ClockConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
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

    code = "WS324"
    name = "handler-blocks-consumer"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for stuck in stuck_turns(stack):
            yield self._finding(stuck.turn, stuck.endless, stuck.place)

    def _finding(self, turn: Turn, endless: Endless, place: Location) -> Finding:
        consumer = turn.consumer
        return self.finding(
            place,
            f"{consumer.name}.{turn.name}() {_what(endless)}",
            hint=_hint(consumer),
            symptom=_symptom(consumer, endless),
            level=Level.WARNING if consumer.kind == "http" else None,
            symbol=f"{turn.method.owner.name}.{turn.name}",
            related=[Related(endless.location, "it never goes on from here")] if endless.location != place else (),
        )


def _what(endless: Endless) -> str:
    where = f" in {endless.run.node.name}()" if endless.run.steps else ""
    others = " and ".join(f"{name}()" for name in endless.setters)
    several = "s" if len(endless.setters) < 2 else ""
    match endless.kind:
        case "loop":
            return f"never returns: the loop{where} has no end"
        case "source":
            return f"never returns: it reads {endless.what}{where}, which has no end"
        case "flag" if others:
            way = f"only {others} change{several}, and that does not run meanwhile"
            return f"never returns: the loop{where} looks at {endless.what}, which {way}"
        case "flag":
            return f"never returns: the loop{where} looks at {endless.what}, which nobody changes"
        case "timeout":
            way = f"only {others} set{several} it, and that does not run meanwhile"
            return f"waits for {endless.what}{where} in vain: {way}"
        case _ if others:
            way = f"only {others} set{several}, and that does not run meanwhile"
            return f"never returns: it waits for {endless.what}{where}, which {way}"
        case _:
            return f"never returns: it waits for {endless.what}{where}"


def _hint(consumer: Consumer) -> str:
    if consumer.kind == "http":
        return "start it as a task in http_request() in place of handle(), and cancel that in disconnect()"
    if consumer.is_async is False:
        return "use an async consumer, and run it in a task that disconnect() cancels"
    return "run it in a task (asyncio.create_task()) and cancel that in disconnect()"


def _symptom(consumer: Consumer, endless: Endless) -> str:
    if consumer.kind == "http":
        return (
            "group events do not arrive; when the client has left, it goes on for ever under uvicorn, and Daphne kills "
            "it after 10 s: took too long to shut down and was killed"
        )
    if consumer.is_async is False:
        return (
            "later frames and group events stay unanswered, disconnect() is not called, and the thread that all sync "
            "code shares is gone: no other consumer of the process answers (before Channels 4.2, no other sync one)"
        )
    if endless.kind == "timeout":
        return "it always runs into the timeout; until then frames and group events of the connection stay unanswered"
    return (
        "later frames and group events of the connection stay unanswered, and disconnect() is not called; Daphne: "
        "Application instance … took too long to shut down and was killed"
    )
