"""The command line: what people type, what they read, what programs get as exit status."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_engine import small_engine  # noqa: F401

import wslint
from wslint import cli

pytestmark = pytest.mark.usefixtures("small_engine")


class Outcome:
    """What one run of `wslint …` left behind."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def codes(self) -> list[str]:
        """The codes in concise output."""
        return [line.split()[1] for line in self.out.splitlines() if ": WS" in line]


@pytest.fixture
def wslint_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Runner:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WSLINT_CACHE_DIR", str(tmp_path.parent / f"{tmp_path.name}-cache"))
    for variable in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(variable, raising=False)
    return Runner(tmp_path, monkeypatch, capsys)


class Runner:
    """`wslint …` in a project folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.monkeypatch, self.capsys = folder, monkeypatch, capsys

    def write(self, path: str, text: str) -> Path:
        full = self.folder / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text, encoding="utf-8")
        return full

    def __call__(self, *arguments: str, stdin: str = "") -> Outcome:
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        self.capsys.readouterr()
        status = cli.run(arguments)
        return Outcome(status, *self.capsys.readouterr())

    def concise(self, *arguments: str) -> list[str]:
        return self("check", "--format", "concise", *arguments).codes


def test_nothing_to_report(wslint_: Runner) -> None:
    wslint_.write("chat.py", "import channels\n")
    outcome = wslint_("check")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out == "wslint: no findings; 1 file seen, 1 with Channels code\n"


def test_findings(wslint_: Runner) -> None:
    wslint_.write("chat.py", "import channels\nALPHA = 1\n")
    outcome = wslint_("check")
    assert outcome.status == 1
    assert (
        outcome.out
        == """\
chat.py:2:1  WS910 found-alpha  error
    1 | import channels
    2 | ALPHA = 1
      | ^^^^^ ALPHA is here
  you will see   404
  mend           take it away

wslint: 1 error; 1 file seen, 1 with Channels code
"""
    )


@pytest.mark.parametrize("output_format", ["full", "concise", "json"])
def test_the_exit_status_does_not_depend_on_the_format(wslint_: Runner, output_format: str) -> None:
    wslint_.write("chat.py", "x = 1\n")
    assert wslint_("check", "--format", output_format).status == 0
    wslint_.write("chat.py", "BETA = 1\n")
    assert wslint_("check", "--format", output_format).status == 1
    assert wslint_("check", "--format", output_format, "--exit-zero").status == 0
    wslint_.write("chat.py", "CRASH = 'CRASH now '\n")
    assert wslint_("check", "--format", output_format).status == 2
    assert wslint_("check", "--format", output_format, "--exit-zero").status == 2


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ([], ["WS910", "WS911"]),
        (["--profile", "strict"], ["WS910", "WS911", "WS920"]),
        (["--level", "error"], ["WS910"]),
        (["--level", "info"], ["WS910", "WS911", "WS920"]),
        (["--profile", "strict", "--level", "warning"], ["WS910", "WS911"]),
        (["--select", "WS910"], ["WS910"]),
        (["--select", "found-gamma"], ["WS920"]),
        (["--select", "WS92"], ["WS920"]),
        (["--select", "WS920", "--level", "warning"], []),
        (["--select", "ws910,WS911"], ["WS910", "WS911"]),
        (["--select", "WS910", "--select", "WS911"], ["WS910", "WS911"]),
        (["--select", "WS91", "--ignore", "WS911"], ["WS910"]),
        (["--select", "WS910", "--ignore", "WS91"], []),
        (["--extend-select", "WS920"], ["WS910", "WS911", "WS920"]),
        (["--select", "WS910", "--extend-select", "WS920"], ["WS910", "WS920"]),
        (["--ignore", "found-alpha"], ["WS911"]),
        (["--ignore", "WS9"], []),
    ],
)
def test_selection(wslint_: Runner, options: list[str], codes: list[str]) -> None:
    wslint_.write("chat.py", "ALPHA = 1\nBETA = 1\nGAMMA = 1\n")
    assert wslint_.concise(*options) == codes


@pytest.mark.parametrize(
    ("configuration", "options", "codes"),
    [
        ("ignore: [WS910]", [], ["WS911"]),
        ("ignore: [WS910]", ["--select", "WS910"], ["WS910"]),
        ("ignore: [WS910]", ["--select", "WS91"], ["WS911"]),
        ("ignore: [WS910]", ["--ignore", "WS911"], []),
        ("ignore: [WS9]", ["--select", "WS91"], ["WS910", "WS911"]),
        ("ignore: [WS9]\nextend-select: [WS910]", [], ["WS910"]),
        ("select: [WS920]", [], ["WS920"]),
        ("select: [WS920]", ["--select", "WS910"], ["WS910"]),
        ("select: [WS920]", ["--extend-select", "WS910"], ["WS910", "WS920"]),
        ("profile: strict", [], ["WS910", "WS911", "WS920"]),
        ("profile: strict", ["--profile", "default"], ["WS910", "WS911"]),
        ("level: error", [], ["WS910"]),
        ("per-file-ignores: {'*.py': [WS910]}", [], ["WS911"]),
        ("per-file-ignores: {'chat.py': [found-beta]}", [], ["WS910"]),
        ("per-file-ignores: {'tests/': [WS910]}", [], ["WS910", "WS911"]),
        ("exclude: [chat.py]", [], []),
    ],
)
def test_configuration(wslint_: Runner, configuration: str, options: list[str], codes: list[str]) -> None:
    wslint_.write("chat.py", "ALPHA = 1\nBETA = 1\nGAMMA = 1\n")
    wslint_.write("wslint.yaml", configuration)
    assert wslint_.concise(*options) == codes


def test_findings_are_in_the_order_of_their_places(wslint_: Runner) -> None:
    for name in ("b.py", "a/z.py", "a.py"):
        wslint_.write(name, "BETA = ALPHA\nALPHA = BETA\n")
    outcome = wslint_("check", "--format", "concise")
    places = [line.split(": ")[0] for line in outcome.out.splitlines()[:-1]]
    assert places == [
        f"{name}:{place}" for name in ("a.py", "a/z.py", "b.py") for place in ("1:1", "1:8", "2:1", "2:9")
    ]


def test_test_code_gets_only_the_rules_for_it(wslint_: Runner) -> None:
    wslint_.write("tests/test_chat.py", "ALPHA = BETA\n")
    wslint_.write("vendor/chat.py", "ALPHA = BETA\n")
    assert wslint_.concise() == ["WS911"]


def test_paths_restrict_what_is_reported(wslint_: Runner) -> None:
    wslint_.write(".git/HEAD", "")
    wslint_.write("chat/a.py", "ALPHA = 1\n")
    wslint_.write("chatter/b.py", "BETA = 1\n")
    assert wslint_.concise("chat") == ["WS910"]
    assert wslint_.concise("chatter/b.py") == ["WS911"]
    assert wslint_.concise("chat/a.py", "chatter") == ["WS910", "WS911"]
    assert "2 files seen" in wslint_("check", "chat").out


def test_what_is_named_and_not_read_is_said(wslint_: Runner) -> None:
    wslint_.write("wslint.yaml", "exclude: [legacy/]")
    wslint_.write("legacy/chat.py", "ALPHA = 1\n")
    outcome = wslint_("check", "legacy/chat.py")
    assert outcome.status == 0
    assert "note: nothing of legacy/chat.py is read" in outcome.err
    assert "note: nothing of legacy is read" in wslint_("check", "legacy").err
    assert wslint_("check", "wslint.yaml").err == ""


def test_paths_are_shown_as_they_can_be_opened_from_here(wslint_: Runner) -> None:
    wslint_.write(".git/HEAD", "")
    wslint_.write("backend/chat.py", "ALPHA = 1\n")
    wslint_.write("other/x.txt", "")
    wslint_.monkeypatch.chdir(wslint_.folder / "backend")
    assert wslint_("check", ".", "--format", "concise").out.startswith("chat.py:1:1: ")
    wslint_.monkeypatch.chdir(wslint_.folder / "other")
    assert wslint_("check", "../backend", "--format", "concise").out.startswith("../backend/chat.py:1:1: ")
    document = json.loads(wslint_("check", "../backend", "--format", "json").out)
    assert document["findings"][0]["path"] == "backend/chat.py"
    assert document["summary"]["root"] == ".."


def test_several_trees(wslint_: Runner) -> None:
    wslint_.write("a/wslint.yaml", "ignore: [WS910]\n")
    wslint_.write("a/chat.py", "ALPHA = 1\nBETA = 1\n")
    wslint_.write("b/wslint.yaml", "ignore: [WS911]\n")
    wslint_.write("b/chat.py", "ALPHA = 1\nBETA = 1\n")
    outcome = wslint_("check", "a", "b", "--format", "concise")
    assert [line[:16] for line in outcome.out.splitlines()] == [
        "a/chat.py:2:1: W",
        "b/chat.py:1:1: W",
        "wslint: 1 error,",
    ]


def test_standard_input_stands_for_a_file(wslint_: Runner) -> None:
    wslint_.write("chat.py", "ALPHA = 1\n")
    outcome = wslint_("check", "-", "--stdin-filename", "chat.py", "--format", "concise", stdin="x = 1\n\nBETA = 1\n")
    assert outcome.out.splitlines()[0] == "chat.py:3:1: WS911 found-beta BETA is here"
    assert outcome.codes == ["WS911"]
    assert wslint_("check", "--stdin-filename", "new.py", "--format", "concise", stdin="BETA = 1\n").codes == ["WS911"]


def test_statistics_and_quiet(wslint_: Runner) -> None:
    wslint_.write("chat.py", "ALPHA = 1\nALPHA = 2\nBETA = 1\n")
    outcome = wslint_("check", "--format", "concise", "--statistics")
    assert outcome.out.splitlines()[3:5] == ["     2  WS910 found-alpha", "     1  WS911 found-beta"]
    assert len(wslint_("check", "--format", "concise", "--quiet").out.splitlines()) == 3


def test_notes_go_to_standard_error(wslint_: Runner) -> None:
    wslint_.write("wslint.yaml", "")
    wslint_.write("pyproject.toml", "[tool.wslint]\n")
    assert wslint_("check").err == "wslint: note: wslint.yaml is used; [tool.wslint] in pyproject.toml is not\n"
    assert wslint_("check", "--quiet").err == ""


def test_a_rule_that_crashes_costs_only_itself(wslint_: Runner) -> None:
    wslint_.write("a.py", "ALPHA = 'CRASH recursion '\n")
    wslint_.write("b.py", "BETA = 'CRASH memory '\n")
    outcome = wslint_("check", "--format", "concise", "--verbose")
    assert outcome.status == 2
    assert outcome.codes == ["WS000", "WS910", "WS930", "WS911", "WS930"]
    assert "WS930 always-crashes crashed on a.py, and on 1 more (RecursionError: x)" in outcome.out
    assert "Traceback" not in outcome.out
    assert "Traceback" in outcome.err
    assert wslint_("check", "--ignore", "WS930").status == 1
    assert "WS000" in wslint_.concise("--select", "WS930")


def test_a_crash_in_a_loop_over_the_stack_names_the_file(wslint_: Runner) -> None:
    wslint_.write("a.py", "x = 1\n")
    wslint_.write("chat/b.py", "x = 'CRASH looping '\n")
    outcome = wslint_("check", "--format", "concise", "--select", "WS931")
    said = "the rule WS931 loops-and-crashes crashed on chat/b.py (AttributeError: 'FakeConsumer' object has no"
    assert outcome.out.startswith(f"chat/b.py:1:1: WS000 internal-error {said}")


@pytest.mark.parametrize("text", ["", "import os\n"])
def test_no_channels(wslint_: Runner, text: str) -> None:
    wslint_.write("a.py", text)
    outcome = wslint_("check")
    assert (outcome.status, outcome.out) == (0, "wslint: found no Channels code in 1 file; nothing to check\n")


def test_no_python_files(wslint_: Runner) -> None:
    outcome = wslint_("check")
    assert outcome.status == 0
    assert "no Python files here" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "chat/consumer.py"], "there is no file or folder chat/consumer.py; did you mean chat/consumers.py?"),
        (["check", "nowhere/at/all"], "there is no file or folder nowhere/at/all"),
        (["check", "--select", "WS999"], 'there is no rule "WS999"'),
        (["check", "--ignore", "found-alhpa"], 'did you mean "found-alpha"?'),
        (["check", "--format", "xml"], "'xml' is not one of"),
        (["check", "--profile", "lax"], "'lax' is not one of"),
        (["check", "--selct", "WS910"], "--select"),
        (["check", "--exclude", "[z-a]"], '--exclude: "[z-a]" is no pattern'),
        (["check", "--config", "none.toml"], "none.toml: cannot be read: No such file"),
        (["check", "-"], "name the file with --stdin-filename"),
        (["check", "chat", "--stdin-filename", "x.py"], "give no paths, or `-`"),
        (["check", "--stdin-filename", "no/x.py"], "no/x.py is not in a folder that exists"),
        (["chek"], "'chek' is no command; did you mean `wslint check`?"),
        (["frobnicate"], "the commands are cache, check, explain, rules, stack"),
        (["chat"], "did you mean `wslint check chat`?"),
        (["explain", "found-alfa"], 'there is no rule "found-alfa"; did you mean "found-alpha"?'),
        (["explain", "nothing-like-it"], "`wslint rules` lists them"),
        (["explain"], "Missing argument 'RULE'"),
    ],
)
def test_wrong_usage(wslint_: Runner, arguments: list[str], said: str) -> None:
    wslint_.write("chat/consumers.py", "ALPHA = 1\n")
    outcome = wslint_(*arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert said in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ("selct: [WS910]", 'wslint: wslint.yaml: unknown key "selct"; did you mean "select"?'),
        ("select: [WS999]", 'wslint: wslint.yaml: select: there is no rule "WS999"'),
        ("ignore: [found-alhpa]", 'there is no rule "found-alhpa"; did you mean "found-alpha"?'),
        ("per-file-ignores: {'*.py': [WS999]}", 'wslint.yaml: per-file-ignores "*.py": there is no rule "WS999"'),
    ],
)
def test_wrong_configuration(wslint_: Runner, configuration: str, said: str) -> None:
    wslint_.write("wslint.yaml", configuration)
    outcome = wslint_("check", "--exit-zero")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("wslint: wslint.yaml: ")
    assert said in outcome.err


def test_a_named_configuration_replaces_the_projects_own(wslint_: Runner) -> None:
    wslint_.write("chat.py", "ALPHA = 1\nBETA = 1\n")
    wslint_.write("wslint.yaml", "ignore: [WS910]")
    wslint_.write("ci.yaml", "ignore: [WS911]")
    assert wslint_.concise("--config", "ci.yaml") == ["WS910"]


def test_help(wslint_: Runner) -> None:
    bare = wslint_()
    assert bare.status == 0
    assert bare.out == wslint_("--help").out
    assert "wslint check chat/consumers.py" in bare.out
    text = wslint_("check", "--help").out
    assert "Exit status:\n    0  nothing to report\n    1  findings\n    2  wrong usage" in text


def test_version(wslint_: Runner) -> None:
    outcome = wslint_("--version")
    assert (outcome.status, outcome.out) == (0, f"wslint {wslint.__version__}\n")


def test_explain(wslint_: Runner) -> None:
    outcome = wslint_("explain", "unused-suppression")
    assert outcome.status == 0
    assert outcome.out == wslint_("explain", "ws002").out
    for heading in ("WS002 unused-suppression", "\nWhy\n", "\nWhat you see\n", "\nHow to mend it\n", "\nWrong\n"):
        assert heading in outcome.out
    assert "    value = 1  # wslint: ignore[WS303]" in outcome.out


def test_rules(wslint_: Runner) -> None:
    lines = wslint_("rules").out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)
    assert "WS910  found-alpha          error    fix  Finds ALPHA, an error." in lines
    document = json.loads(wslint_("rules", "--format", "json").out)
    assert {rule["code"]: rule["level"] for rule in document}["WS920"] == "info"


def test_colour_is_forced(wslint_: Runner) -> None:
    wslint_.write("chat.py", "ALPHA = 1\n")
    assert "\x1b[" not in wslint_("check").out
    wslint_.monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[31;1mWS910\x1b[0m" in wslint_("check").out
    wslint_.monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in wslint_("check").out


def run(*arguments: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "wslint", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def test_an_encoding_that_lacks_characters(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import channels\nx = 1  # wslint: ignore[漢字]\n", encoding="utf-8")
    done = run("check", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii", "WSLINT_CACHE_DIR": str(tmp_path / "c")})
    assert (done.returncode, done.stderr) == (1, b"")
    assert rb'there is no rule "\u6f22\u5b57"' in done.stdout


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import channels\n" + "x = 1  # wslint: ignore\n" * 3000, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "wslint", "check", "--no-cache"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 1
        assert process.stderr.read() == b""
