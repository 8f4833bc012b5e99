"""What a comment says to linters, as written: `wslint: ignore[…]`, `wslint: ignore-file[…]`, `noqa: …`.

Purely textual: which rules exist, and what a directive silences, is decided in `suppress`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from wslint.source import Source

NEEDLE = b"wslint"  # a file in another language without it holds no suppression

_OURS = re.compile(r"wslint\s*:\s*(?P<verb>[\w-]*)\s*(?P<open>\[)?(?P<list>[^\]]*)(?P<close>\])?", re.IGNORECASE)
_MEANT = re.compile(r"\bwslint\s*:\s*ignore(-file)?\s*\[", re.IGNORECASE)
_NOQA = re.compile(r"noqa(?::\s?(?P<list>(?:[A-Z]+[0-9]+(?:[,\s]+)?)+))?", re.IGNORECASE)  # as flake8 reads it
_ITEM = re.compile(r"[^,\s]+")
_NEXT_PART = re.compile(
    r"#\s*(?=(?:wslint\s*:|noqa\b|type:|pragma\b|pylint:|pyright:|mypy:|ruff:|fmt:|isort:|nosec\b))", re.IGNORECASE
)


@dataclass(frozen=True)
class Word:
    """A piece of a line; `start` and `end` are offsets in it."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Directive:
    """One thing that a comment tells a linter.

    `kind` is "ignore", "ignore-file", "noqa", or "malformed" with a `problem`. `start` and `end` are the offsets in
    `line` of the part of the comment that it fills, comment signs included; `last` when no other part follows.
    `reach` is the first line below it that it speaks to.
    """

    kind: str
    number: int
    line: str
    start: int
    end: int
    words: tuple[Word, ...] = ()
    problem: str = ""
    last: bool = True
    reach: int = 0

    @property
    def is_alone(self) -> bool:
        """Is there nothing else on the line?"""
        return not (self.line[: self.start] + self.line[self.end :]).strip()

    @property
    def is_indented(self) -> bool:
        return self.line[:1].isspace()


def in_python(source: Source, number: int, start: int, end: int) -> Iterator[Directive]:
    """The directives of the comment that fills line `number` from offset `start` to `end`."""
    line = source.line(number)
    begins = [start, *(match.start() for match in _NEXT_PART.finditer(line, start, end) if match.start() > start)]
    reach = _below(source, number) if not line[:start].strip() else number + 1
    for begin, stop in zip(begins, [*begins[1:], end], strict=True):
        body = begin + 1
        while body < stop and line[body] in "# \t:":
            body += 1
        yield from _directive(number, line, (begin, body, stop), stop == end, reach, noqa=True)


def elsewhere(path: str, source: Source) -> Iterator[Directive]:
    """The directives of a file in another language, by its comment syntax."""
    signs = _signs(path)
    if signs is None:
        return
    for number in range(1, len(source.starts) + 1):
        line = source.line(number)
        match = signs.search(line) if "wslint" in line else None
        if match is None:
            continue
        closer = _CLOSERS.get(match["sign"])
        at = line.find(closer, match.end()) if closer else -1
        stop, end = (at, at + len(closer)) if closer and at >= 0 else (len(line), len(line))
        for found in _directive(number, line, (match.start("sign"), match.end(), stop), True, number + 1, noqa=False):
            yield Directive(found.kind, number, line, found.start, end, found.words, found.problem, True, number + 1)


_CLOSERS = {"/*": "*/", "<!--": "-->", "{#": "#}"}
_HASH = re.compile(r"(?:^|(?<=\s))(?P<sign>#)\s*(?=wslint\s*:)")
_SLASHES = re.compile(r"(?P<sign>//|/\*)\s*(?=wslint\s*:)")
_MARKUP = re.compile(r"(?P<sign>//|/\*|<!--|\{#)\s*(?=wslint\s*:)")
_SCRIPTS = frozenset({".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".css", ".scss"})
_MARKUPS = frozenset({".html", ".htm", ".vue", ".svelte", ".md", ".xml"})


def _signs(path: str) -> re.Pattern[str] | None:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in (".json", ".lock", ".rst"):
        return None
    return _SLASHES if suffix in _SCRIPTS else _MARKUP if suffix in _MARKUPS else _HASH


def _directive(
    number: int, line: str, place: tuple[int, int, int], last: bool, reach: int, *, noqa: bool
) -> Iterator[Directive]:
    start, body, stop = place
    ours = _OURS.match(line, body, stop)
    if ours is not None:
        kind, words, problem = _read(ours, line)
        yield Directive(kind, number, line, start, stop, words, problem, last, reach)
    elif _MEANT.search(line, body, stop):
        problem = "it must begin the comment"
        yield Directive("malformed", number, line, start, stop, (), problem, last, reach)
    elif noqa and (match := _NOQA.match(line, body, stop)):
        words = _items(line, match.start("list"), match.end("list")) if match["list"] else ()
        if words:
            yield Directive("noqa", number, line, start, stop, words, "", last, reach)
        else:
            words = _items(line, match.end(), stop)
            yield Directive("bare noqa", number, line, start, stop, words, "", last, reach)


def _read(ours: re.Match[str], line: str) -> tuple[str, tuple[Word, ...], str]:
    verb = ours["verb"].lower()
    if verb not in ("ignore", "ignore-file"):
        said = f'"{ours["verb"]}" is not a directive' if verb else "it says nothing"
        return "malformed", (), f"{said}; the directives are ignore[…] and ignore-file[…]"
    if ours["open"] is None:
        return "malformed", (), "it names no rule, and nothing silences every rule"
    if ours["close"] is None:
        return "malformed", (), "its bracket is not closed"
    words = _items(line, ours.start("list"), ours.end("list"))
    return (verb, words, "") if words else ("malformed", (), "it names no rule, and nothing silences every rule")


def _items(line: str, start: int, end: int) -> tuple[Word, ...]:
    return tuple(Word(match[0], match.start(), match.end()) for match in _ITEM.finditer(line, start, end))


def _below(source: Source, number: int) -> int:
    """The first line after a comment on its own line that is no comment."""
    number += 1
    while source.line(number).lstrip().startswith("#"):
        number += 1
    return number
