"""Places for edits: just before a node, just after it, between two."""

from __future__ import annotations

from wslint.facts.model import Node, Span
from wslint.location import Location
from wslint.stack.code.values import Frame


def before(node: Node, frame: Frame) -> Location:
    """The empty place where a node begins."""
    span = node.span
    return frame.at(span.begin)


def after(node: Node, frame: Frame) -> Location:
    """The empty place where a node ends."""
    span = node.span
    return frame.at(span.end)


def between(left: Location, right: Location) -> Location:
    """All that stands between two empty places of one file."""
    return Location(left.path, Span(left.span.line, left.span.column, right.span.line, right.span.column))
