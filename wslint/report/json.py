"""The format for programs, version 1; docs/json.md describes it and says what may change."""

from __future__ import annotations

import json
from typing import Any

from wslint.report.model import Report
from wslint.rule import Edit, Finding, Fix, Related, Span

VERSION = 1


def render(report: Report, root: str = ".") -> str:
    """The document; paths in it are relative to `root`, which is relative to the working directory where it can be."""
    document = {
        "version": VERSION,
        "findings": [_finding(finding) for finding in report.findings],
        "summary": {
            "root": root,
            "files": report.files,
            "relevant_files": len(report.relevant),
            "findings": {level.value: count for level, count in report.by_level().items()},
            "rules": report.by_rule(),
            "suppressed": report.suppressed,
            "internal_errors": len(report.internal_errors),
            "notes": list(report.notes),
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=True)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "level": finding.level.value,
        "message": finding.message,
        "hint": finding.hint,
        "symptom": finding.symptom,
        "path": finding.location.path,
        **_span(finding.location.span),
        "symbol": finding.symbol,
        "related": [_related(related) for related in finding.related],
        "fix": None if finding.fix is None else _fix(finding.fix),
        "url": None,
    }


def _span(span: Span) -> dict[str, int]:
    return {
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _related(related: Related) -> dict[str, Any]:
    span = related.location.span
    return {"path": related.location.path, **_span(span), "message": related.message}


def _fix(fix: Fix) -> dict[str, Any]:
    return {"safe": fix.safe, "title": fix.title, "edits": [_edit(edit) for edit in fix.edits]}


def _edit(edit: Edit) -> dict[str, Any]:
    return {"path": edit.location.path, **_span(edit.location.span), "text": edit.text}
