from __future__ import annotations

from collections.abc import Iterator

from wslint.flow import ACCEPTED, Flow, Occurrence, life_of
from wslint.rule import Finding, Level, Location, Rule
from wslint.stack import Consumer, Stack, calls_within, facts, within
from wslint.stack.code.callers import place_of, preceding

REFUSING = ("connect", "receive", "receive_json")
TELLS = ("send", "error", "reply", "respond", "notify")
"""Words in the names of calls that tell a client something."""
CHECKS = ("authenticated", "authori", "valid", "allowed", "permi", "is_active", "is_staff", "exists", "member", "owner")
"""Words in the names of what is asked before somebody is let in."""


class CloseWithoutCode(Rule):
    """An accepted client is refused without a close code: it cannot tell why.

    Why: close() without a code sends 1000, the code of a normal end. A client that was refused looks the same to
    itself as one that is done.

    See: `event.code` is 1000 in the browser, after a failed check as after a good-bye; a client that reconnects tries
    again and again.

    Mend: a code of your own from 4000 to 4999, for example `close(code=4401)`, that the client looks at.

    Bad:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                if not text_data:
                    await self.close()

    Good:
        from channels.generic.websocket import AsyncWebsocketConsumer

        class RoomConsumer(AsyncWebsocketConsumer):
            async def receive(self, text_data=None, bytes_data=None):
                if not text_data:
                    await self.close(code=4400)
    """

    code = "WS306"
    name = "close-without-code"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        told: set[Location] = set()
        for consumer in stack.consumers:
            if consumer.in_tests or consumer.vendored or not consumer.is_websocket:
                continue
            for name in REFUSING:
                flow = life_of(stack, consumer).method(name)
                for close in () if flow is None else flow.of("close"):
                    if flow is None or close.location in told or not _is_bare(consumer, close):
                        continue
                    why = _refusal(flow, close)
                    if why is not None:
                        told.add(close.location)
                        yield self._finding(consumer, flow, close, why)

    def _finding(self, consumer: Consumer, flow: Flow, close: Occurrence, why: str) -> Finding:
        return self.finding(
            close.location,
            f"{flow.method.name}() of {consumer.name} closes {why} without a code",
            hint="a code from 4000 to 4999 that says why: `close(code=4401)`",
            symptom="the client sees 1000, a normal end, and cannot tell that it was refused",
            symbol=f"{consumer.name}.{close.method.name}",
        )


def _is_bare(consumer: Consumer, close: Occurrence) -> bool:
    """Is it a plain close() of an accepted socket?"""
    if close.name != "close" or close.call is None or close.call.args:
        return False
    if close.dropped and consumer.is_async is not False:
        return False
    return {state.socket for state in close.before} == {ACCEPTED}


def _refusal(flow: Flow, close: Occurrence) -> str | None:
    """Why it refuses: the failed check or the exception before it; None where it may be a normal end."""
    body = close.method.node.body
    place = place_of(body, close.node)
    if place is None or _is_told(body, close.node):
        return None
    for node in within(body):
        if isinstance(node, facts.Handler) and place.statement in node.body:
            return "after an exception"
        if isinstance(node, facts.If):
            if place.statement in node.body and (flow.method.name == "connect" or _is_failure(node.test)):
                return "after a failed check"
            if place.statement in node.orelse and not isinstance(node.orelse[0], facts.If) and _is_check(node.test):
                return "after a failed check"
    return None


def _is_told(body: tuple[facts.Stmt, ...], close: facts.Node) -> bool:
    """Does a frame before it tell the client why?"""
    return any(_telling(statement) for statement in preceding(body, close))


def _telling(statement: facts.Stmt) -> bool:
    """Does a statement tell somebody something on a way that goes on behind it?"""
    match statement:
        case facts.ExpressionStatement():
            return any(_tells(call.func) for call in calls_within((statement,)))
        case facts.If(body=body, orelse=orelse):
            return any(map(_telling, (*_going_on(body), *_going_on(orelse))))
        case facts.Try(body=body) | facts.With(body=body):
            return any(map(_telling, _going_on(body)))
        case _:
            return False


def _going_on(block: tuple[facts.Stmt, ...]) -> tuple[facts.Stmt, ...]:
    """A block, when the code behind it runs after it."""
    return () if block and isinstance(block[-1], (facts.Return, facts.Raise)) else block


def _tells(func: facts.Expr) -> bool:
    """Is it by its name a function that tells somebody something, and no logger's?"""
    match func:
        case facts.Attribute(value=facts.Name(id=owner)) if "log" in owner.lower():
            return False
        case facts.Call(args=(facts.Argument(value=wrapped), *_)):
            return _tells(wrapped)
        case facts.Attribute(attr=name) | facts.Name(id=name):
            return "log" not in name.lower() and any(word in name.lower() for word in TELLS)
        case _:
            return False


def _is_failure(test: facts.Expr) -> bool:
    """Is a test true when something is missing or wrong?"""
    match test:
        case facts.UnaryOp(op="not", operand=operand):
            return not _is_failure(operand)
        case facts.Compare(op="!=" | "not in"):
            return True
        case facts.Compare(op="is" | "==", right=facts.Constant(value=None | False)):
            return True
        case facts.BoolOp(op="or"):
            return _is_failure(test.left) and _is_failure(test.right)
        case facts.BoolOp():
            return _is_failure(test.left) or _is_failure(test.right)
        case facts.Attribute(attr="is_anonymous"):
            return True
        case _:
            return False


def _is_check(test: facts.Expr) -> bool:
    """Does a test ask whether somebody is allowed in?"""
    names = [
        node.id if isinstance(node, facts.Name) else node.attr
        for node in within((test,))
        if isinstance(node, (facts.Name, facts.Attribute))
    ]
    return any(word in name.lower() for name in names for word in CHECKS)
