"""Regular expressions as languages: which words they take, words that tell two apart, and where they backtrack.

Each is an automaton whose states are the places of its characters (Glushkov's construction), so that a way that can be
gone twice shows as a state that follows twice. `^` and `$` are characters of their own around each word.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

START, END = "\x02", "\x03"
MAX_STATES = 400
MAX_STEPS = 20_000
"""How far a question is followed; beyond it there is no answer."""

_UNSUPPORTED_FLAGS = re.IGNORECASE | re.MULTILINE | re.ASCII | re.LOCALE
_READABLE = "a1/-_.b Z0!~éЖ٣€\u2003"
"""Characters of every kind that classes tell apart, those that read best first."""


class NoAnswer(Exception):
    """The expression has what no automaton can express, or the question leads too far."""


@dataclass(frozen=True)
class Characters:
    """A set of characters: single ones, ranges and categories, or all but these; `everywhere` also START and END."""

    ranges: tuple[tuple[str, str], ...] = ()
    categories: tuple[str, ...] = ()
    negated: bool = False
    everywhere: bool = False

    def __contains__(self, char: str) -> bool:
        if char in (START, END):
            return self.everywhere or (char, char) in self.ranges
        inside = any(low <= char <= high for low, high in self.ranges) or any(
            _is_in(category, char) for category in self.categories
        )
        return inside is not self.negated


@dataclass(frozen=True)
class _Part:
    """A part of an expression: the states it can begin and end with; one that can be reached twice is there twice."""

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    empty: bool = True


class Language:
    """The words that an expression takes: anywhere in them like `search`, or `whole` like `fullmatch`."""

    def __init__(self, expression: str, *, whole: bool) -> None:
        self.sets: list[Characters] = []
        self.follow: list[list[int]] = []
        body = self._sequence(_parsed(expression))
        self.body = range(len(self.sets))
        if whole:
            before = _optional(self._one(Characters(((START, START),))))
            after = _optional(self._one(Characters(((END, END),))))
        else:
            before, after = (_optional(self._looped(self._one(_ANYTHING))) for _ in range(2))
        part = self._joined(self._joined(before, body), after)
        self.first, self.last = frozenset(part.first), frozenset(part.last)

    # --- reading ---

    def _one(self, characters: Characters) -> _Part:
        if len(self.sets) >= MAX_STATES:
            raise NoAnswer
        self.sets.append(characters)
        self.follow.append([])
        state = len(self.sets) - 1
        return _Part((state,), (state,), False)

    def _sequence(self, items: Iterable[tuple[Any, Any]]) -> _Part:
        part = _Part()
        for kind, value in items:
            part = self._joined(part, self._item(str(kind), value))
        return part

    def _item(self, kind: str, value: Any) -> _Part:
        match kind:
            case "LITERAL" | "NOT_LITERAL":
                return self._one(Characters(((chr(value), chr(value)),), negated=kind == "NOT_LITERAL"))
            case "ANY":
                return self._one(Characters(negated=True))
            case "IN":
                return self._one(_class(value))
            case "SUBPATTERN":
                _, added, removed, inner = value
                if added or removed:
                    raise NoAnswer
                return self._sequence(inner)
            case "BRANCH":
                parts = [self._sequence(branch) for branch in value[1]]
                return _Part(
                    tuple(state for part in parts for state in part.first),
                    tuple(state for part in parts for state in part.last),
                    any(part.empty for part in parts),
                )
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeated(*value)
            case "AT" if str(value) in _ANCHORS:
                char = _ANCHORS[str(value)]
                return self._one(Characters(((char, char),)))
            case _:
                raise NoAnswer

    def _repeated(self, low: int, high: Any, inner: Sequence[tuple[Any, Any]]) -> _Part:
        endless = str(high) == "MAXREPEAT"
        part = _Part()
        for _ in range(low - 1 if endless and low else low):
            before = len(self.sets)
            part = self._joined(part, self._sequence(inner))
            if len(self.sets) == before:  # nothing, however often
                break
        if endless:
            again = self._looped(self._sequence(inner))
            return self._joined(part, again if low else _optional(again))
        rest = _Part()
        for _ in range(int(high) - low):
            before = len(self.sets)
            rest = _optional(self._joined(self._sequence(inner), rest))
            if len(self.sets) == before:
                break
        return self._joined(part, rest)

    def _joined(self, left: _Part, right: _Part) -> _Part:
        for state in left.last:
            self.follow[state].extend(right.first)
        return _Part(
            left.first + (right.first if left.empty else ()),
            right.last + (left.last if right.empty else ()),
            left.empty and right.empty,
        )

    def _looped(self, part: _Part) -> _Part:
        for state in part.last:
            self.follow[state].extend(part.first)
        return part

    # --- running ---

    @property
    def begin(self) -> frozenset[int]:
        """The states in which a word begins."""
        return frozenset(state for state in self.first if START in self.sets[state])

    def after(self, states: frozenset[int], char: str) -> frozenset[int]:
        return frozenset(
            following for state in states for following in self.follow[state] if char in self.sets[following]
        )

    def ends(self, states: frozenset[int]) -> bool:
        """May a word end in one of some states?"""
        return bool(self.after(states, END) & self.last)

    def takes(self, word: str) -> bool:
        """Is a word one of the language?"""
        states = self.begin
        for char in word:
            states = self.after(states, char)
        return self.ends(states)

    @property
    def crosses(self) -> bool:
        """Has it a part like `.*` that goes on over slashes?"""
        return any(
            state in self.follow[state] and all(char in self.sets[state] for char in "/a1") for state in self.body
        )


def witness(takes: Sequence[Language], avoids: Language | None = None) -> str | None:
    """A shortest word that some languages take and another does not; None when there is none.

    Words begin with no slash, as the paths that a URLRouter tries.
    """
    languages = [*takes, *([] if avoids is None else [avoids])]
    alphabet = _alphabet(languages)
    begin = tuple(language.begin for language in languages)
    seen, queue = {begin}, deque([("", begin)])
    while queue:
        word, states = queue.popleft()
        ends = [language.ends(state) for language, state in zip(languages, states, strict=True)]
        if all(ends[: len(takes)]) and not any(ends[len(takes) :]):
            return word
        for char in alphabet:
            if char == "/" and not word:
                continue
            after = tuple(language.after(state, char) for language, state in zip(languages, states, strict=True))
            if all(after[: len(takes)]) and after not in seen:
                seen.add(after)
                queue.append((word + char, after))
        if len(seen) > MAX_STEPS:
            raise NoAnswer
    return None


def pump(language: Language) -> tuple[str, str, str] | None:
    """A beginning, a middle and an end so that trying beginning + middle × n + end takes time that doubles with n.

    That is so where one word leads from a state back to it in two ways, and what follows can fail: every combination of
    the ways is tried before that is known.
    """
    alphabet = _alphabet([language])
    chars = [[char for char in alphabet if char in characters] for characters in language.sets]
    steps = count()
    for state in language.body:
        middle = _two_ways(language, state, chars, steps)
        if not middle:
            continue
        beginning = _way_to(language, state, alphabet)
        for end in ("", *alphabet, *(a + b for a in alphabet[:8] for b in alphabet[:8])):
            if beginning is not None and not language.takes(beginning + middle * 3 + end):
                return beginning, middle, end
    return None


def _two_ways(language: Language, state: int, chars: Sequence[Sequence[str]], steps: Iterator[int]) -> str:
    """A word that leads from a state back to it in two ways; empty when there is none."""
    begin = (state, state, False)
    seen, queue = {begin}, deque([("", begin)])
    while queue:
        word, (left, right, apart) = queue.popleft()
        for i, after_left in enumerate(language.follow[left]):
            for j, after_right in enumerate(language.follow[right]):
                if next(steps) > MAX_STEPS * 10:
                    raise NoAnswer
                char = next((char for char in chars[after_left] if char in chars[after_right]), None)
                now = (after_left, after_right, apart or after_left != after_right or (left == right and i != j))
                if char is None or now in seen:
                    continue
                if now == (state, state, True):
                    return word + char
                seen.add(now)
                queue.append((word + char, now))
        if len(seen) > MAX_STEPS:
            raise NoAnswer
    return ""


def _way_to(language: Language, state: int, alphabet: Sequence[str]) -> str | None:
    """A shortest word that leads to a state."""
    queue = deque(("", begin) for begin in sorted(language.begin))
    seen = set(language.begin)
    while queue:
        word, here = queue.popleft()
        if here == state:
            return word
        for following in language.follow[here]:
            char = next((char for char in alphabet if char in language.sets[following]), None)
            if char is not None and following not in seen:
                seen.add(following)
                queue.append((word + char, following))
    return None


def _alphabet(languages: Sequence[Language]) -> list[str]:
    """One character for each combination of sets that holds any, the readable ones first."""
    sets = [characters for language in languages for characters in language.sets]
    edges = {edge for characters in sets for bounds in characters.ranges for edge in bounds}
    near = {chr(ord(edge) + step) for edge in edges for step in (-1, 1) if 32 < ord(edge) < 0xD7FF}
    written = [chr(code) for code in range(33, 127)]
    found: dict[tuple[bool, ...], str] = {}
    for char in (*_READABLE, *written, *sorted((edges | near) - {START, END})):
        found.setdefault((char == "/", *(char in characters for characters in sets)), char)
    return list(found.values())


_ANYTHING = Characters(negated=True, everywhere=True)

_ANCHORS = {
    "AT_BEGINNING": START,
    "AT_BEGINNING_STRING": START,
    "AT_END": END,
    "AT_END_STRING": END,
}


def _optional(part: _Part) -> _Part:
    return _Part(part.first, part.last, True)


def _class(items: Iterable[tuple[Any, Any]]) -> Characters:
    ranges: list[tuple[str, str]] = []
    categories: list[str] = []
    negated = False
    for kind, value in items:
        match str(kind):
            case "NEGATE":
                negated = True
            case "LITERAL":
                ranges.append((chr(value), chr(value)))
            case "RANGE":
                ranges.append((chr(value[0]), chr(value[1])))
            case "CATEGORY":
                categories.append(str(value))
            case _:
                raise NoAnswer
    return Characters(tuple(ranges), tuple(categories), negated)


def _is_in(category: str, char: str) -> bool:
    name = category.removeprefix("CATEGORY_")
    kind = name.removeprefix("NOT_")
    if kind == "DIGIT":
        inside = unicodedata.category(char) == "Nd"
    elif kind == "SPACE":
        inside = char.isspace()
    elif kind == "WORD":
        inside = char.isalnum() or char == "_"
    else:
        raise NoAnswer
    return inside is (kind == name)


def _parsed(expression: str) -> Iterator[tuple[Any, Any]]:
    """The expression as Python's own parser reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parser = importlib.import_module("re._parser")
        except ImportError:  # before Python 3.11
            parser = importlib.import_module("sre_parse")
        try:
            parsed = parser.parse(expression)
        except (re.error, RecursionError, OverflowError) as failure:
            raise NoAnswer from failure
    if parsed.state.flags & _UNSUPPORTED_FLAGS:
        raise NoAnswer
    return iter(parsed)
