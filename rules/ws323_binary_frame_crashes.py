from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Consumer, Stack, facts, within
from wslint.stack.client.notext import BYTES, TEXT, unguarded_uses
from wslint.stack.code.callers import place_of
from wslint.stack.code.edits import has_own_lines
from wslint.stack.code.guarded import NO_ATTRIBUTE, WRONG_TYPE
from wslint.stack.code.places import after, before
from wslint.stack.code.signatures import shown, takes
from wslint.stack.consumers.handling import Run, runs


class BinaryFrameCrashes(Rule):
    """A binary frame makes receive() fail.

    Why: any client can send a binary frame. Channels then calls `receive(bytes_data=…)`: text_data is None, or the
    method does not take the argument at all. The exception ends the consumer, and disconnect() is not called.

    See: `TypeError: RoomConsumer.receive() got an unexpected keyword argument 'bytes_data'`, or `TypeError: the JSON
    object must be str, bytes or bytearray, not NoneType`; the client is closed with 1011 (daphne) or sees 1006
    (uvicorn).

    Mend: `receive(self, text_data=None, bytes_data=None)`, and a test for None.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data):
                await self.send(text_data=text_data.upper())

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                if text_data is not None:
                    await self.send(text_data=text_data.upper())
    """

    code = "WS323"
    name = "binary-frame-crashes"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket or not consumer.complete:
                continue
            receive = consumer.method("receive")
            if receive is None or receive.node.decorators or not takes(receive.node, 0, (TEXT,)):
                continue  # else every frame fails (WS308), or a decorator may take the arguments
            run = next((run for run in runs(stack, consumer) if run.node is receive.node), None)
            if run is None or (run.call is not None and not _from_channels(run)) or receive.location in told:
                continue
            told.add(receive.location)
            finding = self._signature(consumer, run) or self._use(consumer, run)
            if finding is not None:
                yield finding

    def _signature(self, consumer: Consumer, run: Run) -> Finding | None:
        if takes(run.node, 0, (BYTES,)) or (run.caller and run.call and run.caller.catches(run.call, WRONG_TYPE)):
            return None
        required = any(param.name == TEXT and param.default is None for param in run.node.params)
        error = "missing 1 required positional argument: 'text_data'"
        if not any(param.name == BYTES or param.kind == "**" for param in run.node.params):
            error = "got an unexpected keyword argument 'bytes_data'"
        return self.finding(
            run.frame.at(run.node.name_span),
            f"receive({shown(run.node)}) cannot take a binary frame, which comes as bytes_data=…",
            hint="`receive(self, text_data=None, bytes_data=None)`",
            symptom=f"`TypeError: {consumer.name}.receive() {error}`; {ENDS}",
            symbol=f"{consumer.name}.receive",
            fix=_signature_fix(run, required),
        )

    def _use(self, consumer: Consumer, run: Run) -> Finding | None:
        param = next((param for param in run.node.params if param.name == TEXT), None)
        if param is None or not isinstance(param.default, facts.Constant) or param.default.value is not None:
            return None
        for node, error in unguarded_uses(run):
            if not run.catches(node, NO_ATTRIBUTE | WRONG_TYPE):
                return self.finding(
                    run.at(node),
                    "text_data is None here when the client sends a binary frame",
                    hint="`if text_data is None: return`",
                    symptom=f"`{error}`; {ENDS}",
                    symbol=f"{consumer.name}.receive",
                    fix=_use_fix(run, node),
                )
        return None


ENDS = "the connection ends with 1011 (daphne) or 1006 (uvicorn), and disconnect() is not called"


def _from_channels(run: Run) -> bool:
    """Does Channels itself call it, after a `super().websocket_receive()` or `super().dispatch()`?"""
    func = run.call.func if run.call is not None else None
    return isinstance(func, facts.Attribute) and func.attr in ("websocket_receive", "dispatch")


def _signature_fix(run: Run, required: bool) -> Fix | None:
    params, frame = run.node.params, run.frame
    text = next((param for param in params if param.name == TEXT), None)
    guard = _guard(run)
    if text is None or guard is None:
        return None
    words = (" = None" if text.annotation is not None else "=None") if required else ""
    if not any(param.name == BYTES or param.kind == "**" for param in params):
        words += ", bytes_data=None"
    last = text.default or text.annotation or text
    return Fix((Edit(after(last, frame), words), guard), safe=True, title="leave binary frames alone")


def _guard(run: Run) -> Edit | None:
    """A test for None at the top of the body."""
    body = run.node.body
    documented = isinstance(body[0], facts.ExpressionStatement) and isinstance(body[0].value, facts.Constant)
    first = body[1] if documented and len(body) > 1 else body[0]
    if documented and len(body) == 1:
        return None
    return _test_before(run, first) if has_own_lines(first, run.node) else None


def _use_fix(run: Run, use: facts.Node) -> Fix | None:
    place = place_of(run.node.body, use)
    if place is None or not has_own_lines(place.statement, run.node) or _is_elif(run.node, place.statement):
        return None
    return Fix((_test_before(run, place.statement),), safe=True, title="leave binary frames alone")


def _is_elif(function: facts.FunctionDef, statement: facts.Stmt) -> bool:
    return any(
        isinstance(node, facts.If) and node.orelse[:1] == (statement,) and node.span.column == statement.span.column
        for node in within(function.body)
    )


def _test_before(run: Run, statement: facts.Stmt) -> Edit:
    indent = " " * (statement.span.column - 1)
    return Edit(before(statement, run.frame), f"if text_data is None:\n{indent}    return\n{indent}")
