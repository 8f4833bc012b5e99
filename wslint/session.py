"""Checks for hosts that ask file by file: each tree is checked once in a process, or replayed when nothing changed.

Only the standard library and what a replay needs is imported before a tree has to be checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from wslint import replay
from wslint.lazy import hidden_project, load

Told = tuple[int, int, str]
"""Line and column from 1, code and message."""

_trees: dict[tuple[str, str], dict[str, list[Told]]] = {}


def in_file(path: str, lines: Sequence[str]) -> list[Told]:
    """What is told about a saved file. Raises ConfigError."""
    folder = os.path.dirname(path) or "."  # noqa: PTH120 (called for every file of a project)
    if os.path.islink(path):  # noqa: PTH114
        path = os.path.realpath(path)
    else:
        path = os.path.join(_real(folder), os.path.basename(path))  # noqa: PTH118, PTH119
    marks = _marks(_real(folder))
    if marks not in _trees:
        _trees[marks] = _of_tree(marks, _real(folder))
    return _about(_trees[marks], path, lines)


def in_buffer(path: str, lines: Sequence[str]) -> list[Told]:
    """What is told about a file that holds `lines` in place of what is saved. Raises ConfigError."""
    if not path.endswith(".py"):  # flake8 says "stdin" when it was not told a name
        path = f"{path}.py"
    with hidden_project():
        api, file = load("wslint.api"), load("pathlib").Path(path)
        report = api.check([file], overlay={file: _encoded(lines)}, cache=api.default_cache())
    return _about(_by_path(report), os.path.realpath(path), lines)


def concerns_channels(lines: Iterable[str]) -> bool:
    """Would a person want to hear here that wslint cannot work in this project?"""
    return any("channels" in line for line in lines)


def _about(found: dict[str, list[Told]], path: str, lines: Sequence[str]) -> list[Told]:
    told = found.get(path, [])
    failed = found.get("", [])
    return [*told, *failed] if failed and concerns_channels(lines) else told


@cache
def _real(folder: str) -> str:
    return os.path.realpath(folder)


@cache
def _marks(folder: str) -> tuple[str, str]:
    """The folders with what may be a configuration and with a repository that decide on the root, as in `tree_root`."""
    above = [folder]
    while (parent := os.path.dirname(above[-1])) != above[-1]:  # noqa: PTH120
        above.append(parent)
    configured = next(filter(_may_be_configured, above), "")
    if configured and os.path.isfile(os.path.join(configured, "wslint.yaml")):  # noqa: PTH113, PTH118
        return configured, ""  # which is the root, wherever repositories begin
    too_wide = (above[-1], os.path.realpath(os.path.expanduser("~")))  # noqa: PTH111
    held = (one for one in above if one == folder or one not in too_wide)
    return configured, next((one for one in held if os.path.lexists(os.path.join(one, ".git"))), folder)  # noqa: PTH118


@cache
def _may_be_configured(folder: str) -> bool:
    if os.path.lexists(os.path.join(folder, "wslint.yaml")):  # noqa: PTH118
        return True
    try:
        return b"wslint" in replay.bytes_of(os.path.join(folder, "pyproject.toml"))  # noqa: PTH118
    except OSError:
        return False


def _of_tree(marks: tuple[str, str], inside: str) -> dict[str, list[Told]]:
    """What is told about the tree of a folder, by real path; by "" when wslint itself failed."""
    with hidden_project():
        key = replay.make_key("by file", *marks, os.path.expanduser("~"))  # noqa: PTH111
        folder = replay.folder_of()
        kept = replay.find(folder, key) if folder is not None else None
        if kept is not None:
            try:
                return _read(kept)
            except ValueError:
                pass
        return _checked(inside, key)


def _checked(folder: str, key: bytes) -> dict[str, list[Told]]:
    api, index, path = load("wslint.api"), load("wslint.index"), load("pathlib").Path(folder)
    kept, basis = api.default_cache(), index.Basis()
    found = _by_path(api.check([api.root_of(path)], cache=kept, basis=basis))
    if kept.folder is not None:
        basis.keep(kept.folder, key, _written(found))
    return found


def _by_path(report: Any) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    for finding in report.findings:
        path, span = finding.location.path, finding.location.span
        place = "" if path == "." else os.path.join(report.root, path)  # noqa: PTH118
        found.setdefault(place, []).append((span.line, span.column, f"{finding.code} {finding.message}"))
    return found


def _written(found: dict[str, list[Told]]) -> bytes:
    told = ((path, str(line), str(column), text) for path, all_told in found.items() for line, column, text in all_told)
    words = (word.replace("\0", " ") for one in told for word in one)
    return "\0".join(words).encode("utf-8", "surrogatepass")


def _read(kept: bytes) -> dict[str, list[Told]]:
    words = iter(kept.decode("utf-8", "surrogatepass").split("\0") if kept else ())
    found: dict[str, list[Told]] = {}
    for path, line, column, text in zip(words, words, words, words, strict=True):
        found.setdefault(path, []).append((int(line), int(column), text))
    return found


def _encoded(lines: Sequence[str]) -> bytes:
    import io
    import tokenize

    text = "".join(lines)
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(text.encode("utf-8", "replace")).readline)[0]
        return text.encode(encoding)
    except (SyntaxError, LookupError, UnicodeEncodeError):
        return text.encode("utf-8", "surrogateescape")
