"""Suppressions: comments that silence named rules in one place or one file, and what is wrong with them.

    # wslint: ignore[WS303] reason            on a line of the finding's primary span, or in the comment right above it
    # wslint: ignore-file[close-code-lost]    at the top level of the file
    # noqa: WS303                             on a line of the primary span; codes only

Nothing silences everything: a blanket or misspelt comment silences nothing and is reported (WS003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from wslint.comments import Directive, Word, elsewhere, in_python
from wslint.diagnostics import InternalError, InvalidSuppression, UnusedSuppression
from wslint.facts.model import Comment
from wslint.registry import Registry
from wslint.rule import Edit, Finding, Fix, Location, Rule, Span
from wslint.source import Source

WRITE = "write `# wslint: ignore[WS303] reason` with a code or name that `wslint rules` lists"

_NEVER_UNUSED = (UnusedSuppression.code, InvalidSuppression.code)


@dataclass(eq=False)
class Suppression:
    """A directive and the rules it names; `used` are the codes of the findings it silenced."""

    path: str
    directive: Directive
    rules: dict[Word, Rule]
    used: set[str] = field(default_factory=set)
    used_beside: set[str] = field(default_factory=set)

    def names(self, code: str) -> bool:
        return any(rule.code == code for rule in self.rules.values())

    def is_beside(self, finding: Finding) -> bool:
        """Does it name the finding, and stand on a line of it or speak for the whole file?"""
        first, last = _lines(finding.location.span)
        return self.names(finding.code) and (
            self.directive.kind == "ignore-file" or first <= self.directive.number <= last
        )

    def is_above(self, finding: Finding) -> bool:
        """Does it name the finding, and stand right above it?

        A comment behind code that already silenced a finding on its own line does not reach the next one.
        """
        return (
            self.directive.kind == "ignore"
            and self.directive.number < finding.location.span.line <= self.directive.reach
            and self.names(finding.code)
            and (self.directive.is_alone or finding.code not in self.used_beside)
        )


@dataclass
class Suppressions:
    """All suppressions of the files read, and the findings about malformed ones."""

    valid: dict[str, list[Suppression]] = field(default_factory=dict)
    invalid: list[Finding] = field(default_factory=list)

    def read_python(self, path: str, comments: Iterable[Comment], source: Source, registry: Registry) -> None:
        for comment in comments:
            span = comment.span
            for directive in in_python(source, span.line, span.column - 1, span.end_column - 1):
                self._add(path, directive, registry, indented=directive.is_indented)

    def read_other(self, path: str, source: Source, registry: Registry) -> None:
        for directive in elsewhere(path, source):
            self._add(path, directive, registry, indented=False)

    def silence(self, findings: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
        """The findings that no suppression silences, and those that one does; it is marked as used."""
        left: list[Finding] = []
        silenced: list[Finding] = []
        for finding in findings:
            beside = [found for found in self.valid.get(finding.location.path, ()) if found.is_beside(finding)]
            for suppression in beside:
                suppression.used.add(finding.code)
                suppression.used_beside.add(finding.code)
            (silenced if beside else left).append(finding)
        kept: list[Finding] = []
        for finding in left:
            above = [found for found in self.valid.get(finding.location.path, ()) if found.is_above(finding)]
            for suppression in above:
                suppression.used.add(finding.code)
            (silenced if above else kept).append(finding)
        return kept, silenced

    def unused(self, ran: Callable[[str, str], bool]) -> Iterator[Finding]:
        """A finding for each suppression with codes that silenced nothing; `ran(code, path)`: is it to be judged?"""
        for path, suppressions in self.valid.items():
            for suppression in suppressions:
                stale = {
                    word: rule
                    for word, rule in suppression.rules.items()
                    if rule.code not in suppression.used and rule.code not in _NEVER_UNUSED and ran(rule.code, path)
                }
                if stale:
                    yield _unused(suppression, stale)

    def _add(self, path: str, directive: Directive, registry: Registry, *, indented: bool) -> None:
        if directive.kind == "malformed":
            self._reject(path, directive, directive.problem)
        elif directive.kind == "bare noqa":
            self._judge_bare_noqa(path, directive, registry)
        elif directive.kind == "ignore-file" and indented:
            self._reject(path, directive, "ignore-file counts only at the top level of a file, not inside a block")
        else:
            rules = dict(self._resolved(path, directive, registry))
            if rules:
                self.valid.setdefault(path, []).append(Suppression(path, directive, rules))

    def _resolved(self, path: str, directive: Directive, registry: Registry) -> Iterator[tuple[Word, Rule]]:
        noqa = directive.kind == "noqa"
        for word in directive.words:
            rule = registry.find(word.text)
            if rule is not None and rule.code == InternalError.code:
                self._reject(path, directive, f"{rule.code} cannot be silenced", word)
            elif rule is not None:
                yield word, rule
            elif noqa and word.text.upper().rstrip("0123456789") not in registry.prefixes:
                continue  # another linter's
            elif registry.is_family(word.text):
                self._reject(path, directive, f"{word.text} stands for many rules; name the one", word)
            else:
                self._reject(path, directive, f'there is no rule "{word.text}"; {registry.near(word.text)}', word)

    def _judge_bare_noqa(self, path: str, directive: Directive, registry: Registry) -> None:
        """flake8 takes `# noqa: close-code-lost`, `# noqa : WS303` and `# noqa: WS` for `# noqa`, for every rule."""
        words = [word.text.strip(":[]()") for word in directive.words]
        first = next((word for word in words if word), "")
        rule = registry.find(first)
        if rule is not None or first.upper() in registry.prefixes:
            code = "WS303" if rule is None else rule.code
            problem = "flake8 reads only whole codes after `# noqa:`, so this silences all rules on its line"
            self._reject(path, directive, f"{problem}; write `# noqa: {code}`")

    def _reject(self, path: str, directive: Directive, problem: str, word: Word | None = None) -> None:
        span = _span(directive) if word is None else _on(directive.number, word.start, word.end)
        whole = word is None and directive.kind != "bare noqa"
        message = f"this comment silences nothing: {problem}" if whole else problem
        self.invalid.append(InvalidSuppression().finding(Location(path, span), message, hint=WRITE))


def _unused(suppression: Suppression, stale: dict[Word, Rule]) -> Finding:
    names = ", ".join(f"{rule.code} {rule.name}" for rule in stale.values())
    location = Location(suppression.path, _span(suppression.directive))
    where = "in this file" if suppression.directive.kind == "ignore-file" else "here"
    return UnusedSuppression().finding(
        location,
        f"nothing {where} to silence: {names}",
        hint="remove it, or move it to the line that it is about",
        fix=Fix((_without(suppression, frozenset(stale)),), safe=True, title="Remove what silences nothing"),
    )


def _without(suppression: Suppression, stale: frozenset[Word]) -> Edit:
    """The edit that removes the stale codes, or the comment when nothing else is in it."""
    directive = suppression.directive
    kept = [word.text for word in directive.words if word not in stale]
    if kept:
        start, end = directive.words[0].start, directive.words[-1].end
        comma = ", " if " " in directive.line[start:end] else ","
        return Edit(Location(suppression.path, _on(directive.number, start, end)), comma.join(kept))
    if directive.is_alone:
        return Edit(Location(suppression.path, Span(directive.number, 1, directive.number + 1, 1)), "")
    start = len(directive.line[: directive.start].rstrip()) if directive.last else directive.start
    return Edit(Location(suppression.path, _on(directive.number, start, directive.end)), "")


def _span(directive: Directive) -> Span:
    text = directive.line[directive.start : directive.end]
    return _on(directive.number, directive.start, directive.start + len(text.rstrip()))


def _on(line: int, start: int, end: int) -> Span:
    return Span(line, start + 1, line, end + 1)


def _lines(span: Span) -> tuple[int, int]:
    """The first and the last line of a span; one that ends at the start of a line does not touch it."""
    last = span.end_line - 1 if span.end_column == 1 and span.end_line > span.line else span.end_line
    return span.line, last
