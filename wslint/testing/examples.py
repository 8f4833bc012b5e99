"""The examples in a rule's docstring, split into the files they stand for."""

from __future__ import annotations

import re
from pathlib import Path

MARKER = re.compile(r"^(?:#|//|<!--)\s*(?P<path>[\w./-]*(?:\.[A-Za-z0-9]+|Dockerfile|Procfile|Makefile))\s*(?:-->)?$")
DEFAULT = "consumers.py"


def files_of(example: str) -> dict[str, str]:
    """Path → text. A comment that is nothing but a path begins a file; what stands before the first is consumers.py."""
    bodies: dict[str, list[str]] = {DEFAULT: []}
    path = DEFAULT
    for line in example.splitlines():
        if match := MARKER.match(line):
            path = match["path"]
            bodies.setdefault(path, [])
        else:
            bodies[path].append(line)
    texts = {path: "\n".join(body).strip("\n") for path, body in bodies.items()}
    return {path: f"{text}\n" for path, text in texts.items() if text or path != DEFAULT}


def write(example: str, folder: Path) -> None:
    """Lay an example out as a small project."""
    for path, text in files_of(example).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
