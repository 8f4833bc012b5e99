from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import CONNECTING, Flow, life_of
from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import Consumer, Stack, calls_within, facts, last_name

STARTERS = frozenset({"create_task", "ensure_future", "run_coroutine_threadsafe", "start_soon", "Thread", "start"})
"""Names of calls after which other code goes on beside connect()."""


class ConnectNeverAccepts(Rule):
    """A path through connect() ends with neither accept() nor close().

    Why: the server waits for one of the two before it answers the handshake. Returning is no answer.

    See: daphne drops the connection after 5 seconds, uvicorn leaves the client waiting for ever; the browser's socket
    stays in CONNECTING and then reports 1006. Nothing is logged.

    Mend: `await self.accept()` where the client may come in, `await self.close()` where it may not.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                self.room = self.scope["url_route"]["kwargs"]["room"]
                if self.room in ("blue", "green"):
                    await self.accept()

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                self.room = self.scope["url_route"]["kwargs"]["room"]
                if self.room in ("blue", "green"):
                    await self.accept()
                else:
                    await self.close()
    """

    code = "WS301"
    name = "connect-never-accepts"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not self._serves(consumer):
                continue
            life = life_of(stack, consumer)
            flow = life.connect
            if flow is None or not flow.known:
                continue
            if any(read.name in ("accept", "close") for read in flow.of("read")):
                continue  # named without a call: meant, or handed to somebody
            if any(_starts_work(call) for call in calls_within(flow.method.node.body)):
                continue  # a task or thread may accept
            if any(other.of("accept") for other in life.flows() if other.method is not flow.method):
                continue  # a later message or event accepts
            for location in self._unanswered(flow):
                if location not in told:
                    told.add(location)
                    yield self._finding(consumer, location, location == flow.method.location)

    def _serves(self, consumer: Consumer) -> bool:
        """Do clients connect to this class itself, and is its connect() called in Channels' own way?"""
        return consumer.is_websocket and not consumer.is_abstract and not consumer.cls.defines("websocket_connect")

    def _unanswered(self, flow: Flow) -> Iterator[Location]:
        for exit in flow.exits:
            if exit.how in ("return", "end", "deny") and exit.state.socket == CONNECTING and not exit.state.doubtful:
                yield flow.method.at(exit.node) if exit.how == "return" else flow.method.location

    def _finding(self, consumer: Consumer, location: Location, at_end: bool) -> Finding:
        await_ = "await " if consumer.is_async else ""
        where = "a path through it ends" if at_end else "it can return here"
        return self.finding(
            location,
            f"connect() of {consumer.name} does not answer the handshake: {where} with neither accept() nor close()",
            hint=f"call `{await_}self.accept()` or `{await_}self.close()` on every path",
            symptom="the client hangs in CONNECTING: daphne drops it after 5 s without a response, uvicorn never does",
            symbol=f"{consumer.name}.connect",
        )


def _starts_work(call: facts.Call) -> bool:
    func = call.func
    name = last_name(func)
    return name in STARTERS
