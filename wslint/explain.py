"""What a rule's docstring says, for `wslint explain`, editors and the documentation."""

from __future__ import annotations

import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wslint.report.terminal import Style, wrap
from wslint.rule import Rule

_HEADING = re.compile(r"^(Why|See|Mend|Reference|Bad|Good):[ \t]*", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """The sections of a rule's docstring; prose has one paragraph a line, the examples are dedented code."""

    rule: Rule
    what: str
    why: str = ""
    see: str = ""
    mend: str = ""
    reference: str = ""
    bad: str = ""
    good: str = ""


def page(rule: Rule) -> Page:
    what, *rest = _HEADING.split(inspect.getdoc(type(rule)) or "")
    sections = {
        heading.lower(): _code(body) if heading in ("Bad", "Good") else _prose(body)
        for heading, body in zip(rest[::2], rest[1::2], strict=True)
    }
    return Page(rule, _prose(what), **sections)


def has_fix(rule: Rule) -> bool:
    """Does the rule ever offer a fix? One that does uses `Fix` in its module."""
    return rule.code == "WS002" or hasattr(sys.modules[type(rule).__module__], "Fix")


def render(page: Page, style: Style) -> str:
    """A page of text for the terminal."""
    rule = page.rule
    facts = [rule.level.value, *(["has a fix"] if has_fix(rule) else [])]
    parts = [f"{style(f'{rule.code} {rule.name}', 'bold')}  ({', '.join(facts)})", _filled(page.what, "")]
    for heading, prose in (
        ("Why", page.why),
        ("What you see", page.see),
        ("How to mend it", page.mend),
        ("Reference", page.reference),
    ):
        if prose:
            parts.append(f"{style(heading, 'bold')}\n{_filled(_capital(prose), '  ')}")
    for heading, code in (("Wrong", page.bad), ("Right", page.good)):
        if code:
            parts.append(f"{style(heading, 'bold')}\n{textwrap.indent(code, '    ')}")
    if rule.code != "WS000":
        parts.append(f"To silence one finding: # wslint: ignore[{rule.code}] reason")
    return "\n\n".join(parts)


def table(pages: Iterable[Page], style: Style) -> Iterator[str]:
    """All rules, one a line."""
    rows = [
        (page.rule.code, page.rule.name, page.rule.level.value, "fix" if has_fix(page.rule) else "", page.what)
        for page in pages
    ]
    name_width = max(len(row[1]) for row in rows)
    for code, name, level, fix, what in rows:
        yield f"{style(code, 'bold')}  {name:<{name_width}}  {level:<7}  {fix:<3}  {what.splitlines()[0]}".rstrip()


def as_json(pages: Iterable[Page]) -> str:
    """All rules for programs."""
    return json.dumps([_row(page) for page in pages], indent=2, ensure_ascii=True)


def _row(page: Page) -> dict[str, object]:
    rule = page.rule
    return {
        "code": rule.code,
        "name": rule.name,
        "level": rule.level.value,
        "has_fix": has_fix(rule),
        "in_tests": rule.in_tests,
        "since": rule.since,
        "summary": page.what,
    }


def _prose(text: str) -> str:
    return "\n".join(" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text.strip()))


def _capital(prose: str) -> str:
    """The docstring goes on after `Why:`; under a heading the sentence begins anew."""
    first = prose.split(" ", 1)[0]
    return prose[:1].upper() + prose[1:] if first.isalpha() and first.islower() else prose


def _code(text: str) -> str:
    return textwrap.dedent(text.strip("\n")).rstrip()


def _filled(prose: str, indent: str) -> str:
    paragraphs = ("\n".join(f"{indent}{line}" for line in wrap(paragraph, 88)) for paragraph in prose.split("\n"))
    return "\n\n".join(paragraphs)
