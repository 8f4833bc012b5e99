from __future__ import annotations

from collections.abc import Iterator, Sequence

from wslint.flow import CLOSED, Flow, Life, Occurrence, life_of
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Rule
from wslint.stack import Consumer, Method, Stack, contains, facts, within
from wslint.stack.code.callers import calls_into, place_of
from wslint.stack.code.guarded import GONE, is_caught
from wslint.stack.code.places import after

ACTS = {
    "accept": "accepts",
    "send": "sends",
    "group_add": "joins a group",
    "group_send": "sends to a group",
    "close": "closes again",
}
UVICORN = ("uvicorn", "uvicorn.workers")


class CodeAfterClose(Rule):
    """After close() the method goes on as if the socket were open: a `return` is missing.

    Why: close() sends a message to the server and returns like any other call. What follows still runs: a refused
    client joins the group, accept() and send() come too late.

    See: uvicorn logs `RuntimeError: Unexpected ASGI message 'websocket.accept', after sending 'websocket.close'.`
    (or `websocket.send`) and disconnect() is skipped; daphne ignores a late accept() in silence and raises
    `Attempt to send on a closed protocol` for a late send(). The code in between runs on both.

    Mend: `return` after the close(); where a helper closes, let it say so and leave on its answer.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                if self.scope["url_route"]["kwargs"]["room"] == "cellar":
                    await self.close()
                await self.accept()

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def connect(self):
                if self.scope["url_route"]["kwargs"]["room"] == "cellar":
                    await self.close()
                    return
                await self.accept()
    """

    code = "WS302"
    name = "code-after-close"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        twice = any(process.command.program.startswith(UVICORN) for process in stack.processes)
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket:
                continue
            life = life_of(stack, consumer)
            for flow in life.flows():
                if flow.method.name == "disconnect" or not flow.occurrences:
                    continue
                acts = _acts(stack, flow, twice, consumer.is_async is not False)
                for close, later in self._late(acts, consumer.is_async is not False):
                    finding = self._finding(life, flow, close, later, _before(acts, close, later))
                    if finding.location not in told:
                        told.add(finding.location)
                        yield finding

    def _late(self, acts: Sequence[Occurrence], is_async: bool) -> Iterator[tuple[Occurrence, Occurrence]]:
        """Every close with the first thing that surely follows it on some path; dropped coroutines never ran."""
        seen: set[int] = set()
        for later in acts:
            for state in sorted(later.before, key=lambda state: state.doubt):
                close = state.closed_by
                if state.socket != CLOSED or state.doubtful or close is None or id(close) in seen:
                    continue
                if is_async and close.dropped:
                    continue
                if later.kind == "group_send" and len(later.conditions) >= len(close.conditions):
                    continue  # a farewell, said only where it was closed
                seen.add(id(close))
                yield close, later

    def _finding(
        self, life: Life, flow: Flow, close: Occurrence, later: Occurrence, first: Occurrence | None
    ) -> Finding:
        consumer = life.consumer
        node, method = _culprit(consumer, flow, close, later)
        direct = node is close.node
        acts = [later] if first is None else [first, later]
        does = " or ".join(dict.fromkeys(ACTS[act.kind] for act in acts))
        related = [Related(act.location, f"{ACTS[act.kind]} here although the socket is closed") for act in acts]
        if direct:
            message = f"close() does not leave {method.name}() of {consumer.name}, which then {does}"
            hint = "`return` after the close()"
        else:
            message = f"{_name(node)}() may close, and {method.name}() of {consumer.name} then {does}"
            hint = f"let {_name(node)}() return whether it closed, and leave on that"
            related.append(Related(close.location, "closes here"))
        return self.finding(
            method.at(node),
            message,
            hint=hint,
            symptom=_symptom(acts[0].kind),
            symbol=f"{consumer.name}.{method.name}",
            related=related,
            fix=_fix(close) if direct else None,
        )


def _acts(stack: Stack, flow: Flow, twice: bool, is_async: bool) -> list[Occurrence]:
    """What must not come after a close(), as it runs; dropped coroutines never ran."""
    return sorted(
        (
            act
            for act in flow.of(*ACTS)
            if (act.kind != "close" or twice) and not (is_async and act.dropped) and not _is_swallowed(stack, flow, act)
        ),
        key=lambda act: act.order,
    )


def _is_swallowed(stack: Stack, flow: Flow, act: Occurrence) -> bool:
    """Does a helper that closes nothing itself catch what is raised when the socket is closed?"""
    method = act.method
    if act.kind not in ("accept", "send", "close") or method.node is flow.method.node:
        return False
    if any(close.method.node is method.node and close.node is not act.node for close in flow.of("close")):
        return False
    return is_caught(method.node.body, act.node, GONE, method.frame, stack.values)


def _before(acts: Sequence[Occurrence], close: Occurrence, later: Occurrence) -> Occurrence | None:
    """What comes earlier when something in between raises: it stands in an `except` that does not leave."""
    for act in acts:
        leads = act.order < later.order and any(one.closed_by is close and one.doubt < 2 for one in act.before)
        if leads and _is_handling(act):
            return act
    return None


def _is_handling(act: Occurrence) -> bool:
    return any(
        isinstance(block, facts.Handler) and any(contains(one.span, act.node.span) for one in block.body)
        for block in within(act.method.node.body)
    )


def _culprit(consumer: Consumer, flow: Flow, close: Occurrence, later: Occurrence) -> tuple[facts.Node, Method]:
    """The place after which the `return` is missing: the close itself, or the call that leads to it.

    It stands in the innermost method from which both are reached, but not by one call.
    """
    method = flow.method
    while method.node not in (close.method.node, later.method.node):
        closing = calls_into(consumer.cls, method, close.method.node)
        going_on = calls_into(consumer.cls, method, later.method.node)
        if len(closing) != 1 or closing != going_on:
            break
        method = closing[0][1]
    if method.node is close.method.node:
        return close.node, close.method
    closing = calls_into(consumer.cls, method, close.method.node)
    return (closing[0][0], method) if closing else (close.node, close.method)


def _name(node: facts.Node) -> str:
    func = node.func if isinstance(node, facts.Call) else None
    if not isinstance(func, facts.Attribute):
        return "the helper"
    return f"super().{func.attr}" if isinstance(func.value, facts.Call) else func.attr


def _symptom(kind: str) -> str:
    if kind == "group_add":
        return "a client that was refused joins the group all the same, until it is discarded"
    if kind == "group_send":
        return "what a client did that was refused reaches the others all the same"
    daphne = "raises `Attempt to send on a closed protocol`" if kind == "send" else "ignores it in silence"
    return (
        f"uvicorn: `RuntimeError: Unexpected ASGI message 'websocket.{kind}', after sending 'websocket.close'` and "
        f"disconnect() is skipped; daphne {daphne}; the lines in between run on both"
    )


def _fix(close: Occurrence) -> Fix | None:
    """`return` after a close() that ends a block under a condition."""
    place = place_of(close.method.node.body, close.node)
    if place is None or place.outermost or not place.is_last:
        return None
    statement = place.statement
    if not isinstance(statement, facts.ExpressionStatement):
        return None
    text = "\n" + " " * (statement.span.column - 1) + "return"
    return Fix((Edit(after(statement, close.method.frame), text),), safe=False, title="leave after the close")
