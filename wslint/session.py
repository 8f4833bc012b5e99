"""Checks for hosts that ask file by file: each tree is checked once in a process."""

from __future__ import annotations

import io
import os
import tokenize
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from wslint.api import check, default_cache, root_of
from wslint.diagnostics import InternalError
from wslint.report.model import Report
from wslint.rule import Finding


def in_file(path: Path, lines: Sequence[str]) -> list[Finding]:
    """The findings in a saved file. Raises ConfigError."""
    return _of_file(_of_tree(_root(path.parent)), path, lines)


def in_buffer(path: Path, lines: Sequence[str]) -> list[Finding]:
    """The findings in a file that holds `lines` in place of what is saved. Raises ConfigError."""
    if path.suffix != ".py":  # flake8 says "stdin" when it was not told a name
        path = path.with_name(f"{path.name}.py")
    report = check([path], overlay={path: _encoded(lines)}, cache=default_cache())
    return _of_file(report, path, lines)


def concerns_channels(lines: Iterable[str]) -> bool:
    """Would a person want to hear here that wslint cannot work in this project?"""
    return any("channels" in line for line in lines)


def _of_file(report: Report, path: Path, lines: Sequence[str]) -> list[Finding]:
    name = Path(os.path.relpath(os.path.realpath(path), report.root)).as_posix()
    return [
        finding
        for finding in report.findings
        if finding.location.path == name
        or (finding.code == InternalError.code and finding.location.path == "." and concerns_channels(lines))
    ]


@cache
def _root(folder: Path) -> Path:
    return root_of(folder)


@cache
def _of_tree(root: Path) -> Report:
    return check([root], cache=default_cache())


def _encoded(lines: Sequence[str]) -> bytes:
    text = "".join(lines)
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(text.encode("utf-8", "replace")).readline)[0]
        return text.encode(encoding)
    except (SyntaxError, LookupError, UnicodeEncodeError):
        return text.encode("utf-8", "surrogateescape")
