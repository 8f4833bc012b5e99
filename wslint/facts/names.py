"""Names as they are written, before anybody asks what they mean."""

from __future__ import annotations

from wslint.facts.model import Attribute, Name, Node


def last_name(node: Node | None) -> str:
    """The last part of a dotted name: `send` of `self.send` and of `send`; empty for what is no name."""
    if isinstance(node, Attribute):
        return node.attr
    return node.id if isinstance(node, Name) else ""
