"""The format for people: what is wrong, where, what they will see and how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wslint.report.frame import Frame, drawn
from wslint.report.model import Report
from wslint.report.terminal import Style, clean, wrapped
from wslint.rule import Finding, Level, Related

LEVEL_COLOURS = {Level.ERROR: ("red", "bold"), Level.WARNING: ("yellow", "bold"), Level.INFO: ("cyan", "bold")}

_LABEL = 17  # cells that "  you will see   " takes


def render(report: Report, style: Style, shown: Callable[[str], str] = str) -> Iterator[str]:
    """Lines for a terminal; `shown` turns a path of the report into one that the reader can open."""
    for finding in report.findings:
        yield from _finding(finding, report, style, shown)
        yield ""


def _finding(finding: Finding, report: Report, style: Style, shown: Callable[[str], str]) -> Iterator[str]:
    location, colours = finding.location, LEVEL_COLOURS[finding.level]
    place = f"{clean(shown(location.path))}:{location.span.line}:{location.span.column}"
    code, level = style(finding.code, *colours), style(finding.level.value, *colours)
    yield f"{style(place, 'bold')}  {code} {finding.name}  {level}"
    gutter = max(5, *(len(str(line)) + 1 for line in _last_lines(finding)))
    frame = Frame(gutter, "^", style, colours)
    if report.line(location.path, location.span.line):
        yield from drawn(lambda number: report.line(location.path, number), location.span, finding.message, frame)
    else:
        yield "  " + "\n  ".join(line.strip() for line in wrapped(finding.message, 2))
    for related in finding.related:
        yield from _related(related, report, Frame(gutter, "~", style, ("blue",)), shown)
    for label, text in (("you will see", finding.symptom), ("mend", finding.hint)):
        if text:
            first, *rest = wrapped(text, _LABEL)
            yield f"  {style(f'{label:<15}', 'bold')}{first}"
            yield from rest


def _related(related: Related, report: Report, frame: Frame, shown: Callable[[str], str]) -> Iterator[str]:
    path, span = related.location.path, related.location.span
    first, *rest = wrapped(related.message, 4)
    yield f"  {frame.style(f'{clean(shown(path))}:{span.line}', 'bold')}   {first}"
    yield from rest
    if report.line(path, span.line):
        yield from drawn(lambda number: report.line(path, number), span, "", frame, context=0)


def _last_lines(finding: Finding) -> list[int]:
    return [place.span.end_line for place in (finding.location, *(related.location for related in finding.related))]
