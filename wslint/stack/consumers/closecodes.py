"""Close codes: the numbers that an expression can be, and what the code around calls them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator

from wslint.facts import model as m
from wslint.location import Location
from wslint.stack.code.values import Display, ExternalValue, Literal, Value
from wslint.stack.model import Setting, Stack

ARITHMETIC: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_FILLERS = frozenset("ws websocket socket close closed code codes error err status".split())
"""Words that say of a constant that it is a close code, not what it means."""


def numbers(stack: Stack, value: Value) -> Iterator[tuple[object, Location]]:
    """The literals that a value can be: through arithmetic and Django's settings too."""
    match value:
        case Literal():
            yield value.value, value.frame.at(value.node)
        case Display(node=m.BinaryOp() as node, frame=frame):
            left, right = (stack.values.constant(side, frame) for side in (node.left, node.right))
            if type(left) is int and type(right) is int and node.op in ARITHMETIC:
                yield ARITHMETIC[node.op](left, right), frame.at(node)
        case ExternalValue(dotted=dotted) if dotted.startswith("django.conf.settings."):
            for setting in _settings(stack, dotted):
                for inner in stack.values.of(setting.expr, setting.frame):
                    if isinstance(inner, Literal):
                        yield inner.value, setting.location


def _settings(stack: Stack, dotted: str) -> Iterator[Setting]:
    for settings in stack.settings:
        yield from settings.get(dotted.rpartition(".")[2])


def names(value: Value) -> list[str]:
    """What the code calls a value: the constants, settings or members of an enum that are bound to it."""
    match value:
        case Literal(node=node, frame=frame):
            return frame.scope.names_of(node)
        case ExternalValue(dotted=dotted):
            return [dotted.rpartition(".")[2]]
        case _:
            return []


def meaning(text: str) -> frozenset[str]:
    """The words of a constant's name, or of a text, that say what a code means."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return frozenset(re.findall(r"[^\W_]+", apart.lower())) - _FILLERS
