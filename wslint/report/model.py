"""The result of a check: what every output format, editor and host shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from wslint.rule import Finding, Level
from wslint.source import Source


@dataclass(frozen=True)
class Crash:
    """A rule, or the engine, that raised: its finding (WS000) and the traceback for a bug report."""

    finding: Finding
    traceback: str


@dataclass(frozen=True)
class Report:
    """Findings in the order of their places, and what the check saw.

    Paths are relative to `root`, with `/`. `relevant` are the files with Channels code, `suppressed` counts findings
    that comments silenced, `problems` files that could not be read (each is a finding WS001 too, where it counts).
    """

    root: Path
    findings: tuple[Finding, ...] = ()
    files: int = 0
    python_files: int = 0
    relevant: frozenset[str] = frozenset()
    suppressed: int = 0
    problems: tuple[tuple[str, str], ...] = ()
    internal_errors: tuple[Crash, ...] = ()
    notes: tuple[str, ...] = ()
    source: Callable[[str], Source] = field(default=lambda path: Source(""), compare=False)

    def line(self, path: str, number: int) -> str:
        """A line of a file as it was when it was checked; "" when there is none."""
        return self.source(path).line(number)

    def by_level(self) -> dict[Level, int]:
        """How many findings of each level, the gravest first."""
        counts = Counter(finding.level for finding in self.findings)
        return {level: counts[level] for level in Level}

    def by_rule(self) -> dict[str, int]:
        """How many findings of each code, in the order of the codes."""
        return dict(sorted(Counter(finding.code for finding in self.findings).items()))

    @property
    def exit_status(self) -> int:
        """0 nothing to report, 1 findings, 2 wslint itself failed somewhere."""
        return 2 if self.internal_errors else 1 if self.findings else 0


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By path, line, column and code; the same on every machine."""

    def key(finding: Finding) -> tuple[object, ...]:
        span = finding.location.span
        return (finding.location.path, span.line, span.column, finding.code, span, finding.message)

    return tuple(sorted(findings, key=key))
