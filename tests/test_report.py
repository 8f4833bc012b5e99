"""The formats, as they look."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from wslint.report import concise, full, summary
from wslint.report import json as json_format
from wslint.report.merge import merged
from wslint.report.model import Report
from wslint.report.terminal import Style, clean, laid_out, wants_colour, width
from wslint.rule import Edit, Finding, Fix, Level, Location, Related, Span
from wslint.source import Source

CONSUMERS = """\
class Chat(AsyncWebsocketConsumer):
    async def connect(self):
        if self.scope["user"].is_anonymous:
            await self.close(code=4001)
"""
CLIENT = "socket.onclose = (event) => {\n  if (event.code === 4001) logout()\n}\n"

FINDING = Finding(
    code="WS303",
    name="close-code-lost",
    level=Level.WARNING,
    message="4001 is sent before accept()",
    location=Location("chat/consumers.py", Span(4, 13, 4, 40)),
    hint="accept first: `await self.accept()`, then close with the code",
    symptom="HTTP 403 in the handshake and close code 1006 in the browser, never 4001",
    symbol="Chat.connect",
    related=(Related(Location("frontend/chat.ts", Span(2, 7, 2, 26)), "the client waits for 4001 here"),),
    fix=Fix((Edit(Location("chat/consumers.py", Span(4, 13, 4, 13)), "await self.accept()\n"),), safe=False),
)


def report(*findings: Finding, **files: str) -> Report:
    texts = {"chat/consumers.py": CONSUMERS, "frontend/chat.ts": CLIENT, **files}
    return Report(
        root=Path("/project"),
        findings=findings,
        files=12,
        python_files=9,
        relevant=frozenset({"chat/consumers.py"}),
        suppressed=2,
        source=lambda path: Source(texts.get(path, "")),
    )


def drawn(text: str, span: Span, message: str = "here") -> str:
    finding = Finding("WS910", "found-alpha", Level.ERROR, message, Location("a.py", span))
    return "\n".join(full.render(report(finding, **{"a.py": text}), Style()))


def test_full() -> None:
    assert (
        "\n".join(full.render(report(FINDING), Style()))
        == """\
chat/consumers.py:4:13  WS303 close-code-lost  warning
    2 |     async def connect(self):
    3 |         if self.scope["user"].is_anonymous:
    4 |             await self.close(code=4001)
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^ 4001 is sent before accept()
  frontend/chat.ts:2   the client waits for 4001 here
    2 |   if (event.code === 4001) logout()
      |       ~~~~~~~~~~~~~~~~~~~
  you will see   HTTP 403 in the handshake and close code 1006 in the browser, never 4001
  mend           accept first: `await self.accept()`, then close with the code
"""
    )


def test_full_in_colour_says_the_same() -> None:
    coloured = "\n".join(full.render(report(FINDING), Style(True)))
    assert "\x1b[33;1mWS303\x1b[0m" in coloured
    plain = coloured
    for sgr in ("33;1", "34", "1", "0"):
        plain = plain.replace(f"\x1b[{sgr}m", "")
    assert plain == "\n".join(full.render(report(FINDING), Style()))


def test_tabs_and_wide_characters() -> None:
    assert (
        drawn("\tx = '漢字é' + lose()\n", Span(1, 14, 1, 20))
        == """\
a.py:1:14  WS910 found-alpha  error
    1 |     x = '漢字é' + lose()
      |                   ^^^^^^ here
"""
    )


def test_a_long_message_stands_below() -> None:
    shown = drawn("    lose()\n", Span(1, 5, 1, 11), "word " * 25)
    assert shown.splitlines()[2:4] == ["      |     ^^^^^^", "      |     " + "word " * 18 + "word"]
    assert max(len(line) for line in shown.splitlines()) <= 112


def test_several_lines() -> None:
    assert (
        drawn("lose(\n    1,\n)\n", Span(1, 1, 3, 2))
        == """\
a.py:1:1  WS910 found-alpha  error
    1 | lose(
      | ^^^^^
    2 |     1,
      |     ^^
    3 | )
      | ^ here
"""
    )


def test_of_many_lines_the_first_and_the_last() -> None:
    text = "lose(\n" + "".join(f"    {number},\n" for number in range(2, 1000)) + ")\n"
    assert (
        drawn(text, Span(1, 1, 1000, 2))
        == """\
a.py:1:1  WS910 found-alpha  error
    1 | lose(
      | ^^^^^
    2 |     2,
      |     ^^
    3 |     3,
      |     ^^
  ... |
 1000 | )
      | ^ here
"""
    )


def test_a_very_long_line_is_cut_around_the_place() -> None:
    shown = drawn("x" * 5000 + "LOSE" + "y" * 5000, Span(1, 5001, 1, 5005)).splitlines()
    assert len(shown[1]) < 170
    assert shown[1].index("LOSE") == shown[2].index("^")
    assert shown[2].count("^") == 4


@pytest.mark.parametrize("span", [Span(1, 1, 1, 1), Span(9, 9, 9, 9), Span(1, 99, 1, 120), Span(2, 1, 1, 1)])
def test_places_that_are_not_there_do_no_harm(span: Span) -> None:
    assert "here" in drawn("x\n", span)


def test_source_cannot_steer_the_terminal() -> None:
    shown = drawn("x = '\x1b[2J\u202e\x07'\n", Span(1, 1, 1, 2), "\x1b]0;owned\x07")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert r"x = '\x1b[2J\u202e\x07'" in shown
    assert "\x1b" not in "\n".join(concise.render(report(FINDING), lambda path: "a\x1b[2J.py"))


def test_clean_keeps_what_is_harmless() -> None:
    assert clean("naïve 漢字 – “q”") == "naïve 漢字 – “q”"


def test_widths() -> None:
    assert width("a漢e\u0301") == 4
    assert laid_out("\ta") == ("    a", [0, 4, 5])
    assert laid_out("ab\tc")[1] == [0, 1, 2, 4, 5]


def test_concise() -> None:
    assert list(concise.render(report(FINDING))) == [
        "chat/consumers.py:4:13: WS303 close-code-lost 4001 is sent before accept()"
    ]


def test_json() -> None:
    document = json.loads(json_format.render(report(FINDING)))
    assert document == {
        "version": 1,
        "findings": [
            {
                "code": "WS303",
                "name": "close-code-lost",
                "level": "warning",
                "message": "4001 is sent before accept()",
                "hint": "accept first: `await self.accept()`, then close with the code",
                "symptom": "HTTP 403 in the handshake and close code 1006 in the browser, never 4001",
                "path": "chat/consumers.py",
                "line": 4,
                "column": 13,
                "end_line": 4,
                "end_column": 40,
                "symbol": "Chat.connect",
                "related": [
                    {
                        "path": "frontend/chat.ts",
                        "line": 2,
                        "column": 7,
                        "end_line": 2,
                        "end_column": 26,
                        "message": "the client waits for 4001 here",
                    }
                ],
                "fix": {
                    "safe": False,
                    "title": "",
                    "edits": [
                        {
                            "path": "chat/consumers.py",
                            "line": 4,
                            "column": 13,
                            "end_line": 4,
                            "end_column": 13,
                            "text": "await self.accept()\n",
                        }
                    ],
                },
                "url": None,
            }
        ],
        "summary": {
            "root": ".",
            "files": 12,
            "relevant_files": 1,
            "findings": {"error": 0, "warning": 1, "info": 0},
            "rules": {"WS303": 1},
            "suppressed": 2,
            "internal_errors": 0,
            "notes": [],
        },
    }


def test_summary() -> None:
    assert summary.render(report(FINDING), Style()) == (
        "wslint: 1 warning, 2 suppressed; 12 files seen, 1 with Channels code"
    )
    assert summary.render(Report(Path("/project"), files=1, python_files=1), Style()) == (
        "wslint: found no Channels code in 1 file; nothing to check"
    )
    assert "no Python files" in summary.render(Report(Path("/project"), files=3), Style())


def test_statistics() -> None:
    assert list(summary.statistics(report(FINDING, FINDING), Style())) == ["     2  WS303 close-code-lost"]


def test_reports_of_several_trees() -> None:
    one, other = report(FINDING), Report(Path("/other/x"), files=1, source=lambda path: Source(f"in {path}"))
    both = merged([one, other])
    assert both.root == Path("/")
    assert [finding.location.path for finding in both.findings] == ["project/chat/consumers.py"]
    assert both.findings[0].related[0].location.path == "project/frontend/chat.ts"
    assert both.findings[0].fix is not None
    assert both.findings[0].fix.edits[0].location.path == "project/chat/consumers.py"
    assert both.line("project/chat/consumers.py", 4).strip() == "await self.close(code=4001)"
    assert both.line("other/x/a.py", 1) == "in a.py"
    assert (both.files, both.relevant) == (13, frozenset({"project/chat/consumers.py"}))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "0"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour(stream: io.StringIO, environment: dict[str, str], coloured: bool) -> None:
    assert wants_colour(stream, environment) is coloured
