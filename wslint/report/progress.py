"""What wslint is busy with, for somebody who waits at a terminal."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TextIO

from wslint.report.terminal import clean

PATIENCE = 1.0  # seconds before anything is shown
PAUSE = 0.1  # seconds between two lines

_ERASE = "\r\x1b[2K"


class Progress:
    """One line that is written over and over, and erased at the end."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.next = time.monotonic() + PATIENCE
        self.shown = False

    def __call__(self, what: str) -> None:
        now = time.monotonic()
        if now < self.next:
            return
        self.next = now + PAUSE
        try:
            width = os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError):
            width = 80
        self._write(f"{_ERASE}{clean(f'wslint: {what}')[: width - 1]}")
        self.shown = True

    def close(self) -> None:
        if self.shown:
            self._write(_ERASE)
            self.shown = False

    def _write(self, text: str) -> None:
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            self.next = float("inf")


def is_wanted(stream: TextIO | None, environment: Mapping[str, str]) -> bool:
    """Is somebody watching?"""
    return stream is not None and stream.isatty() and environment.get("TERM") != "dumb"
