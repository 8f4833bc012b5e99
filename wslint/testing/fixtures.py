"""Fixtures: small projects that say in their own comments what a rule must find in them.

`fixtures/ws303_close_code_lost/` holds cases, `bad*`, `good*` and `traps*`. A guilty line ends in `# expect: WS303`;
a case whose files cannot hold comments lists its findings in `expect.toml`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wslint.discover import load_toml

FOLDER = re.compile(r"ws(?P<number>\d{3})_(?P<words>[a-z0-9_]+)")
EXPECT = re.compile(r"(?P<mark>#|//|<!--|\{#)\s*expect:\s*(?P<codes>WS\d{3}(?:[\s,]+WS\d{3})*)")
LISTED = "expect.toml"
KINDS = ("bad", "good", "traps")

Expectations = Counter[tuple[str, int, str]]
"""How often (path, line, code) is expected."""


@dataclass(frozen=True)
class Case:
    """One project of a fixture."""

    code: str
    path: Path

    @property
    def id(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def kind(self) -> str:
        return next(kind for kind in KINDS if self.path.name.startswith(kind))

    def expected(self) -> Expectations:
        return expectations(self.path)


@dataclass(frozen=True)
class Fixture:
    """The folder of one rule."""

    path: Path
    code: str
    name: str

    def cases(self) -> list[Case]:
        folders = sorted(path for path in self.path.iterdir() if path.is_dir() and path.name.startswith(KINDS))
        return [Case(self.code, path) for path in folders]


def fixtures(root: Path) -> list[Fixture]:
    """The rules' fixtures below a folder, in the order of their codes."""
    found = []
    for path in sorted(root.iterdir()):
        if match := FOLDER.fullmatch(path.name):
            found.append(Fixture(path, f"WS{match['number']}", match["words"].replace("_", "-")))
    return found


def text_files(root: Path) -> Iterator[tuple[str, str]]:
    """(path relative to `root` with `/`, text) of every file that is UTF-8, line ends as they are."""
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            try:
                yield path.relative_to(root).as_posix(), path.read_bytes().decode("utf-8")
            except UnicodeDecodeError:
                continue


def expectations(root: Path) -> Expectations:
    """What the comments and the expect.toml of a project say. Raises ValueError when the list is malformed."""
    expected: Expectations = Counter()
    for path, text in text_files(root):
        if path == LISTED:
            expected.update(_listed(text))
            continue
        for number, line in enumerate(text.splitlines(), 1):
            for match in EXPECT.finditer(line):
                expected.update((path, number, code) for code in re.split(r"[\s,]+", match["codes"]))
    return expected


def _listed(text: str) -> Iterator[tuple[str, int, str]]:
    entries = load_toml(text).get("expect", [])
    if not isinstance(entries, list):
        raise ValueError(f"{LISTED}: [[expect]] must be an array of tables")
    for entry in entries:
        path, line, code = (entry.get(key) if isinstance(entry, dict) else None for key in ("path", "line", "code"))
        if not (isinstance(path, str) and isinstance(line, int) and isinstance(code, str)):
            raise ValueError(f"{LISTED}: {entry!r} needs path, line and code")
        yield path, line, code
