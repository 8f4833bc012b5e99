"""Projects that lie side by side in one tree: a monorepo's services, unpacked packages, a folder of check-outs."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

MARKS = frozenset(("manage.py", "pyproject.toml", "setup.py", "setup.cfg", "Pipfile"))
"""Files that stand at the top of a project."""


class Projects:
    """Which project a file belongs to: the outermost folder that holds a mark, or "" when there is none."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._tops = {posixpath.dirname(path) for path in paths if posixpath.basename(path) in MARKS}

    def of(self, path: str) -> str:
        if "" in self._tops:
            return ""
        place = path.find("/")
        while place != -1:
            if path[:place] in self._tops:
                return path[:place]
            place = path.find("/", place + 1)
        return ""

    def related(self, paths: Iterable[str], to: Iterable[str]) -> frozenset[str]:
        """Those paths that lie in a project that holds one of `to`, or in none."""
        wanted = {"", *map(self.of, to)}
        return frozenset(path for path in paths if self.of(path) in wanted)
