"""What a handler surely takes out of its event: `event["key"]` where no test of it and no `try` is before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import children, within
from wslint.knowledge.channels import SYNC_TO_ASYNC
from wslint.location import Location
from wslint.stack.code.classes import Method
from wslint.stack.code.guarded import NO_KEY, is_caught
from wslint.stack.code.values import CallValue, Values
from wslint.stack.model import Consumer

MAX_DEPTH = 4
"""How many helper methods deep an event is followed."""

_READERS = frozenset(
    "print len str repr bool dict list sorted isinstance type hash debug info warning error exception critical log "
    "dumps send send_json group_send append deepcopy copy items values keys get".split()
)
"""Calls that leave the dict they are given as it is."""


@dataclass(eq=False, frozen=True)
class Read:
    """`event["key"]` in a handler or in a method that it hands the event to; without the key it is a KeyError."""

    key: str
    node: m.Subscript
    method: Method

    @property
    def location(self) -> Location:
        return self.method.at(self.node)


def sure_reads(values: Values, consumer: Consumer, handler: Method) -> tuple[Read, ...]:
    """The reads that every event of a handler comes to, whatever is in it, in the order they run."""
    params = handler.node.params
    if len(params) < 2 or handler.node.decorators or not params[1].kind.startswith("positional"):
        return ()
    reader = _Reader(values, consumer, handler, params[1].name, frozenset(), 0, {})
    reader.block(handler.node.body)
    return tuple(reader.reads)


class _Reader:
    """Walks one method that holds the event under a name, up to where the event can be another or be tested."""

    def __init__(
        self,
        values: Values,
        consumer: Consumer,
        method: Method,
        name: str,
        given: frozenset[str],
        depth: int,
        done: dict[tuple[int, str, frozenset[str]], _Reader],
    ) -> None:
        self.values = values
        self.consumer = consumer
        self.method = method
        self.name = name
        self.depth = depth
        self.done = done
        self.reads: list[Read] = []
        self.given = set(given)
        self.sure = True
        self._about = {name}

    # --- statements ---

    def block(self, body: tuple[m.Stmt, ...]) -> None:
        for statement in body:
            if self.sure:
                self.statement(statement)

    def statement(self, statement: m.Stmt) -> None:
        match statement:
            case m.If(test=test, body=body, orelse=orelse):
                self.expression(test)
                self._branches(test, (body, orelse))
            case m.While(test=test, body=body):
                self.expression(test)
                self._branches(test, (body,))
            case m.For(iterable=iterable, body=body):
                self.expression(iterable)
                self._branches(iterable, (body,))
            case m.Match(subject=subject, cases=cases):
                self.expression(subject)
                self._branches(subject, [case.body for case in cases])
            case m.Try(body=body, orelse=orelse, finalbody=finalbody):
                self.block((*body, *orelse, *finalbody))
            case m.With(items=items, body=body):
                for item in items:
                    self.expression(item.value)
                self.block(body)
            case m.Assert(test=test):
                self.expression(test)
                self.sure = self.sure and not self._is_about(test)
            case m.Assign(targets=targets, value=value) if value is not None:
                self.expression(value)
                self._assigned(targets, value)
            case m.FunctionDef() | m.ClassDef() | m.Import() | m.Jump(kind="pass"):
                pass
            case m.Return() | m.Raise() | m.Jump():
                self.expressions(children(statement))
                self.sure = False
            case _:
                self.expressions(children(statement))
                if any(self._is_event(node) for node in within((statement,)) if isinstance(statement, m.Delete)):
                    self.sure = False

    def _branches(self, test: m.Expr, bodies: Iterable[tuple[m.Stmt, ...]]) -> None:
        """Blocks that run or not: whether they do may hang on the event, unless the test asks who it is from."""
        if not self.sure:
            return
        leaves = False
        for body in bodies:
            if not self._is_about(test) or _compares_with_self(test):
                self.block(body)
                if _leaves(body):
                    self.sure = True
            else:
                leaves = leaves or _leaves(body)
                self._taken_over(body)
        self.sure = self.sure and not leaves

    def _taken_over(self, body: tuple[m.Stmt, ...]) -> None:
        """What a block that may run does to the event."""
        inner = _Reader(
            self.values, self.consumer, self.method, self.name, frozenset(self.given), self.depth, self.done
        )
        inner.block(body)
        self.given |= inner.given
        if not inner.sure:
            self.sure = False

    def _assigned(self, targets: tuple[m.Expr, ...], value: m.Expr) -> None:
        for target in targets:
            for node in within((target,)):
                match node:
                    case m.Name(id=name) if name == self.name and node is target:
                        self.sure = False
                    case m.Name(id=name) if name != self.name and self._is_about(value):
                        self._about.add(name)
                    case m.Subscript(value=owner, index=index) if self._is_event(owner):
                        key = self._key(index)
                        self.given.add(key)
                        self.sure = self.sure and key != ""
                    case _:
                        pass

    # --- expressions ---

    def expressions(self, nodes: Iterable[m.Node]) -> None:
        for node in nodes:
            self.expression(node)

    def expression(self, node: m.Node) -> None:
        if not self.sure:
            return
        match node:
            case m.Subscript(value=owner, index=index) if self._is_event(owner):
                self.expression(index)
                key = self._key(index)
                if key and key not in self.given and not self._is_caught(node):
                    self.reads.append(Read(key, node, self.method))
            case m.Conditional(test=test, body=body, orelse=orelse):
                self.expression(test)
                if not self._is_about(test) or _compares_with_self(test):
                    self.expressions((body, orelse))
            case m.BoolOp(left=left, right=right):
                self.expression(left)
                if not self._is_about(left) or _compares_with_self(left):
                    self.expression(right)
            case m.Comprehension(generators=generators):
                self.expression(generators[0].iterable)
            case m.Lambda():
                pass
            case m.Call():
                self.expressions(children(node))
                self._called(node)
            case _:
                self.expressions(children(node))

    def _called(self, call: m.Call) -> None:
        if isinstance(call.func, m.Attribute) and self._is_event(call.func.value):
            first = call.args[0].value if call.args else None
            if call.func.attr == "setdefault" and first is not None:
                self.given.add(self._key(first))
            elif call.func.attr in ("update", "clear", "popitem", "pop", "__setitem__"):
                self.sure = False
        for index, arg in enumerate(call.args):
            if self._is_event(arg.value) and not arg.star:
                self._handed(call, index if arg.keyword is None else arg.keyword)

    def _handed(self, call: m.Call, place: int | str) -> None:
        """The whole event is an argument: read on in the consumer's own method, or stop where it may be changed."""
        called = self._own_method(call)
        if called is None:
            self.sure = self.sure and _name(call) in _READERS
            return
        params = called.node.params[1:]
        named = [p.name for p in params if p.name == place] if isinstance(place, str) else [
            p.name for p in params[place : place + 1] if p.kind.startswith("positional")
        ]  # fmt: skip
        if not named or called.node.decorators or self.depth >= MAX_DEPTH or self._is_caught(call):
            self.sure = False
            return
        key = (id(called.node), named[0], frozenset(self.given))
        inner = self.done.get(key)
        if inner is None:
            inner = _Reader(self.values, self.consumer, called, named[0], key[2], self.depth + 1, self.done)
            self.done[key] = inner
            inner.block(called.node.body)
        self.reads += inner.reads
        self.given |= inner.given
        self.sure = self.sure and not _changes(called.node.body, named[0])

    def _own_method(self, call: m.Call) -> Method | None:
        """The method of this consumer that `self.name(…)` or `sync_to_async(self.name)(…)` runs."""
        func = call.func
        if isinstance(func, m.Call) and func.args:
            value = self.values.one(func, self.method.frame)
            if not isinstance(value, CallValue) or value.dotted not in SYNC_TO_ASYNC:
                return None
            func = func.args[0].value
        me = self.method.node.params[0].name
        match func:
            case m.Attribute(value=m.Name(id=owner), attr=attr) if owner == me:
                return self.consumer.method(attr)
            case _:
                return None

    # --- questions ---

    def _is_event(self, node: m.Node) -> bool:
        return isinstance(node, m.Name) and node.id == self.name

    def _is_about(self, expr: m.Expr) -> bool:
        """Does an expression hang on the event, or on a variable that was made from it?"""
        return any(isinstance(node, m.Name) and node.id in self._about for node in within((expr,)))

    def _key(self, index: m.Expr) -> str:
        key = self.values.constant(index, self.method.frame)
        return key if isinstance(key, str) else ""

    def _is_caught(self, node: m.Node) -> bool:
        return is_caught(self.method.node.body, node, NO_KEY, self.method.frame, self.values)


def _compares_with_self(test: m.Expr) -> bool:
    """`event["sender"] != self.channel_name`: a test of who sent it, not of what is in it."""
    if not isinstance(test, m.Compare) or test.op not in ("==", "!="):
        return False
    return any(isinstance(node, m.Name) and node.id == "self" for node in within((test.left, test.right)))


def _leaves(body: tuple[m.Stmt, ...]) -> bool:
    return any(
        isinstance(node, (m.Return, m.Raise)) or (isinstance(node, m.Jump) and node.kind != "pass")
        for node in within(body)
    )


def _changes(body: tuple[m.Stmt, ...], name: str) -> bool:
    """May a helper put something into the dict that it holds under a name?"""
    for node in within(body):
        match node:
            case m.Assign(targets=targets):
                if any(isinstance(target, m.Subscript) and _is_name(target.value, name) for target in targets):
                    return True
            case m.Call(func=m.Attribute(value=owner, attr="setdefault" | "update")) if _is_name(owner, name):
                return True
            case _:
                pass
    return False


def _is_name(node: m.Node, name: str) -> bool:
    return isinstance(node, m.Name) and node.id == name


def _name(call: m.Call) -> str:
    """The last word of what a call runs, in `async_to_sync(layer.group_send)(…)` too."""
    func = call.func
    if isinstance(func, m.Call) and func.args:
        func = func.args[0].value
    return last_name(func)


def keys_of(reads: Iterable[Read]) -> Iterator[tuple[str, Read]]:
    """Each key once, with its first read."""
    seen: set[str] = set()
    for read in reads:
        if read.key not in seen:
            seen.add(read.key)
            yield read.key, read
