"""Progress is for terminals: nothing of it reaches a file, and nothing of it stays."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from test_flake8 import PROJECT

from wslint.report import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = progress.Progress(terminal := Terminal())
    shown("reading a.py")
    shown.close()
    assert terminal.getvalue() == ""


def test_one_line_that_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setattr(progress, "PAUSE", 0)
    shown = progress.Progress(terminal := Terminal())
    shown("reading \x1b[31m.py")
    shown("WS303 close-code-lost " + "x" * 200)
    shown.close()
    erase = "\r\x1b[2K"
    first, second, end = terminal.getvalue().removeprefix(erase).split(erase)
    assert first == "wslint: reading \\x1b[31m.py"
    assert len(second) == 79
    assert end == ""


def test_only_for_terminals() -> None:
    assert progress.is_wanted(Terminal(), {"TERM": "xterm"})
    assert not progress.is_wanted(Terminal(), {"TERM": "dumb"})
    assert not progress.is_wanted(io.StringIO(), {"TERM": "xterm"})
    assert not progress.is_wanted(None, {})


def part(terminal: int) -> bytes:
    """Some of what was written to a terminal; nothing when all who wrote have left."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminals")
def test_it_goes_to_standard_error_alone(tmp_path: Path) -> None:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    code = "import wslint.report.progress as p; p.PATIENCE = p.PAUSE = 0; import wslint.cli; wslint.cli.run()"
    command = [sys.executable, "-c", code, "check", "--no-cache", "--format", "concise", str(tmp_path)]
    master, slave = pty.openpty()
    with (tmp_path / "out.txt").open("wb") as out:
        environment = {**os.environ, "TERM": "xterm"}
        process = subprocess.Popen(command, stdout=out, stderr=slave, env=environment)
    os.close(slave)
    said = b"".join(iter(lambda: part(master), b"")).decode()
    os.close(master)
    process.wait(60)
    assert "looking for files" in said
    assert said.endswith("\r\x1b[2K")
    written = (tmp_path / "out.txt").read_text()
    assert "WS302" in written
    assert "\x1b" not in written
    assert "looking" not in written
