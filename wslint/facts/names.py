"""Names as they are written, before anybody asks what they mean."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts.model import Attribute, Name, Node
from wslint.facts.walk import within


def last_name(node: Node | None) -> str:
    """The last part of a dotted name: `send` of `self.send` and of `send`; empty for what is no name."""
    if isinstance(node, Attribute):
        return node.attr
    return node.id if isinstance(node, Name) else ""


def names_in(expr: Node) -> Iterator[str]:
    """Every name and attribute in an expression, as written."""
    return (last_name(node) for node in within((expr,)) if isinstance(node, (Name, Attribute)))
