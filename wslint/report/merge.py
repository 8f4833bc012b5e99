"""One report of several trees."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from msgspec.structs import replace as changed

from wslint.report.model import Crash, Report, ordered
from wslint.rule import Edit, Finding, Fix, Location, Related
from wslint.source import Source


def merged(reports: Sequence[Report]) -> Report:
    """The reports as one, its paths relative to the folder that holds all trees."""
    if len(reports) == 1:
        return reports[0]
    root = Path(os.path.commonpath([report.root for report in reports])) if reports else Path.cwd()
    rebased = [_rebased(report, report.root.relative_to(root).as_posix()) for report in reports]
    findings = [finding for report in rebased for finding in report.findings]
    sources = {report.root.relative_to(root).as_posix(): report.source for report in reports}
    return Report(
        root=root,
        findings=ordered(findings),
        files=sum(report.files for report in reports),
        python_files=sum(report.python_files for report in reports),
        relevant=frozenset(path for report in rebased for path in report.relevant),
        suppressed=sum(report.suppressed for report in reports),
        problems=tuple(sorted(problem for report in rebased for problem in report.problems)),
        internal_errors=tuple(crash for report in rebased for crash in report.internal_errors),
        notes=tuple(dict.fromkeys(note for report in reports for note in report.notes)),
        source=_source(sources),
    )


def _source(sources: dict[str, Callable[[str], Source]]) -> Callable[[str], Source]:
    # A tree inside another one is asked first: the longest prefix wins.
    prefixes = sorted(sources, key=len, reverse=True)

    def source(path: str) -> Source:
        for prefix in prefixes:
            if prefix == "." or path.startswith(f"{prefix}/"):
                return sources[prefix](path if prefix == "." else path[len(prefix) + 1 :])
        return Source("")

    return source


def _rebased(report: Report, prefix: str) -> Report:
    if prefix == ".":
        return report

    def moved(path: str) -> str:
        return prefix if path == "." else f"{prefix}/{path}"

    def at(location: Location) -> Location:
        return changed(location, path=moved(location.path))

    def finding(old: Finding) -> Finding:
        related = tuple(Related(at(other.location), other.message) for other in old.related)
        fix = old.fix and Fix(
            tuple(Edit(at(edit.location), edit.text) for edit in old.fix.edits), old.fix.safe, old.fix.title
        )
        return changed(old, location=at(old.location), related=related, fix=fix)

    return replace(
        report,
        findings=tuple(map(finding, report.findings)),
        relevant=frozenset(map(moved, report.relevant)),
        problems=tuple((moved(path), reason) for path, reason in report.problems),
        internal_errors=tuple(Crash(finding(crash.finding), crash.traceback) for crash in report.internal_errors),
    )
