"""A code frame: some lines of a file with a span underlined."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wslint.report.terminal import Style, laid_out, width, wrapped
from wslint.rule import Span

CONTEXT = 2  # lines above the span
LONGEST = 5  # lines of a span shown in full
BEFORE, ACROSS = 40, 140  # cells of a very long line: kept before the span, shown in all

Lines = Callable[[int], str]


@dataclass(frozen=True)
class Frame:
    """How to draw: the width of the line numbers, the underline's sign and colour."""

    gutter: int
    sign: str
    style: Style
    colours: tuple[str, ...]


def drawn(lines: Lines, span: Span, message: str, frame: Frame, context: int = CONTEXT) -> Iterator[str]:
    """The lines of the frame; the message stands behind the last underline, or below it when it is long."""
    bar = frame.style("|", "blue")
    empty = f"{'':>{frame.gutter}} {bar}"
    for number in range(max(span.line - context, 1), span.line):
        text = laid_out(lines(number))[0]
        if text.strip() or number > span.line - context:
            yield _numbered(number, _cropped(text, 0)[0], frame, bar)
    shown = _spanned(span)
    for index, number in enumerate(shown):
        if index and number > shown[index - 1] + 1:
            yield f"{'...':>{frame.gutter}} {bar}"
        text, start, end = _underlined(lines(number), span, number)
        text, cut = _cropped(text, start)
        start, end = start - cut, min(end - cut, width(text))
        yield _numbered(number, text, frame, bar)
        carets = frame.style(frame.sign * max(end - start, 1), *frame.colours)
        under = f"{empty} {' ' * start}{carets}"
        if number != shown[-1]:
            yield under
            continue
        told = wrapped(message, 0) if message else []
        if len(told) == 1 and max(end, start + 1) + len(told[0]) <= 100:
            yield f"{under} {frame.style(told[0], *frame.colours)}"
        else:
            yield under
            indent = min(start, 16)
            for line in wrapped(message, indent) if told else ():
                yield f"{empty} {' ' * indent}{frame.style(line.strip(), *frame.colours)}"


def _spanned(span: Span) -> list[int]:
    """The lines of a span that are shown: all, or the first ones and the last."""
    last = span.end_line - 1 if span.end_column <= 1 and span.end_line > span.line else max(span.end_line, span.line)
    if last - span.line < LONGEST:
        return list(range(span.line, last + 1))
    return [*range(span.line, span.line + LONGEST - 2), last]


def _underlined(line: str, span: Span, number: int) -> tuple[str, int, int]:
    text, cells = laid_out(line)
    indent = len(line) - len(line.lstrip())
    first = span.column - 1 if number == span.line else indent
    last = span.end_column - 1 if number == span.end_line else len(line.rstrip())
    return text, cells[min(first, len(line))], cells[max(min(last, len(line)), 0)]


def _cropped(text: str, start: int) -> tuple[str, int]:
    """A line that is too long, cut to what stands around cell `start`; and how many cells were cut before."""
    if width(text) <= ACROSS:
        return text, 0
    starts = laid_out(text)[1]
    first = bisect_left(starts, start - BEFORE) if start > ACROSS - BEFORE else 0
    last = bisect_right(starts, starts[first] + ACROSS) - 1
    head, tail = "..." if first else "", "..." if last < len(text) else ""
    return f"{head}{text[first:last]}{tail}", starts[first] - len(head)


def _numbered(number: int, text: str, frame: Frame, bar: str) -> str:
    label = frame.style(f"{number:>{frame.gutter}}", "blue")
    return f"{label} {bar} {text}".rstrip()
