"""The text of a caught exception, followed from the place where it is sent back to the `except` that caught it.

except Exception as error:
    await self.fail(str(error))                  handed on
…
async def fail(self, detail):
    await self.send_json({"error": detail})      sent
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import calls_within, contains, within
from wslint.knowledge.failures import TRACEBACKS
from wslint.location import Location
from wslint.stack.client.clientinput import ClientInput
from wslint.stack.code.scope import Scope
from wslint.stack.code.values import Frame

_ASKS = re.compile(r"debug|isinstance|is_staff|is_superuser|verbose", re.IGNORECASE)
"""Words of a test that lets the text of some exceptions through, or lets some people see it."""

MAX_DEPTH = 12
"""How many expressions lead from the place where a text is sent to the exception."""

_HOLDS_ARGUMENTS = frozenset({"str", "repr", "format", "dict", "list", "tuple", "dumps", "escape", "force_str"})
"""Functions whose result holds the text that they are given."""

_HOLDS_OWNER = frozenset(
    "join strip lstrip rstrip replace lower upper title capitalize encode decode splitlines split format "
    "dict json model_dump model_dump_json to_dict as_dict items copy".split()
)
"""Methods whose result holds the text that they are called on or given."""


@dataclass(eq=False, frozen=True)
class Text:
    """The exception that a handler caught, or a traceback of it, where its text is taken; all stand in `frame`."""

    node: m.Expr
    handler: m.Handler
    block: m.Try
    frame: Frame

    @property
    def is_traceback(self) -> bool:
        return isinstance(self.node, m.Call)

    @property
    def location(self) -> Location:
        """What a person would point at: `str(error)` rather than the `error` in it."""
        for call in calls_within(self.handler.body):
            if len(call.args) == 1 and call.args[0].value is self.node and last_name(call.func) in ("str", "repr"):
                return self.frame.at(call)
        return self.frame.at(self.node)

    @property
    def head(self) -> Location:
        """The `except …` of the handler."""
        start, last = self.handler.span, self.handler.exception
        end = (start.line, start.column + len("except")) if last is None else (last.span.end_line, last.span.end_column)
        return self.frame.at(m.Span(start.line, start.column, *end))

    @property
    def function(self) -> str:
        node = self.frame.scope.node
        return node.name if isinstance(node, m.FunctionDef) else ""


class ExceptionText:
    """Traces expressions of one consumer's code back to exceptions."""

    def __init__(self, trace: ClientInput) -> None:
        self.trace = trace
        self._seen: set[tuple[int, int]] = set()
        self._depth = 0

    def of(self, expr: m.Expr, frame: Frame) -> Iterator[Text]:
        """The texts of exceptions that an expression holds."""
        key = (id(expr), id(frame))
        if key in self._seen or self._depth > MAX_DEPTH:
            return
        self._seen.add(key)
        self._depth += 1
        found = list(self._of(expr, frame))
        self._depth -= 1
        if not self._depth:
            self._seen.clear()
        yield from found

    def _of(self, expr: m.Expr, frame: Frame) -> Iterator[Text]:
        match expr:
            case m.Name():
                yield from self._name(expr, frame)
            case m.Call():
                yield from self._call(expr, frame)
            case m.Attribute(value=inner, attr="args" | "message" | "strerror"):
                yield from self.of(inner, frame)
            case m.Subscript(value=m.Attribute() | m.Call() as inner):
                yield from self.of(inner, frame)
            case m.Await(value=inner) | m.Starred(value=inner) | m.Walrus(value=inner):
                yield from self.of(inner, frame)
            case m.FString(parts=parts) | m.Sequence(items=parts) | m.Opaque(parts=parts):
                yield from self._each(parts, frame)
            case m.Dict(items=items):
                yield from self._each((item.value for item in items), frame)
            case m.BinaryOp(left=left, right=right) | m.BoolOp(left=left, right=right):
                yield from self._each((left, right), frame)
            case m.Conditional(test=test, body=left, orelse=right) if not _is_asking(test):
                yield from self._each((left, right), frame)
            case _:
                pass

    def _each(self, parts: Iterable[m.Expr], frame: Frame) -> Iterator[Text]:
        for part in parts:
            yield from self.of(part, frame)

    def _call(self, call: m.Call, frame: Frame) -> Iterator[Text]:
        name, given = last_name(call.func), [arg.value for arg in call.args]
        if self.trace.values.dotted(call.func, frame) in TRACEBACKS:
            for block in within(frame.scope.body):
                if isinstance(block, m.Try):
                    around = (one for one in block.handlers if any(contains(n.span, call.span) for n in one.body))
                    yield from (Text(call, handler, block, frame) for handler in around)
        elif name in _HOLDS_ARGUMENTS or name[:1].isupper():
            yield from self._each(given, frame)
        elif isinstance(call.func, m.Attribute) and name in _HOLDS_OWNER:
            yield from self._each((call.func.value, *given), frame)
        else:
            for function, inner in self.trace.entering(call, frame):
                for node in within(function.body):
                    if isinstance(node, m.Return) and node.value is not None and not is_asked(node, inner):
                        yield from self.of(node.value, inner)

    def _name(self, name: m.Name, frame: Frame) -> Iterator[Text]:
        owner, home = frame.scope.owner(name.id), frame
        while home.scope is not owner:
            if home.parent is None:
                return
            home = home.parent
        assert isinstance(owner, Scope)
        if not owner.is_function:
            return
        for binding in owner.reaching(name.id, name.span if home is frame else None):
            match binding.source:
                case m.Handler() as handler:
                    yield from (Text(name, handler, block, home) for block in _blocks(handler, home))
                case m.Parameter():
                    bound = home.arguments.get(name.id)
                    if bound is not None and bound.expr is not None:
                        yield from self.of(bound.expr, bound.frame)
                case m.Assign() | m.Walrus() as source if binding.value is not None and not is_asked(source, home):
                    yield from self.of(binding.value, home)
        yield from self._each(_put_in(name, home), home)


def _put_in(name: m.Name, frame: Frame) -> Iterator[m.Expr]:
    """What is put under a key of a dict before it is read there: `reply["error"] = str(error)`."""
    for node in within(frame.scope.body):
        match node:
            case m.Assign(targets=(m.Subscript(value=m.Name(id=owner)),), value=m.Node() as value):
                if owner == name.id and node.span < name.span:
                    yield value
            case _:
                pass


def _blocks(handler: m.Handler, frame: Frame) -> Iterator[m.Try]:
    return (node for node in within(frame.scope.body) if isinstance(node, m.Try) and handler in node.handlers)


def is_asked(node: m.Node, frame: Frame) -> bool:
    """Does a node stand behind a test of the exception's kind, or of who is to see it?"""
    tests = (one for one in within(frame.scope.body) if isinstance(one, m.If) and contains(one.span, node.span))
    return any(_is_asking(one.test) for one in tests)


def _is_asking(test: m.Expr) -> bool:
    names = (node.attr if isinstance(node, m.Attribute) else getattr(node, "id", "") for node in within((test,)))
    return any(_ASKS.search(name) for name in names)
