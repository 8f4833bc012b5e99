"""The Redis hosts of a channel layer, in the forms that channels-redis takes and in those that it does not (L02)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.location import Location
from wslint.stack.code.lists import Lists
from wslint.stack.code.values import CallValue, Display, Frame, Literal
from wslint.stack.layers.layers import dict_entries
from wslint.stack.model import Stack
from wslint.stack.settings.environment import (
    Option,
    environment_value,
    is_text,
    start_with_defaults,
    text_with_defaults,
)

SCHEMES = ("redis://", "rediss://", "unix://")


@dataclass(eq=False)
class Host:
    """One entry of a hosts list. `kind` is "url", "pair", "dict", "number", "none" or "unknown".

    `start` is what a URL (or the host of a pair) begins with as far as it is known, `whole` says that there is no more;
    `text` is all that is known of it; `keys` are those of a dict (None when there may be others).
    """

    expr: m.Expr
    frame: Frame
    kind: str
    start: str = ""
    whole: bool = False
    sequence: str = ""
    text: str = ""
    keys: Mapping[str, tuple[Option, ...]] | None = None

    @property
    def location(self) -> Location:
        return self.frame.at(self.expr)

    @property
    def without_scheme(self) -> bool:
        """Is it surely no URL that redis-py can read?"""
        if self.start.startswith(SCHEMES):
            return False
        return self.whole or not any(scheme.startswith(self.start) for scheme in SCHEMES)


@dataclass(eq=False)
class Hosts:
    """What a hosts option is; `text` when it surely is a str, `sequence` the display it is written as."""

    option: Option
    hosts: tuple[Host, ...]
    complete: bool
    text: bool = False


def hosts_of(stack: Stack, option: Option) -> Hosts:
    """The hosts that an option lists."""
    values = stack.values.of(option.expr, option.frame)
    if values and all(is_text(value, stack) for value in values):
        return Hosts(option, (), True, text=True)
    items = Lists(stack.values).of(option.expr, option.frame)
    hosts = tuple(host_of(stack, expr, frame) for expr, frame in items.items)
    return Hosts(option, hosts, items.complete and len(values) == 1)


def host_of(stack: Stack, expr: m.Expr, frame: Frame) -> Host:
    """What one entry of a hosts list is."""
    value = stack.values.one(expr, frame)
    match value:
        case Literal(value=None):
            return Host(expr, frame, "none")
        case Literal(value=bool() | int() | float()) | CallValue(dotted="builtins.int"):
            return Host(expr, frame, "number")
        case Display(node=m.Sequence(kind=kind, items=items), frame=home) if items and kind in ("list", "tuple"):
            first = _text_host(stack, items[0], home)
            return Host(expr, frame, "pair", first.start, first.whole, kind)
        case Display(node=m.Dict() | m.BinaryOp(op="|")) | CallValue(dotted="builtins.dict"):
            entries, complete = dict_entries(stack, expr, frame)
            return Host(expr, frame, "dict", keys=entries if complete else None)
    return _text_host(stack, expr, frame)


def _text_host(stack: Stack, expr: m.Expr, frame: Frame) -> Host:
    patterns = stack.texts.of(expr, frame)
    if len(patterns) != 1:
        return Host(expr, frame, "unknown")
    pattern = patterns[0]
    whole = text_with_defaults(pattern, stack)
    if whole:  # an empty default stands for "not set", which code like `if REDIS_URL:` tests
        return Host(expr, frame, "url", whole, True, text=whole)
    start = start_with_defaults(pattern, stack)
    value = stack.values.one(expr, frame)
    known = is_text(value, stack) or environment_value(value)
    text = start + "".join(pattern.texts)
    return Host(expr, frame, "url" if known else "unknown", start, text=text)
