"""The last line of a report, and the count of findings by rule."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.report.full import LEVEL_COLOURS
from wslint.report.model import Report
from wslint.report.terminal import Style, plural
from wslint.rule import Level

_NOUNS = {Level.ERROR: ("error", "errors"), Level.WARNING: ("warning", "warnings"), Level.INFO: ("info", "infos")}


def render(report: Report, style: Style) -> str:
    """Files seen, files with Channels code, findings by level, suppressed."""
    if not report.findings and not report.relevant:
        where = (
            f"in {plural(report.files, 'file')}" if report.python_files else "because there are no Python files here"
        )
        return f"wslint: found no Channels code {where}; nothing to check"
    counts = [
        style(f"{count} {_NOUNS[level][count != 1]}", *LEVEL_COLOURS[level])
        for level, count in report.by_level().items()
        if count
    ]
    found = ", ".join(counts) or style("no findings", "green", "bold")
    silenced = f", {report.suppressed} suppressed" if report.suppressed else ""
    return f"wslint: {found}{silenced}; {plural(report.files, 'file')} seen, {len(report.relevant)} with Channels code"


def statistics(report: Report, style: Style) -> Iterator[str]:
    """One line for each rule that found something: how often, code, name."""
    names = {finding.code: finding.name for finding in report.findings}
    for code, count in report.by_rule().items():
        yield f"{count:>6}  {style(code, 'bold')} {names[code]}"
