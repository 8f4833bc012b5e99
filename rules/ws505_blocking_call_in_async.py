from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import stuck_turns
from wslint.knowledge.channels import SYNC_TO_ASYNC
from wslint.rule import Finding, Level, Related, Rule
from wslint.stack import CallUse, Frame, Stack, facts
from wslint.stack.execution.blocking import Blocked, Blocking
from wslint.stack.execution.threads import Running, threads_of


class BlockingCallInAsync(Rule):
    """A call that waits on the event loop: sleep, HTTP, a model's answer, a subprocess, a task's result.

    Why: one thread runs the coroutines of all connections. A coroutine that waits with `await` lets the others run; a
    plain call that waits lets nobody run. Reported is what runs for connections and requests, also inside the plain
    functions that async code calls. Error: the wait is as long as another machine, process or a `sleep` takes, seconds
    on a bad day. Warning: a store next door (Redis, a database connection), usually milliseconds, and as long as its
    timeout when it is down.

    See: nothing is logged. While the call waits, every websocket of the process stands still: no frame is answered, no
    handshake comes through, and pings that stay unanswered for 20 to 30 seconds drop connections.

    Mend: the async form of the same thing (`asyncio.sleep`, `httpx.AsyncClient`, `AsyncOpenAI`, `ainvoke`), or
    `await asyncio.to_thread(function, …)`; with queries in it, a task queue.

    Bad:
        import time
        from channels.generic.websocket import AsyncWebsocketConsumer

        class TypingConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                time.sleep(3)
                await self.send(text_data="done")

    Good:
        import asyncio
        from channels.generic.websocket import AsyncWebsocketConsumer

        class TypingConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                await asyncio.sleep(3)
                await self.send(text_data="done")
    """

    code = "WS505"
    name = "blocking-call-in-async"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        blocking = Blocking(stack.values)
        endless = {place for stuck in stuck_turns(stack) for place in (stuck.place, stuck.endless.location)}
        through: set[int] = set()
        for running in threads_of(stack).loop:
            if not running.serving or (running.steps and id(running.steps[0].call) in through):
                continue
            for use in running.calls:
                if use.usage == "awaited" or running.at(use.node) in endless or _wrapped(use, running.frame, stack):
                    continue
                blocked = blocking.of_running(use, running)
                if blocked is None:
                    continue
                yield self._reported(running, use.node, blocked)
                if running.steps:
                    through.add(id(running.steps[0].call))
                    break

    def _reported(self, running: Running, call: facts.Call, blocked: Blocked) -> Finding:
        what, hint = f"{blocked.name} {blocked.waits}", blocked.wait.instead
        related = []
        if running.steps:
            step = running.steps[0]
            what = f"{step.shown} calls {blocked.name}, which {blocked.waits}"
            hint = f"`await asyncio.to_thread({step.name}, …)`, or inside it {hint}"
            related = [Related(running.at(call), f"{blocked.name} waits here")]
        return self.finding(
            running.place(call),
            f"{what}; {running.root.name}() runs on the event loop",
            hint=hint,
            symptom="every connection of the process stands still meanwhile; nothing is logged",
            level=Level.ERROR if blocked.wait.slow else Level.WARNING,
            symbol=running.root.symbol,
            related=related,
        )


def _wrapped(use: CallUse, frame: Frame, stack: Stack) -> bool:
    """`sync_to_async(wait())`: the call is meant to be made by the wrapper (WS503)."""
    return use.outer is not None and stack.values.dotted(use.outer.func, frame) in SYNC_TO_ASYNC
