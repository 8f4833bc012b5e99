from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import Work, life_of, long_work_of, stuck_turns, turns_of
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Stack


class SlowConnect(Rule):
    """connect() waits for somebody else before it accepts.

    Why: the handshake is answered by accept(). What connect() awaits before that – a request to another server, a
    sleep – the client waits for, too, and proxies and servers do not wait for long.

    See: the socket stays in CONNECTING; when it takes longer than 5 s, Daphne drops the connection
    (`--websocket_handshake_timeout`) and the browser says that the connection failed. uvicorn waits.

    Mend: accept first and do the rest in a task; close with a code of your own when it turns out that the client must
    go. What decides about the connection belongs into a quick lookup: a cache, a signed token.

    Bad:
        import httpx
        from channels.generic.websocket import AsyncWebsocketConsumer

        class TableConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                async with httpx.AsyncClient() as client:
                    answer = await client.get("https://example.org/menu/")
                await self.accept()
                await self.send(text_data=answer.text)

    Good:
        import httpx
        from channels.generic.websocket import AsyncWebsocketConsumer

        class TableConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                await self.accept()
                async with httpx.AsyncClient() as client:
                    answer = await client.get("https://example.org/menu/")
                await self.send(text_data=answer.text)
    """

    code = "WS326"
    name = "slow-connect"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        stuck = {(one.turn.consumer, one.turn.name) for one in stuck_turns(stack)}
        work = long_work_of(stack)
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket or not consumer.is_async:
                continue
            for turn in turns_of(stack).of(consumer):
                if turn.name != "connect" or (consumer, turn.name) in stuck or any(work.of(turn)):
                    continue
                slow = next((one for one in work.slow(turn) if _accepts_later(stack, one)), None)
                if slow is not None and slow.location not in told:
                    told.add(slow.location)
                    yield self._finding(slow)

    def _finding(self, slow: Work) -> Finding:
        turn = slow.turn
        place = slow.run.place(slow.node, turn.consumer.cls)
        return self.finding(
            place,
            f"{turn.consumer.name}.connect() waits {slow.words} before it accepts",
            hint="accept() first, and do the rest in a task",
            symptom="the client's handshake waits as long; Daphne drops it after 5 s, and the browser reports a failed "
            "connection",
            symbol=f"{turn.method.owner.name}.connect",
            related=[Related(slow.location, "this takes long")] if slow.location != place else (),
        )


def _accepts_later(stack: Stack, slow: Work) -> bool:
    """Does every accept() of connect() come after it?"""
    flow = life_of(stack, slow.turn.consumer).connect
    if flow is None or not flow.known:
        return False
    outer = slow.run.steps[0][0] if slow.run.steps else slow.node
    accepts = flow.of("accept")
    return bool(accepts) and all(outer.span < accept.outer.span for accept in accepts)
