"""Does the client get an answer for work that may fail, and does the failure come out of a block of code?

    data = json.loads(text_data)                                    reading a frame is no work
    if data.get("type") == "ping":
        await self.send(text_data="pong")                           an answer, but for nothing that fails
    elif data.get("type") == "seat":
        await self.send(text_data=await free_seat(data))            an answer for work

What a `try` inside catches does not come out of the block, and an error frame answers for nothing that went well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import calls_within, within
from wslint.stack.code.classes import Method
from wslint.stack.code.guarded import BROAD, catches, raises_again, swallows
from wslint.stack.code.values import Frame
from wslint.stack.consumers.handling import Run, own_name
from wslint.stack.model import Send, Stack

MAX_DEPTH = 4
"""How many helpers lead from the block to the answer."""

SENDS = frozenset({"send", "send_json", "base_send"})
"""Methods of a consumer by which a frame reaches its client."""

_IDLE = frozenset(
    "accept send send_json base_send close encode_json group_add group_discard group_send "
    "print print_exc format_exc debug info warning warn error exception critical log "
    "loads dumps encode decode format join split strip lower upper title replace startswith endswith isoformat "
    "str int float bool repr len dict list tuple round abs min max any all sorted enumerate range zip "
    "isinstance hasattr getattr super items keys now utcnow time timestamp total_seconds uuid4 copy "
    "database_sync_to_async sync_to_async async_to_sync".split()
)
"""Names of calls that hardly fail, or whose failure is not the client's business."""

DATABASE_SYNC_TO_ASYNC = "channels.db.database_sync_to_async"

_HOLDS = frozenset({"get", "pop", "setdefault", "update", "append", "values", "set"})
"""Names of methods of dicts and lists that querysets and clients of other services have too."""


@dataclass(frozen=True)
class Reached:
    """After some code: has work been done whose failure comes out of it, and was there an answer after such work?"""

    worked: bool
    answered: bool = False

    def __or__(self, other: Reached) -> Reached:
        return Reached(self.worked or other.worked, self.answered or other.answered)


@dataclass(frozen=True)
class _Place:
    """The function that is read; `covered` when what fails here is caught before it comes out."""

    function: m.FunctionDef
    frame: Frame
    active: tuple[m.FunctionDef, ...]
    covered: bool = False


class Answering:
    """Reads the code that a frame of the client runs, in order."""

    def __init__(self, stack: Stack, run: Run) -> None:
        self.run = run
        self.sends: dict[int, Send] = _group_sends(stack)

    def answers_for_work(self, block: tuple[m.Stmt, ...]) -> bool:
        """Is there, in a block of the run's function, an answer for work whose failure comes out of the block?"""
        place = _Place(self.run.node, self.run.frame, (self.run.node,))
        return self._block(block, place, Reached(worked=False)).answered

    def _block(self, block: tuple[m.Stmt, ...], place: _Place, before: Reached) -> Reached:
        reached = before
        for statement in block:
            reached = self._statement(statement, place, reached)
        return reached

    def _statement(self, statement: m.Stmt, place: _Place, before: Reached) -> Reached:
        match statement:
            case m.If(test=test, body=body, orelse=orelse):
                tested = self._expressions((test,), place, before)
                return self._block(body, place, tested) | self._block(orelse, place, tested)
            case m.While(test=head, body=body, orelse=orelse) | m.For(iterable=head, body=body, orelse=orelse):
                begun = self._expressions((head,), place, before)
                if isinstance(statement, m.For) and statement.is_async and not place.covered:
                    begun |= Reached(worked=True)
                return self._block((*body, *orelse), place, begun)
            case m.Match(subject=subject, cases=cases):
                reached = tested = self._expressions((subject,), place, before)
                for case in cases:
                    reached |= self._block(case.body, place, tested)
                return reached
            case m.With(items=items, body=body):
                begun = self._expressions((item.value for item in items), place, before)
                suppressed = catches(statement, BROAD, place.frame, self.run.input.values)
                return self._block(body, _covered(place, suppressed), begun)
            case m.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
                caught = any(not raises_again(handler) for handler in handlers)
                reached = self._block(body, _covered(place, caught), before)
                return self._block((*orelse, *finalbody), place, reached)
            case m.FunctionDef() | m.ClassDef():
                return before
            case m.Assign(value=value) | m.AugmentedAssign(value=value):
                return before if value is None else self._expressions((value,), place, before)
            case _:
                return self._expressions((statement,), place, before)

    def _expressions(self, nodes: Iterable[m.Node], place: _Place, before: Reached) -> Reached:
        """What is done in expressions: other work comes first, then helpers, then answers."""
        held = tuple(nodes)
        reached, answers = before, False
        entered: list[tuple[m.FunctionDef, Frame]] = []
        for call in calls_within(held):
            if self._is_answer(call, place.function, place.frame):
                answers = True
                continue
            inner = self._entered(call, place)
            entered += inner
            if not inner and not place.covered and is_work(call, held):
                reached |= Reached(worked=True)
        if not place.covered and any(_is_lookup(node) for node in within(held)):
            reached |= Reached(worked=True)
        for function, frame in entered:
            around = frame.parent
            swallowed = around is not None and any(
                swallows(one, around, self.run.input.values) for one in function.decorators
            )
            if not place.covered and self._is_database_work(function, frame):
                reached |= Reached(worked=True)
            deeper = _Place(function, frame, (*place.active, function), place.covered or swallowed)
            reached |= self._block(function.body, deeper, reached)
        return reached | Reached(reached.worked, answers and reached.worked)

    def _entered(self, call: m.Call, place: _Place) -> list[tuple[m.FunctionDef, Frame]]:
        if len(place.active) > MAX_DEPTH or not self.run.input.may_concern(call, place.frame):
            return []
        entering = self.run.input.entering(call, place.frame)
        return [(function, frame) for function, frame in entering if function not in place.active]

    def _is_database_work(self, function: m.FunctionDef, frame: Frame) -> bool:
        """Is it run on the database's thread, and lets out what fails there?"""
        around, values = frame.parent, self.run.input.values
        if around is None or any(isinstance(statement, m.Try) for statement in function.body):
            return False
        return any(values.dotted(one, around) == DATABASE_SYNC_TO_ASYNC for one in function.decorators)

    def _is_answer(self, call: m.Call, function: m.FunctionDef, frame: Frame) -> bool:
        """Does a call send a frame to the client that asked, other than one that says what is wrong?"""
        if _is_error(call):
            return False
        if own_name(call, function) in SENDS:
            return True
        send = self.sends.get(id(call))
        handler = None if send is None else self._handler(send)
        return handler is not None and self._always_sends(handler.node.body, handler)

    def _handler(self, send: Send) -> Method | None:
        """The method of this consumer that gets an event of the group."""
        types = () if send.event is None else send.event.types
        name = types[0] if len(types) == 1 else None
        return None if name is None else self.run.input.consumer.method(name.replace(".", "_"))

    def _always_sends(self, block: tuple[m.Stmt, ...], handler: Method) -> bool:
        """Does a handler send whatever the event is, so to the client that caused it too?"""
        for statement in block:
            match statement:
                case m.If() | m.For() | m.While() | m.Match():
                    if any(isinstance(node, m.Return) for node in within((statement,))):
                        return False
                case m.Try(body=body) | m.With(body=body):
                    return self._always_sends(body, handler)
                case _:
                    if any(own_name(call, handler.node) in SENDS for call in calls_within((statement,))):
                        return True
        return False


def _covered(place: _Place, caught: bool) -> _Place:
    return _Place(place.function, place.frame, place.active, place.covered or caught)


def is_work(call: m.Call, around: tuple[m.Node, ...]) -> bool:
    """May a call that is not followed fail for a reason of its own?"""
    name = _name(call)
    if name in _IDLE or name[:1].isupper():
        return False
    if name in _HOLDS:
        awaited = any(isinstance(node, m.Await) and node.value is call for node in within(around))
        return awaited or any(arg.keyword is not None for arg in call.args)
    return True


def _is_lookup(node: m.Node) -> bool:
    """Is something looked up by a key that the code does not name?"""
    return isinstance(node, m.Subscript) and isinstance(node.index, (m.Name, m.Attribute, m.Call, m.Subscript))


def _name(call: m.Call) -> str:
    """The last name of what is called: `group_add` in `async_to_sync(layer.group_add)(…)`."""
    match call.func:
        case m.Attribute(attr=name) | m.Name(id=name):
            return name
        case m.Call(args=(m.Argument(value=m.Attribute(attr=name) | m.Name(id=name)), *_)):
            return name
        case _:
            return ""


def _is_error(call: m.Call) -> bool:
    """Does a frame say by a word in it that something is wrong?"""
    texts: Iterator[object] = (node.value for node in within((call,)) if isinstance(node, m.Constant))
    return any(isinstance(text, str) and "error" in text.lower() for text in texts)


def _group_sends(stack: Stack) -> dict[int, Send]:
    return {id(send.call): send for send in stack.sends if send.method == "group_send"}
