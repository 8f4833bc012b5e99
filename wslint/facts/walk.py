"""Walking facts: the direct children of a node, and everything below it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from wslint.facts.model import Call, ClassDef, FunctionDef, Lambda, Node, Span


@cache
def _fields(kind: type[Node]) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if name not in ("span", "name_span", "attr_span"))


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in source order of the fields."""
    for name in _fields(type(node)):
        value: Any = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif type(value) is tuple:
            for item in value:
                if isinstance(item, Node):
                    yield item


def below(node: Node) -> Iterator[Node]:
    """Every node below, nested functions and classes included."""
    stack = list(children(node))[::-1]
    while stack:
        found = stack.pop()
        yield found
        stack.extend(list(children(found))[::-1])


def within(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes and all below that runs with them: bodies of nested functions, lambdas and classes are left out."""
    stack: list[Node] = [*nodes][::-1]
    while stack:
        found = stack.pop()
        yield found
        if isinstance(found, (FunctionDef, ClassDef)):
            stack.extend(found.decorators)
        elif not isinstance(found, Lambda):
            stack.extend(list(children(found))[::-1])


def calls_within(nodes: Iterable[Node]) -> Iterator[Call]:
    """The calls that run when the nodes run."""
    return (node for node in within(nodes) if isinstance(node, Call))


def contains(outer: Span, inner: Span) -> bool:
    """Does one span hold the other?"""
    return (outer.line, outer.column) <= (inner.line, inner.column) and (inner.end_line, inner.end_column) <= (
        outer.end_line,
        outer.end_column,
    )
