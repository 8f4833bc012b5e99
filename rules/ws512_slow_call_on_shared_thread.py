from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import stuck_turns
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Stack, facts
from wslint.stack.execution.blocking import Blocked, Blocking
from wslint.stack.execution.threads import SHARED, Running, Threads, threads_of


class SlowCallOnSharedThread(Rule):
    """Seconds of waiting on the one worker thread that every consumer needs.

    Why: `database_sync_to_async`, `sync_to_async` and the methods of sync consumers run on one and the same thread, one
    after the other. Since Channels 4.2 async consumers go there before every event, to close old database connections.
    A call that waits for a model, a web server, a subprocess or a `sleep` on that thread holds up all of them.

    See: nothing is logged. With Channels 4.2 and later no websocket of the process gets an answer meanwhile and no
    handshake comes through; before, everything that uses the database and every sync consumer waits.

    Mend: work without queries gets a thread of its own, `await asyncio.to_thread(function, …)` or
    `sync_to_async(function, thread_sensitive=False)`; work with queries goes to a task queue, or is split so that only
    the queries are in `database_sync_to_async`. A sync consumer that waits is better an async one.

    Bad:
        import requests
        from channels.db import database_sync_to_async
        from channels.generic.websocket import AsyncWebsocketConsumer

        class WeatherConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send(text_data=await self.forecast(text_data))

            @database_sync_to_async
            def forecast(self, city):
                return requests.get("https://weather.example/" + city).text

    Good:
        import asyncio
        import requests
        from channels.generic.websocket import AsyncWebsocketConsumer

        class WeatherConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await self.send(text_data=await asyncio.to_thread(self.forecast, text_data))

            def forecast(self, city):
                return requests.get("https://weather.example/" + city).text
    """

    code = "WS512"
    name = "slow-call-on-shared-thread"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        threads, blocking = threads_of(stack), Blocking(stack.values)
        symptom = _symptom(stack)
        seen = {place for stuck in stuck_turns(stack) for place in (stuck.place, stuck.endless.location)}
        for running in threads.shared:
            for use in running.calls if running.serving else ():
                blocked, place = blocking.of_running(use, running), _place(running, use.node)
                if blocked is None or not blocked.wait.slow:
                    continue
                if not {place, running.at(use.node)} & seen:
                    seen.add(place)
                    yield self._reported(running, use.node, place, blocked, symptom)
        yield from self._handed(threads, blocking, symptom)

    def _reported(self, running: Running, call: facts.Call, place: Location, blocked: Blocked, symptom: str) -> Finding:
        what, related = f"{blocked.name} {blocked.waits}", []
        if place != running.at(call):
            steps = running.steps if running.handed is None else ()
            through = steps[0].shown if steps else running.root.body.shown
            what = f"{through} calls {blocked.name}, which {blocked.waits}"
            related = [Related(running.at(call), f"{blocked.name} waits here")]
        sync = running.consumer is not None and running.consumer.is_async is False
        return self.finding(
            place,
            f"{what} on the thread that all consumers share",
            hint="make the consumer async and wait with `await`, or give the work to a task"
            if sync
            else "`asyncio.to_thread(…)` or `thread_sensitive=False` when it makes no queries, else a task",
            symptom=symptom,
            symbol=running.root.symbol,
            related=related,
        )

    def _handed(self, threads: Threads, blocking: Blocking, symptom: str) -> Iterator[Finding]:
        """`sync_to_async(requests.get)(…)`: what is handed over is itself the call that waits."""
        for handed in threads.handed:
            if handed.thread == SHARED and threads.serves_connections(handed.frame.scope):
                blocked = blocking.callee(handed.given, handed.frame)
                if blocked is not None and handed.run is not None:
                    blocked = blocking.with_arguments(blocked, handed.run, handed.frame)
                if blocked is not None and blocked.wait.slow:
                    yield self.finding(
                        handed.frame.at(handed.call),
                        f"{blocked.name} {blocked.waits} on the thread that all consumers share",
                        hint=f"`asyncio.to_thread(…)`, `thread_sensitive=False`, or {blocked.wait.instead}",
                        symptom=symptom,
                    )


def _place(running: Running, call: facts.Call) -> Location:
    """Where a function is handed over; in a decorated one and in sync consumers, the call that leads to the wait."""
    handed = running.handed
    return running.place(call) if handed is None else handed.frame.at(handed.call)


def _symptom(stack: Stack) -> str:
    if stack.packages.surely_below("channels", "4.2"):
        return "every database call of async consumers and every sync consumer waits meanwhile; nothing is logged"
    return "no websocket of the process gets an answer meanwhile (Channels 4.2 and later); nothing is logged"
