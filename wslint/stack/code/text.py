"""Strings with holes: what a group name, a route or a path can be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from wslint.facts import model as m
from wslint.stack.code.values import CallValue, Display, ExternalValue, Frame, Grown, Literal, Value, Values, argument

MAX_PATTERNS = 16
MAX_STEPS = 2000
"""How many values one text may be put together from."""


@dataclass(eq=False, frozen=True)
class Hole:
    """A part of a string that is not literal: the expression that fills it (None when unknown)."""

    expr: m.Expr | None
    frame: Frame | None
    value: Value | None = None


Part = str | Hole


@dataclass(eq=False, frozen=True)
class Pattern:
    """Literal text and holes in order; `node` is the expression that it was read from."""

    parts: tuple[Part, ...]
    node: m.Node
    frame: Frame

    @property
    def literal(self) -> str | None:
        """The text, when there is no hole."""
        if all(isinstance(part, str) for part in self.parts):
            return "".join(part for part in self.parts if isinstance(part, str))
        return None

    @property
    def texts(self) -> tuple[str, ...]:
        """The literal parts."""
        return tuple(part for part in self.parts if isinstance(part, str))

    @property
    def holes(self) -> tuple[Hole, ...]:
        return tuple(part for part in self.parts if isinstance(part, Hole))

    @property
    def unknown(self) -> bool:
        """Nothing literal at all: it could be any string."""
        return not any(self.texts)

    def __str__(self) -> str:
        return "".join(part if isinstance(part, str) else "{…}" for part in self.parts)

    def could_equal(self, other: Pattern) -> bool:
        """Could both name the same string? Holes stand for any text."""
        return _intersect(_symbols(self), _symbols(other))


_ANY = None


def _symbols(pattern: Pattern) -> tuple[str | None, ...]:
    out: list[str | None] = []
    for part in pattern.parts:
        if isinstance(part, str):
            out.extend(part)
        elif not out or out[-1] is not _ANY:
            out.append(_ANY)
    return tuple(out)


def _intersect(left: tuple[str | None, ...], right: tuple[str | None, ...]) -> bool:
    """Do two sequences of characters and any-text marks have a common string?"""
    reachable = {(0, 0)}
    work = [(0, 0)]
    while work:
        i, j = work.pop()
        if i == len(left) and j == len(right):
            return True
        steps: list[tuple[int, int]] = []
        a = left[i] if i < len(left) else ""
        b = right[j] if j < len(right) else ""
        if a is _ANY:
            steps.append((i + 1, j))
            if j < len(right):
                steps.append((i, j + 1))
        if b is _ANY:
            steps.append((i, j + 1))
            if i < len(left):
                steps.append((i + 1, j))
        if a is not _ANY and b is not _ANY and a and a == b:
            steps.append((i + 1, j + 1))
        for step in steps:
            if step not in reachable:
                reachable.add(step)
                work.append(step)
    return False


class Texts:
    """Reads expressions as patterns."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self._steps = 0

    def of(self, expr: m.Expr, frame: Frame) -> list[Pattern]:
        """The possible patterns of an expression; a lone hole when nothing is known."""
        found: list[Pattern] = []
        self._steps = 0
        values = self.values.of(expr, frame)
        texts = [value for value in values if not (isinstance(value, Literal) and value.value is None)]
        for value in texts or values:
            for parts in self._parts(value, expr, frame, 0):
                found.append(Pattern(_merge(parts), expr, frame))
                if len(found) >= MAX_PATTERNS:
                    return [*found, Pattern((Hole(expr, frame),), expr, frame)]
        return found

    def _parts(self, value: Value, expr: m.Expr, frame: Frame, depth: int) -> Iterator[tuple[Part, ...]]:
        self._steps += 1
        if depth > 8 or self._steps > MAX_STEPS:
            yield (Hole(expr, frame, value),)
            return
        match value:
            case Literal(node=m.Constant(value=str() as text)):
                yield (text,)
            case Literal(node=m.Constant(value=int() as number)) if not isinstance(number, bool):
                yield (str(number),)
            case Display(node=m.FString(parts=parts), frame=inner):
                yield from self._product([self._inner(part, inner, depth) for part in parts])
            case Display(node=m.BinaryOp(op="+", left=left, right=right), frame=inner):
                yield from self._product([self._inner(left, inner, depth), self._inner(right, inner, depth)])
            case Display(node=m.BinaryOp(op="%", left=left, right=right), frame=inner):
                yield from self._formatted(left, right, inner, value, expr, frame, depth)
            case Grown(node=grown, frame=inner) if grown.op == "+" and isinstance(grown.target, m.Name):
                before: list[tuple[Part, ...]] = []
                for prior in self.values.name(grown.target.id, inner, grown.span):
                    if isinstance(prior, Grown) and prior.node is grown:
                        before.append((Hole(grown.target, inner),))  # in a loop: any number of times
                    else:
                        before += self._parts(prior, grown.target, inner, depth + 1)
                yield from self._product([before, self._inner(grown.value, inner, depth)])
            case CallValue():
                yield from self._call(value, expr, frame, depth)
            case ExternalValue(dotted=dotted) if isinstance(constant := self.values.outside.constant(dotted), str):
                yield (constant,)
            case _:
                yield (Hole(expr, frame, value),)

    def _inner(self, expr: m.Expr, frame: Frame, depth: int) -> list[tuple[Part, ...]]:
        return [parts for value in self.values.of(expr, frame) for parts in self._parts(value, expr, frame, depth + 1)]

    def _product(self, choices: list[list[tuple[Part, ...]]]) -> Iterator[tuple[Part, ...]]:
        for count, combination in enumerate(product(*choices)):
            if count >= MAX_PATTERNS:
                yield (Hole(None, None),)
                return
            yield tuple(part for parts in combination for part in parts)

    def _formatted(
        self, left: m.Expr, right: m.Expr, inner: Frame, value: Value, expr: m.Expr, frame: Frame, depth: int
    ) -> Iterator[tuple[Part, ...]]:
        template = self.values.constant(left, inner)
        if not isinstance(template, str):
            yield (Hole(expr, frame, value),)
            return
        given = list(right.items) if isinstance(right, m.Sequence) else [right]
        choices: list[list[tuple[Part, ...]]] = []
        for piece in re.split(r"(%(?:\(\w+\))?[-+ #0]*\d*(?:\.\d+)?[sdirfx%])", template):
            if not piece.startswith("%") or piece == "%":
                choices.append([(piece,)])
            elif piece == "%%":
                choices.append([("%",)])
            elif piece == "%s" and given and not isinstance(right, m.Dict):
                choices.append(self._inner(given.pop(0), inner, depth))
            else:
                hole = given.pop(0) if given and not isinstance(right, m.Dict) else None
                choices.append([(Hole(hole, inner),)])
        yield from self._product(choices)

    def _call(self, value: CallValue, expr: m.Expr, frame: Frame, depth: int) -> Iterator[tuple[Part, ...]]:
        call, inner = value.node, value.frame
        if isinstance(call.func, m.Attribute) and call.func.attr == "format":
            template = self.values.constant(call.func.value, inner)
            if isinstance(template, str):
                yield from self._product(self._template(template, call, inner, depth))
                return
        if isinstance(call.func, m.Attribute) and call.func.attr == "join" and len(call.args) == 1:
            joined = self._join(call, inner, depth)
            if joined is not None:
                yield from self._product(joined)
                return
        if isinstance(value.callee, ExternalValue) and value.callee.dotted == "builtins.str" and len(call.args) == 1:
            yield from self._inner(call.args[0].value, inner, depth)
            return
        yield (Hole(expr, frame, value),)

    def _template(self, template: str, call: m.Call, frame: Frame, depth: int) -> list[list[tuple[Part, ...]]]:
        choices: list[list[tuple[Part, ...]]] = []
        index = 0
        for piece in re.split(r"(\{\{|\}\}|\{[^{}]*\})", template):
            if piece in ("{{", "}}") or not piece.startswith("{"):
                choices.append([(piece[:1] if piece in ("{{", "}}") else piece,)])
                continue
            field = piece[1:-1]
            given: m.Expr | None
            if field == "" or field.isdigit():
                given = argument(call, int(field) if field else index)
                index += 1
            else:
                given = argument(call, 1 << 30, field) if field.isidentifier() else None
            choices.append([(Hole(None, frame),)] if given is None else self._inner(given, frame, depth))
        return choices

    def _join(self, call: m.Call, frame: Frame, depth: int) -> list[list[tuple[Part, ...]]] | None:
        assert isinstance(call.func, m.Attribute)
        glue = self.values.constant(call.func.value, frame)
        items = self.values.one(call.args[0].value, frame)
        if not isinstance(glue, str) or not isinstance(items, Display) or not isinstance(items.node, m.Sequence):
            return None
        if any(isinstance(item, m.Starred) for item in items.node.items):
            return None
        choices: list[list[tuple[Part, ...]]] = []
        for index, item in enumerate(items.node.items):
            if index:
                choices.append([(glue,)])
            choices.append(self._inner(item, items.frame, depth))
        return choices


def _merge(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    out: list[Part] = []
    for part in parts:
        last = out[-1] if out else None
        if isinstance(part, str) and isinstance(last, str):
            out[-1] = last + part
        elif part != "":
            out.append(part)
    return tuple(out) or ("",)
