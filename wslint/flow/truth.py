"""What is known of a value: that it is true or false, None, or a literal."""

from __future__ import annotations

from dataclasses import dataclass

from wslint.facts import model as m


class Unsure:
    """The value of an expression of which nothing is known."""

    def __repr__(self) -> str:
        return "?"


@dataclass(frozen=True)
class Exactly:
    """A value that is this literal."""

    literal: bool | str | int | float

    def __bool__(self) -> bool:
        return bool(self.literal)


UNSURE = Unsure()
Sure = bool | Exactly | None
Truth = Sure | Unsure
"""True and False stand for any true and false value, None for None, or it is a literal."""


def literal_truth(node: m.Constant) -> Sure:
    """What a literal is as a value."""
    return None if node.value is None else Exactly(node.value)


def structured(node: m.Expr) -> Truth:
    """Whether a display is empty."""
    if isinstance(node, m.Dict):
        return _filled([item.value if item.key is not None else None for item in node.items])
    if isinstance(node, m.Sequence):
        return _filled([None if isinstance(item, m.Starred) else item for item in node.items])
    return UNSURE


def _filled(items: list[m.Expr | None]) -> Truth:
    """`None` stands for what may spread to nothing."""
    if any(item is not None for item in items):
        return True
    return UNSURE if items else False


def opposite(value: Truth) -> Truth:
    return value if isinstance(value, Unsure) else Exactly(not value)


def compared(value: Truth, right: bool | str | int | float | None, same: bool) -> Truth:
    """What `value == right` (or `!=`, when not `same`) is."""
    if isinstance(value, Unsure):
        return UNSURE
    if isinstance(value, Exactly):
        return (value.literal == right and isinstance(right, str) is isinstance(value.literal, str)) is same
    if value is None:
        return (right is None) is same
    return UNSURE if bool(right) is value else not same
