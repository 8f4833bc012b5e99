"""The flake8 plugin: the findings of `wslint check` for the file that flake8 is looking at.

Only the standard library is imported here: flake8 loads this module with the analysed project on sys.path.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from wslint import __version__
from wslint.lazy import load

Found = tuple[int, int, str, type[Any]]


class Plugin:
    """One instance a file; the stack around the files is built once a process."""

    name = "wslint"
    version = __version__
    buffer_name: str | None = None  # what flake8 calls the file that it reads from standard input

    def __init__(self, tree: ast.AST, filename: str = "stdin", lines: Sequence[str] = ()) -> None:
        self.filename = filename
        self.lines = lines

    @classmethod
    def parse_options(cls, options: Any) -> None:
        """flake8 calls this before it makes the first instance."""
        cls.buffer_name = (options.stdin_display_name or "stdin") if "-" in options.filenames else None

    def run(self) -> Iterator[Found]:
        """Line, column from 0, text. An exception would end flake8's run, so there is none."""
        try:
            found = self._found()
        except Exception as error:
            found = [(1, 1, f"WS000 wslint crashed on this file ({type(error).__name__}: {error})")]
        for line, column, text in found:
            yield line, column - 1, _one_line(text), type(self)

    def _found(self) -> list[tuple[int, int, str]]:
        session: Any = load("wslint.session")
        try:
            if self.filename == self.buffer_name:
                return list(session.in_buffer(self.filename, self.lines))
            return list(session.in_file(self.filename, self.lines))
        except Exception as error:
            if not isinstance(error, load("wslint.config").ConfigError):
                raise
            return [(1, 1, f"WS000 {error}")] if session.concerns_channels(self.lines) else []


def _one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
