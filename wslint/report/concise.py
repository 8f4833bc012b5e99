"""One line for each finding: `path:line:column: CODE name message`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wslint.report.model import Report
from wslint.report.terminal import clean


def render(report: Report, shown: Callable[[str], str] = str) -> Iterator[str]:
    for finding in report.findings:
        span = finding.location.span
        message = clean(finding.message.replace("\n", " "))
        place = f"{clean(shown(finding.location.path))}:{span.line}:{span.column}"
        yield f"{place}: {finding.code} {finding.name} {message}"
