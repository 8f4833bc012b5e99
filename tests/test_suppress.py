"""Comments that silence a finding, those that silence nothing, and those that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_engine import small_engine  # noqa: F401

from wslint import api, fix
from wslint.config import Config
from wslint.report.model import Report

pytestmark = pytest.mark.usefixtures("small_engine")


def check(tmp_path: Path, text: str, name: str = "chat.py", config: Config | None = None) -> Report:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(text.encode())
    return api.check([tmp_path], config)


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def messages(report: Report) -> str:
    return "\n".join(finding.message for finding in report.findings)


def fixed(report: Report, text: str, name: str = "chat.py") -> str:
    return fix.apply({name: text}, [one for one in report.findings if one.code == "WS002"]).get(name, text)


@pytest.mark.parametrize(
    "text",
    [
        "ALPHA = 1  # wslint: ignore[WS910]\n",
        "ALPHA = 1  # wslint: ignore[WS910] the client never looks\n",
        "ALPHA = 1  # wslint: ignore[found-alpha]\n",
        "ALPHA = 1  #wslint:ignore[ WS911 , ws910 ] reason\nBETA = 1\n",
        "# wslint: ignore[WS910]\nALPHA = 1\n",
        "# wslint: ignore[WS910] a long reason\n# that goes on\nALPHA = 1\n",
        "# wslint: ignore-file[WS910]\nx = 1\nALPHA = 1\n",
        "ALPHA = 1\nx = 1\n# wslint: ignore-file[found-alpha] reason\n",
        "ALPHA = 1  # noqa: WS910\n",
        "ALPHA = 1  # noqa:E501,WS910\n",
        "ALPHA = 1  # NOQA: ws910\n",
        "ALPHA = 1  # type: ignore  # wslint: ignore[WS910] reason\n",
        "ALPHA = 1  # wslint: ignore[WS910] reason  # noqa: E501\n",
        "ALPHA = 1  # wslint: ignore[WS910]\r\n",
        "\ufeffALPHA = 1  # wslint: ignore[WS910]\n",
    ],
)
def test_silences(tmp_path: Path, text: str) -> None:
    report = check(tmp_path, text)
    assert "WS910" not in codes(report)
    assert report.suppressed >= 1
    assert "WS003" not in codes(report)


@pytest.mark.parametrize(
    "text",
    [
        "ALPHA = 1  # noqa\n",
        "ALPHA = 1  # wslint: ignore\n",
        "ALPHA = 1  # wslint: ignore[]\n",
        "ALPHA = 1  # wslint: ignore[WS910\n",
        "ALPHA = 1  # wslint: ignore[WS9]\n",
        "ALPHA = 1  # wslint: ignore[WS]\n",
        "ALPHA = 1  # wslint: disable=WS910\n",
        "ALPHA = 1  # wslint: ignore-line[WS910]\n",
        "ALPHA = 1  # noqa: found-alpha\n",
        "ALPHA = 1  # noqa: WS\n",
        "# noqa: WS910\nALPHA = 1\n",
        "ALPHA = 1\n# wslint: ignore[WS910]\n",
        "# wslint: ignore[WS910]\n\nALPHA = 1\n",
        'ALPHA = "# wslint: ignore[WS910]"\n',
        "ALPHA = '''\n# wslint: ignore-file[WS910]\n'''\n",
        "if x:\n    # wslint: ignore-file[WS910]\n    ALPHA = 1\n",
        "ALPHA = 1  # wslint: ignore[WS911]\n",
    ],
)
def test_does_not_silence(tmp_path: Path, text: str) -> None:
    assert "WS910" in codes(check(tmp_path, text))


def test_a_comment_behind_code_speaks_for_its_own_line_first(tmp_path: Path) -> None:
    report = check(tmp_path, "ALPHA = 1  # wslint: ignore[WS910]\nALPHA = 2\n")
    assert [(one.code, one.location.span.line) for one in report.findings] == [("WS910", 2)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# wslint: ignore\n", "names no rule"),
        ("# wslint: ignore[ ]\n", "names no rule"),
        ("# wslint: ignore-file\n", "names no rule"),
        ("# wslint: ignore[WS910\n", "bracket is not closed"),
        ("# wslint: skip\n", '"skip" is not a directive'),
        ("# wslint:\n", "says nothing"),
        ("# wslint: ignore[WS9]\n", "WS9 stands for many rules"),
        ("# wslint: ignore[found-alfa]\n", 'did you mean "found-alpha"?'),
        ("# wslint: ignore[WS919]\n", 'there is no rule "WS919"; did you mean "WS9'),
        ("# wslint: ignore[WS000]\n", "cannot be silenced"),
        ("# here wslint: ignore[WS910]\n", "must begin the comment"),
        ("x = 1  # noqa: WS999\n", 'there is no rule "WS999"'),
        ("x = 1  # noqa: found-alpha\n", "write `# noqa: WS910`"),
        ("x = 1  # noqa : WS910\n", "write `# noqa: WS910`"),
        ("x = 1  # noqa: WS\n", "silences all rules"),
        ("def f():\n    # wslint: ignore-file[WS910]\n    pass\n", "only at the top level"),
    ],
)
def test_invalid(tmp_path: Path, text: str, said: str) -> None:
    report = check(tmp_path, text)
    assert codes(report) == ["WS003"]
    assert said in messages(report)


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # noqa\n",
        "x = 1  # noqa: E501\n",
        "x = 1  # noqa: W503, E501\n",
        "x = 1  # noqa: because of the tests\n",
        "# what wslint: says is true\n",
        "x = '# wslint: ignore'\n",
    ],
)
def test_not_ours(tmp_path: Path, text: str) -> None:
    assert codes(check(tmp_path, text)) == []


def test_the_valid_code_beside_an_unknown_one_counts(tmp_path: Path) -> None:
    assert codes(check(tmp_path, "ALPHA = 1  # wslint: ignore[WS910, WS999]\n")) == ["WS003"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1  # wslint: ignore[WS910] reason\n", "x = 1\n"),
        ("x = 1\n    # wslint: ignore[WS910] reason\ny = 1\n", "x = 1\ny = 1\n"),
        ("x = 1\n# wslint: ignore[WS910]", "x = 1\n"),
        ("BETA = 1  # wslint: ignore[WS910, WS911] reason\n", "BETA = 1  # wslint: ignore[WS911] reason\n"),
        ("BETA = 1  # wslint: ignore[WS911,found-alpha]\n", "BETA = 1  # wslint: ignore[WS911]\n"),
        ("x = 1  # noqa: E501,WS910\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # noqa: E501, WS910, F401\n", "x = 1  # noqa: E501, F401\n"),
        ("x = 1  # noqa: WS910\n", "x = 1\n"),
        ("x = 1  # type: ignore  # noqa: WS910\n", "x = 1  # type: ignore\n"),
        ("x = 1  # wslint: ignore[WS910] why  # noqa: E501\n", "x = 1  # noqa: E501\n"),
        ("x = 1  # note # wslint: ignore[WS910]\n", "x = 1  # note\n"),
        ("x = 1  # wslint: ignore[WS910]\r\ny = 1\r\n", "x = 1\r\ny = 1\r\n"),
        ("# wslint: ignore-file[WS910]\nx = 1\n", "x = 1\n"),
    ],
)
def test_unused_is_found_and_removed(tmp_path: Path, before: str, after: str) -> None:
    report = check(tmp_path, before)
    assert codes(report) == ["WS002"]
    assert fixed(report, before) == after
    assert codes(check(tmp_path, after)) == []


def test_unused_is_judged_only_for_rules_that_ran(tmp_path: Path) -> None:
    text = "x = 1  # wslint: ignore[WS910]\n"
    assert codes(check(tmp_path, text, config=Config(ignore=("WS910",)))) == []
    assert codes(check(tmp_path, text, config=Config(select=("WS911", "WS002")))) == []
    assert codes(check(tmp_path, text, config=Config(per_file_ignores=(("chat.py", ("WS910",)),)))) == []
    (tmp_path / "chat.py").unlink()
    assert codes(check(tmp_path, text, "tests/test_chat.py")) == []


def test_what_the_profile_hides_is_not_unused(tmp_path: Path) -> None:
    assert codes(check(tmp_path, "GAMMA = 1  # wslint: ignore[WS920]\n")) == []


def test_an_unused_suppression_can_be_silenced(tmp_path: Path) -> None:
    text = "# wslint: ignore-file[WS002]\nx = 1  # wslint: ignore[WS910]\n"
    assert codes(check(tmp_path, text)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docker-compose.yml", "a: 1\n# wslint: ignore[WS910] reason\nb: ALPHA\n"),
        ("docker-compose.yml", "b: ALPHA  # wslint: ignore[WS910]\n"),
        ("docker-compose.yml", "services:\n  # wslint: ignore-file[WS910]\n  b: ALPHA\n"),
        ("Dockerfile", "# wslint: ignore[found-alpha]\nCMD ALPHA\n"),
        ("nginx.conf", "listen 80; # wslint: ignore[WS910]\n# wslint: ignore[WS910]\nserver ALPHA;\n"),
        ("chat.ts", "new ALPHA() // wslint: ignore[WS910]\n"),
        ("chat.ts", "/* wslint: ignore[WS910] reason */\nnew ALPHA()\n"),
        ("chat.tsx", "{/* wslint: ignore[WS910] */}\n<ALPHA/>\n"),
        ("room.html", "<!-- wslint: ignore[WS910] -->\n<b>ALPHA</b>\n"),
        ("room.html", "{# wslint: ignore[WS910] #}\n<b>ALPHA</b>\n"),
    ],
)
def test_other_languages(tmp_path: Path, name: str, text: str) -> None:
    assert "WS910" not in codes(check(tmp_path, text, name))


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("compose.yml", "a: 1  # wslint: ignore[WS910] x\n", "a: 1\n"),
        ("chat.ts", "f() /* wslint: ignore[WS910] */ // more\n", "f() // more\n"),
        ("room.html", "<p>\n<!-- wslint: ignore[WS910] -->\n</p>\n", "<p>\n</p>\n"),
    ],
)
def test_unused_in_other_languages(tmp_path: Path, name: str, before: str, after: str) -> None:
    report = check(tmp_path, before, name)
    assert codes(report) == ["WS002"]
    assert fixed(report, before, name) == after


def test_suppressed_are_counted_where_they_would_have_been_shown(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("ALPHA = 1  # noqa: WS910\n", encoding="utf-8")
    assert check(tmp_path, "ALPHA = 1  # noqa: WS910\nGAMMA = 1  # noqa: WS920\n").suppressed == 2
    assert api.check([tmp_path / "chat.py"]).suppressed == 1
