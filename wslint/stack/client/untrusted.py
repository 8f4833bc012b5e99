"""Text that comes from outside: URL captures, the path, e-mail addresses, user names, frames of the client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.stack.client.clientinput import client_input
from wslint.stack.code.guarded import WRONG_TYPE, is_caught
from wslint.stack.code.text import Hole
from wslint.stack.code.values import AttributeValue, CallValue, Frame, SelfValue, Unknown, Value
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.model import Consumer, Route, Stack

_UNCHANGED = frozenset({"strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "casefold"})
"""String methods that leave odd characters in."""


@dataclass(eq=False, frozen=True)
class Source:
    """Where a text comes from: `kind` is "kwarg", "path", "email", "username" or "client"; `name` its key, if any.

    `node` is the expression that fetches it, in the function of `frame`.
    """

    kind: str
    name: str
    node: m.Node
    frame: Frame


class Sources:
    """Traces holes of strings to where their text comes from; None whenever that is not plain to see."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.values = stack.values

    def of(self, hole: Hole, consumer: Consumer | None) -> Source | None:
        if hole.value is None or hole.frame is None:
            return None
        source = self._of(hole.value, hole.frame, consumer, 0)
        if source is None and hole.expr is not None:
            source = self._of_client(hole.expr, hole.frame, consumer or self._consumer(hole.value))
        return source

    def _consumer(self, value: Value) -> Consumer | None:
        """The consumer in whose method a value is made."""
        cls = value.frame.owner if isinstance(value, CallValue) else None
        return None if cls is None else self.stack.consumer_of(cls)

    def _of(self, value: Value, frame: Frame, consumer: Consumer | None, depth: int) -> Source | None:
        if depth > 6:
            return None
        match value:
            case CallValue(node=m.Call(func=m.Attribute(value=owner, attr=attr)) as call, frame=home):
                if attr in _UNCHANGED:
                    inner = self.values.one(owner, home)
                    return self._of(inner, home, consumer, depth + 1)
                if attr == "get_username":
                    return Source("username", attr, call, home)
                if attr == "get" and call.args:
                    return self._item(call, owner, call.args[0].value, home)
            case AttributeValue(attr="email" | "username" as attr, value=owner, node=node, frame=home):
                return Source(attr, attr, node, home) if not isinstance(owner, SelfValue) else None
            case Unknown(node=m.Subscript(value=owner, index=index) as node):
                return self._item(node, owner, index, self._home(node, frame, consumer))
        return None

    def _item(self, node: m.Node, owner: m.Expr, index: m.Expr, frame: Frame) -> Source | None:
        key = self.values.constant(index, frame)
        if not isinstance(key, str):
            return None
        if is_scope(owner):
            return Source("path", key, node, frame) if key == "path" else None
        if self.is_kwargs(owner, frame):
            return Source("kwarg", key, node, frame)
        return None

    def _home(self, node: m.Node, frame: Frame, consumer: Consumer | None) -> Frame:
        """The frame of the function that a node stands in: an attribute may have been set by another method."""
        functions = [] if consumer is None else list(consumer.methods.values())
        if not _holds(frame.scope.node, node):
            for method in functions:
                if _holds(method.node, node):
                    return method.frame
        return frame

    def is_kwargs(self, expr: m.Expr, frame: Frame) -> bool:
        """`scope["url_route"]["kwargs"]`, written out or through a variable."""
        written = self._written(expr, frame)
        return (
            isinstance(written, m.Subscript)
            and _key(written.index) == "kwargs"
            and isinstance(written.value, m.Subscript)
            and _key(written.value.index) == "url_route"
            and is_scope(written.value.value)
        )

    def _written(self, expr: m.Expr, frame: Frame) -> m.Node | None:
        if isinstance(expr, m.Subscript):
            return expr
        value = self.values.one(expr, frame)
        return value.node if isinstance(value, Unknown) else None

    def _of_client(self, expr: m.Expr, frame: Frame, consumer: Consumer | None) -> Source | None:
        """A member of what the client sent."""
        found = () if consumer is None else client_input(self.stack, consumer).of(expr, frame)
        return next((Source("client", one.key, *one.steps[-1]) for one in found if one.path[-1:] == (one.key,)), None)

    # --- what the code does with it before it is used ---

    def is_checked(self, source: Source, *frames: Frame) -> bool:
        """Does the code look at the text before it is used, or catch the TypeError over it?

        It looks at it with a pattern, a list of allowed texts, or a call that is given the text and whose answer
        decides whether to go on.
        """
        if any(self._is_tested(source, frame) for frame in (source.frame, *frames)):
            return True
        return self.is_caught(source.node, source.frame)

    def is_caught(self, node: m.Node, frame: Frame) -> bool:
        """Does something around a node of a function catch a TypeError?"""
        return is_caught(frame.scope.body, node, WRONG_TYPE, frame, self.values)

    def _is_tested(self, source: Source, frame: Frame) -> bool:
        body = frame.scope.node.body if isinstance(frame.scope.node, m.FunctionDef) else ()
        answers: set[str] = set()
        for node in within(body):
            match node:
                case m.Call(func=m.Attribute(attr=attr)) if attr in _CHECKS:
                    return True
                case m.Compare(op="in" | "not in" | "==" | "!=", left=left) if self._is(left, source, frame):
                    return True
                case m.Assign(targets=(m.Name(id=name) | m.Attribute(attr=name),), value=value) if value is not None:
                    if self._asks(value, source, frame):
                        answers.add(name)
        return any(
            isinstance(node, m.If)
            and _leaves(node)
            and (self._asks(node.test, source, frame) or any(name in answers for name in _names(node.test)))
            for node in within(body)
        )

    def _asks(self, expr: m.Expr, source: Source, frame: Frame) -> bool:
        """Is the text given to a call in an expression?"""
        calls = (node for node in within((expr,)) if isinstance(node, m.Call))
        return any(self._is(arg.value, source, frame) for call in calls for arg in call.args)

    def _is(self, expr: m.Expr, source: Source, frame: Frame) -> bool:
        if not isinstance(expr, (m.Name, m.Attribute)):
            return expr is source.node
        return any(getattr(value, "node", None) is source.node for value in self.values.of(expr, frame))


def _leaves(branch: m.If) -> bool:
    return any(isinstance(node, (m.Return, m.Raise)) for node in within((*branch.body, *branch.orelse)))


def _names(expr: m.Expr) -> Iterator[str]:
    for node in within((expr,)):
        if isinstance(node, (m.Name, m.Attribute)):
            yield node.id if isinstance(node, m.Name) else node.attr


def _holds(outer: m.Node | None, node: m.Node) -> bool:
    return isinstance(outer, m.FunctionDef) and any(found is node for found in within(outer.body))


def _key(expr: m.Expr) -> object:
    return expr.value if isinstance(expr, m.Constant) else None


_CHECKS = frozenset({"match", "fullmatch", "search", "isalnum", "isidentifier", "isascii", "isdigit", "isdecimal"})

# --- what a URL capture can hold -------------------------------------------------------------------------------------


def captures_of(consumer: Consumer, name: str) -> Iterator[tuple[Route, str]]:
    """The ways in which routes of a consumer capture a kwarg: `<int>` for converters, the expression for regexes."""
    for mount in consumer.mounts:
        for route in mount.routes:
            if route.pattern is None:
                continue
            if route.function == "path":
                found = re.search(rf"<(?:(\w+):)?{re.escape(name)}>", route.pattern)
                if found is not None:
                    yield route, f"<{found[1] or 'str'}>"
            elif f"(?P<{name}>" in route.pattern:
                yield route, _group(route.pattern.partition(f"(?P<{name}>")[2])


def _group(text: str) -> str:
    """The text up to the bracket that closes the group."""
    depth, index, inside = 0, 0, False
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 1
        elif char == "[":
            inside = True
        elif char == "]":
            inside = False
        elif char == "(" and not inside:
            depth += 1
        elif char == ")" and not inside:
            if depth == 0:
                return text[:index]
            depth -= 1
        index += 1
    return text


def odd_character(capture: str, characters: str) -> str | None:
    """One of the characters that a capture lets through, or None (none of them, or not known)."""
    if capture.startswith("<") and capture.endswith(">"):
        return characters[0] if capture in ("<str>", "<path>") else None
    try:
        expression = re.compile(capture)
    except re.error:
        return None
    for char in characters:
        if any(expression.fullmatch(char * length) for length in range(1, 9)):
            return char
    return None
