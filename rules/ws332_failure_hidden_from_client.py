from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Rule, Span
from wslint.stack import Consumer, Frame, Stack, calls_within, facts, within
from wslint.stack.client.clientinput import STAGES
from wslint.stack.code.guarded import BROAD, swallows
from wslint.stack.consumers.answering import Answering
from wslint.stack.consumers.handling import Run, own_name, runs

ANSWERS = frozenset({"send", "send_json", "base_send", "group_send", "close"})
"""Methods by which something reaches a client."""

MAX_DEPTH = 3
"""How many helpers lead from the handler to the answer."""


class FailureHiddenFromClient(Rule):
    """Whatever fails in a handler is logged or dropped, and the client hears nothing.

    Why: `except Exception` around what receive() does keeps the connection, but also the failure to itself: the client
    that asked gets no answer, no error and no close, and cannot tell it from a slow server. Only reported where work
    that can fail is answered on the same socket when it goes well.

    See: nothing. The socket stays open, no frame comes; the page waits for an answer that never arrives.

    Mend: send an error frame in the handler, or close with a code of your own.

    Bad:
        import logging

        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class RoomConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                try:
                    await self.send_json({"sum": sum(content.get("numbers"))})
                except Exception:
                    logging.exception("no sum")

    Good:
        import logging

        from channels.generic.websocket import AsyncJsonWebsocketConsumer

        class RoomConsumer(AsyncJsonWebsocketConsumer):
            async def receive_json(self, content, **kwargs):
                try:
                    await self.send_json({"sum": sum(content.get("numbers"))})
                except Exception:
                    logging.exception("no sum")
                    await self.send_json({"error": "no sum"})
    """

    code = "WS332"
    name = "failure-hidden-from-client"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        layer_sends = frozenset(id(send.call) for send in stack.sends if send.method == "group_send")
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or consumer.is_abstract or not consumer.complete:
                continue
            for run in runs(stack, consumer):
                if run.node.name not in STAGES[1:] or _is_decorated(run):
                    continue
                block = _last_try(run.node.body)
                for handler in () if block is None else _hiding(block, stack, run, _Speaker(run, layer_sends)):
                    location = run.frame.at(_head(handler))
                    if block is not None and location not in told:
                        told.add(location)
                        yield self._finding(consumer, run, block, location)

    def _finding(self, consumer: Consumer, run: Run, block: facts.Try, location: Location) -> Finding:
        rest = "all" if len(block.handlers) == 1 else "all else"
        part = "" if _is_whole(block, run.node.body) else "this `try` of "
        return self.finding(
            location,
            f"{rest} that fails in {part}{run.node.name}() ends here, and the client hears nothing of it",
            hint="send an error frame here, or close with a code",
            symptom="no frame, no close: the client waits for an answer that never comes",
            symbol=f"{consumer.name}.{run.node.name}",
        )


class _Speaker:
    """Tells whether code of one run says something to a client."""

    def __init__(self, run: Run, layer_sends: frozenset[int]) -> None:
        self.run = run
        self.layer_sends = layer_sends

    def speaks(self, body: tuple[facts.Node, ...], function: facts.FunctionDef, frame: Frame, depth: int = 0) -> bool:
        for call in calls_within(body):
            if id(call) in self.layer_sends or own_name(call, function) in ANSWERS:
                return True
            if depth < MAX_DEPTH and self.run.input.may_concern(call, frame):
                for node, inner in self.run.input.entering(call, frame):
                    if node is not function and self.speaks(node.body, node, inner, depth + 1):
                        return True
        return False

    def may_speak(self, handler: facts.Handler) -> bool:
        """Does a handler raise, answer, or hand the consumer to something that may?"""
        node, frame = self.run.node, self.run.frame
        if any(isinstance(found, facts.Raise) for found in within(handler.body)):
            return True
        if self.speaks(handler.body, node, frame):
            return True
        own = node.params[0].name if node.params else ""
        for call in calls_within(handler.body):
            given = [arg.value for arg in call.args if isinstance(arg.value, facts.Name) and arg.value.id == own]
            unknown = own_name(call, node) is not None and not any(self.run.input.entering(call, frame))
            if given or unknown:
                return True
        return False


def _hiding(block: facts.Try, stack: Stack, run: Run, speaker: _Speaker) -> Iterator[facts.Handler]:
    """The handlers of everything, around work that the client gets an answer for when it goes well."""
    if speaker.speaks(block.finalbody, run.node, run.frame):
        return
    hiding = [one for one in block.handlers if _is_broad(one, run) and not speaker.may_speak(one)]
    if hiding and Answering(stack, run).answers_for_work((*block.body, *block.orelse)):
        yield from hiding


def _last_try(body: tuple[facts.Stmt, ...]) -> facts.Try | None:
    """The `try` that a body ends with, in an `if` without `else` too."""
    match body[-1] if body else None:
        case facts.Try() as block:
            return block
        case facts.If(body=inner, orelse=()):
            return _last_try(inner)
        case _:
            return None


def _is_whole(block: facts.Try, body: tuple[facts.Stmt, ...]) -> bool:
    """Is there nothing else in a body than a `try`, a docstring and the `if` around it apart?"""
    work = [statement for statement in body if not _is_text(statement)]
    match work:
        case [facts.Try() as only]:
            return only is block
        case [facts.If(body=inner, orelse=())]:
            return _is_whole(block, inner)
        case _:
            return False


def _is_text(statement: facts.Stmt) -> bool:
    return isinstance(statement, facts.ExpressionStatement) and isinstance(statement.value, facts.Constant)


def _is_broad(handler: facts.Handler, run: Run) -> bool:
    exception = handler.exception
    return exception is None or run.input.values.dotted(exception, run.frame) in BROAD


def _is_decorated(run: Run) -> bool:
    around = run.frame.parent
    return around is None or any(swallows(one, around, run.input.values) for one in run.node.decorators)


def _head(handler: facts.Handler) -> Span:
    """The `except …` of a handler."""
    start, last = handler.span, handler.exception
    if last is None:
        return Span(start.line, start.column, start.line, start.column + len("except"))
    return Span(start.line, start.column, last.span.end_line, last.span.end_column)
