"""Text for terminals: colour, widths in cells, and nothing in it that could steer the terminal."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

TAB = 4
WIDTH = 100  # cells to which prose is wrapped, the same everywhere so that output does not depend on the terminal

_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


@dataclass(frozen=True)
class Style:
    """ANSI colours, or none."""

    enabled: bool = False

    def __call__(self, text: str, *names: str) -> str:
        if not self.enabled or not text:
            return text
        return f"\x1b[{';'.join(_SGR[name] for name in names)}m{text}\x1b[0m"


_SGR = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """NO_COLOR wins over FORCE_COLOR; else colour is for terminals only."""
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return stream.isatty() and environment.get("TERM") != "dumb"


def clean(text: str) -> str:
    """One line of text with control and direction characters spelled out: source must not steer the terminal."""
    return _UNSAFE.sub(lambda match: _spelled(match[0]), text)


def width(text: str) -> int:
    """How many cells a terminal gives to the text."""
    return sum(_cells(character) for character in text)


def laid_out(line: str) -> tuple[str, list[int]]:
    """A source line as shown, and the cell at which each of its characters begins (one more for its end)."""
    shown: list[str] = []
    starts: list[int] = []
    at = 0
    for character in line:
        starts.append(at)
        if character == "\t":
            piece = " " * (TAB - at % TAB)
        elif _UNSAFE.match(character):
            piece = _spelled(character)
        else:
            piece = character
        shown.append(piece)
        at += width(piece)
    return "".join(shown), [*starts, at]


def wrapped(text: str, indent: int) -> list[str]:
    """Prose in lines that fit beside an indent; the first is not indented."""
    lines = wrap(clean(text.replace("\n", " ")), max(WIDTH - indent, 40))
    return [lines[0], *(" " * indent + line for line in lines[1:])] if lines else [""]


def wrap(text: str, cells: int) -> list[str]:
    """Break prose at spaces, but not inside `code`."""
    held = re.sub(r"`[^`\n]{1,40}`", lambda match: match[0].replace(" ", "\0"), text)
    lines = textwrap.wrap(held, cells, break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _cells(character: str) -> int:
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
