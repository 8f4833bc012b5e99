"""Walking facts: the direct children of a node, and everything below it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from wslint.facts.model import Call, ClassDef, FunctionDef, Lambda, Node, Span

_HOLDS_NONE = re.compile(
    r"Span|str|str \| None|int|bool|bytes|bool \| int \| float \| str \| None|tuple\[str, \.\.\.\]"
)


@cache
def _fields(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a kind of node that can hold nodes."""
    annotations = {
        name: str(text) for base in reversed(kind.__mro__) for name, text in inspect.get_annotations(base).items()
    }
    return tuple(name for name in kind.__struct_fields__ if not _HOLDS_NONE.fullmatch(annotations[name]))


def children(node: Node) -> list[Node]:
    """The nodes directly below, in source order of the fields."""
    found: list[Node] = []
    for name in _fields(type(node)):
        value: Any = getattr(node, name)
        if type(value) is tuple:
            found += value
        elif value is not None:
            found.append(value)
    return found


def below(node: Node) -> Iterator[Node]:
    """Every node below, nested functions and classes included."""
    stack = children(node)[::-1]
    while stack:
        found = stack.pop()
        yield found
        stack += children(found)[::-1]


def within(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes and all below that runs with them: bodies of nested functions, lambdas and classes are left out."""
    stack: list[Node] = [*nodes][::-1]
    while stack:
        found = stack.pop()
        yield found
        kind = type(found)
        if kind is FunctionDef or kind is ClassDef:
            stack += found.decorators  # type: ignore[attr-defined]
        elif kind is not Lambda:
            stack += children(found)[::-1]


def calls_within(nodes: Iterable[Node]) -> Iterator[Call]:
    """The calls that run when the nodes run."""
    return (node for node in within(nodes) if isinstance(node, Call))


def contains(outer: Span, inner: Span) -> bool:
    """Does one span hold the other?"""
    return (outer.line, outer.column) <= (inner.line, inner.column) and (inner.end_line, inner.end_column) <= (
        outer.end_line,
        outer.end_column,
    )


def holds(block: Iterable[Node], node: Node) -> bool:
    """Does a node stand in one of some statements?"""
    return any(contains(statement.span, node.span) for statement in block)
