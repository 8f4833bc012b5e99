"""Shell text → simple commands, as far as a command line in a script, Dockerfile or compose file needs it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_SPACE = re.compile(r"(?:[ \t]|\\\r?\n)+")
_PLAIN = re.compile(r"[^\s\\'\"$`;&|()<>#]+")
_SINGLE = re.compile(r"'([^']*)'?")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\[\s\S])*)"?')
_BRACED = re.compile(r"\$\{[^{}\n]*(?:\{[^{}\n]*\}[^{}\n]*)*\}")
_COMMAND = re.compile(r"\$\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_REDIRECT = re.compile(r"\d*(?:>>|>\||>&|<&|>|<<<|<)(?:&?\d+(?=\s|$)|-(?=\s|$)|[ \t]*(?=\S))")
_HEREDOC = re.compile(r"<<-?[ \t]*(['\"]?)(\w+)\1")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?([-=+?])((?:[^{}]|\{[^{}]*\})*))?\}|(\w+))")
_LONGEST_VALUE = 500
_KEYWORDS = frozenset({"then", "else", "elif", "do", "if", "while", "until", "!", "{", "}", "time", "fi", "done"})


class Word(NamedTuple):
    """One word, without its quotes, and where it stands in the text."""

    text: str
    start: int
    end: int


def simple_commands(text: str) -> Iterator[list[Word]]:
    """The words of every simple command, in order; keywords, redirections and comments are gone. Linear, never raises.

    Quotes are removed, variables stay as written, `$( … )` stays one piece of its word.
    """
    words: list[Word] = []
    place = 0
    end = len(text)
    heredocs: list[str] = []
    while place < end:
        space = _SPACE.match(text, place)
        if space:
            place = space.end()
            continue
        mark = text[place]
        if mark == "#":
            place = _end_of_line(text, place)
            continue
        heredoc = _HEREDOC.match(text, place) if mark == "<" else None
        if heredoc:
            heredocs.append(heredoc[2])
            place = heredoc.end()
            continue
        redirect = _REDIRECT.match(text, place)
        if redirect:
            place = redirect.end()
            if redirect[0][-1:] in "<> \t|&":
                place = _word(text, place).end
            continue
        if mark == "(" and words and words[-1].end == place and words[-1].text.endswith("="):  # an array
            close = text.find(")", place)
            place = end if close < 0 else close + 1
            continue
        if mark in ";&|()\n\r":
            if words:
                yield words
                words = []
            place += 1
            if mark == "\n":
                for name in heredocs:
                    place = _after_heredoc(text, place, name)
                heredocs.clear()
            continue
        word = _word(text, place)
        if words or word.text not in _KEYWORDS:
            words.append(word)
        place = max(word.end, place + 1)
    if words:
        yield words


def assignments(words: list[Word]) -> int:
    """How many `NAME=value` words a command starts with."""
    count = 0
    while count < len(words) and _ASSIGNMENT.match(words[count].text):
        count += 1
    return count


def expand(text: str, variables: Mapping[str, str]) -> str | None:
    """The text with `$NAME`, `${NAME}` and `${NAME:-default}` filled in; None when something stays open."""
    missing = False

    def fill(found: re.Match[str]) -> str:
        nonlocal missing
        value = variables.get(found[1] or found[4])
        if value is None and found[2] in ("-", "="):
            value = found[3]
        if value is None or len(value) > _LONGEST_VALUE:
            missing = True
            return ""
        return value

    for _ in range(3):  # a value may hold variables itself
        if "$" not in text:
            break
        if len(text) > 10 * _LONGEST_VALUE:
            return None
        text = _VARIABLE.sub(fill, text)
        if missing:
            return None
    return None if "$" in text or "`" in text else text


def _word(text: str, place: int) -> Word:
    start = place
    end = len(text)
    pieces: list[str] = []
    while place < end:
        mark = text[place]
        if mark == "#" and pieces:
            pieces.append(mark)
            place += 1
            continue
        if mark in " \t\r\n;&|()<>#":
            break
        if mark == "\\":
            if text[place + 1 : place + 2] != "\n":
                pieces.append(text[place + 1 : place + 2])
            place += 2
            continue
        if mark == "$":
            stop = _substitution(text, place)
            pieces.append(text[place:stop])
            place = stop
            continue
        if mark == "`":
            close = text.find("`", place + 1)
            stop = close + 1 if close >= 0 else end
            pieces.append(text[place:stop])
            place = stop
            continue
        quoted = _SINGLE.match(text, place) or _DOUBLE.match(text, place)
        if quoted:
            pieces.append(quoted[1] if mark == "'" else re.sub(r"\\([\"\\$`])|\\\n", r"\1", quoted[1]))
            place = quoted.end()
            continue
        plain = _PLAIN.match(text, place)
        stop = plain.end() if plain else place + 1
        pieces.append(text[place:stop])
        place = stop
    return Word("".join(pieces), start, min(place, end))


def _substitution(text: str, place: int) -> int:
    """Where the `$…` at `place` ends."""
    braced = _BRACED.match(text, place)
    if braced:
        return braced.end()
    command = _COMMAND.match(text, place)
    return command.end() if command else place + 1


def _end_of_line(text: str, place: int) -> int:
    end = text.find("\n", place)
    return len(text) if end < 0 else end


def _after_heredoc(text: str, place: int, name: str) -> int:
    closing = re.compile(rf"^\t*{re.escape(name)}$", re.MULTILINE).search(text, place)
    return closing.end() if closing else len(text)
