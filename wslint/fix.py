"""Fixes: text edits on spans, applied so that none disturbs another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from wslint.rule import Edit, Finding, Fix, Span
from wslint.source import Source

ROUNDS = 10
"""Overlapping fixes take turns; findings that a fix keeps making new ones of stop here."""

_Place = tuple[int, int, str]  # start and end offset, new text


def apply(sources: Mapping[str, str], findings: Iterable[Finding], *, unsafe: bool = False) -> dict[str, str]:
    """The texts that change when one round of fixes is applied; line ends are as in the sources.

    A fix is applied as a whole or not at all. Of fixes that overlap the first, in the order of the findings, wins; the
    others wait for the next round. Edits that several fixes share are made once; insertions at one place keep their
    order.
    """
    chosen = _Chosen({path: Source(text) for path, text in sources.items()})
    for finding in findings:
        if finding.fix is not None and (unsafe or finding.fix.safe):
            chosen.offer(finding.fix)
    return {path: text for path in sorted(chosen.places) if (text := chosen.text(path)) != sources[path]}


def settle(
    sources: Mapping[str, str],
    check: Callable[[Mapping[str, str]], Sequence[Finding]],
    *,
    unsafe: bool = False,
    rounds: int = ROUNDS,
) -> dict[str, str]:
    """Apply fixes and check again until nothing is left to fix; the texts that changed."""
    now = dict(sources)
    for _ in range(rounds):
        changed = apply(now, check(now), unsafe=unsafe)
        if not changed:
            break
        now.update(changed)
    return {path: text for path, text in now.items() if text != sources[path]}


class _Chosen:
    """The edits taken so far, file by file, in the order in which they were taken."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = sources
        self.places: dict[str, list[_Place]] = {}

    def offer(self, fix: Fix) -> bool:
        """Take a fix unless one of its edits disturbs one that was taken before, or a file is not here."""
        wanted: dict[str, list[_Place]] = {}
        for edit in fix.edits:
            path = edit.location.path
            if path not in self.sources:
                return False
            place = self._place(edit)
            taken = self.places.get(path, [])
            if place in taken or place in wanted.get(path, []):
                continue
            if any(_disturb(place, other) for other in (*taken, *wanted.get(path, []))):
                return False
            wanted.setdefault(path, []).append(place)
        for path, places in wanted.items():
            self.places.setdefault(path, []).extend(places)
        return True

    def _place(self, edit: Edit) -> _Place:
        source, span = self.sources[edit.location.path], edit.location.span
        start = source.offset(span.line, span.column)
        text = _with_tabs(edit.text, source, span)
        if "\r\n" in source.text:
            text = text.replace("\r\n", "\n").replace("\n", "\r\n")
        return start, max(start, source.offset(span.end_line, span.end_column)), text

    def text(self, path: str) -> str:
        text, out, at = self.sources[path].text, [], 0
        for start, end, new in sorted(self.places[path], key=lambda place: place[:2]):
            out += [text[at:start], new]
            at = end
        return "".join([*out, text[at:]])


def _with_tabs(text: str, source: Source, span: Span) -> str:
    """New lines as a file wants them that is indented by tabs: rules write a blank for each column, four for a step."""
    whole = span.column == 1
    line = source.line(span.line - 1 if whole else span.line)  # whole lines go with those above them
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" not in indent:
        return text

    def indented(blanks: re.Match[str]) -> str:
        return indent[: len(blanks[0])] + "\t" * -((len(indent) - len(blanks[0])) // 4)

    return re.sub(r"^ +" if whole else r"(?<=\n) +", indented, text, flags=re.MULTILINE)


def _disturb(one: _Place, other: _Place) -> bool:
    """Do two edits overlap? Insertions at one place, or at the edge of a replacement, do not."""
    return one[0] < other[1] and other[0] < one[1]
