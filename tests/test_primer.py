"""bench/primer.py against a wslint that does as it is told."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PRIMER = Path(__file__).resolve().parent.parent / "bench" / "primer.py"

pytestmark = pytest.mark.skipif(not hasattr(os, "wait4"), reason="no os.wait4: memory cannot be measured here")

FAKE = """
import json, os, pathlib, sys, time
project = pathlib.Path(sys.argv[-1])
assert sys.argv[1:-1] == ["check", "--format", "json", "--profile", "strict", "--no-cache"], sys.argv
asked = json.loads((project / "asked.json").read_text())
sys.stderr.write(asked.get("stderr", ""))
time.sleep(asked.get("sleep", 0))
block = bytearray(asked.get("megabytes", 0) << 20)
if "signal" in asked:
    os.kill(os.getpid(), asked["signal"])
print(asked["stdout"] if "stdout" in asked else json.dumps({"version": 1, "findings": asked["findings"]}))
sys.exit(asked.get("status", bool(asked.get("findings"))))
"""


def finding(code: str, path: str, line: int, message: str = "wrong", **more: Any) -> dict[str, Any]:
    return {"code": code, "path": path, "line": line, "message": message, "column": 1, "related": [], **more}


def primer(*arguments: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(PRIMER), *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def corpus(folder: Path, **projects: dict[str, Any]) -> Path:
    """A folder of check-outs; a project called a__b lies in a+b and is at commit c-a__b."""
    for name, asked in projects.items():
        (folder / name.replace("__", "+")).mkdir(parents=True, exist_ok=True)
        (folder / name.replace("__", "+") / "asked.json").write_text(json.dumps(asked))
    index = [{"project": name.replace("__", "+"), "commit": f"c-{name}"} for name in projects]
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def run(folder: Path, out: Path, *more: str) -> tuple[int, dict[str, Any]]:
    fake = folder.parent / "fake_wslint.py"
    fake.write_text(FAKE)
    status, output = primer("run", folder, "--out", out, "--wslint", shlex.join([sys.executable, str(fake)]), *more)
    assert out.is_file(), output
    projects: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))["projects"]
    return status, projects


def test_a_run_keeps_findings_commit_seconds_and_memory(tmp_path: Path) -> None:
    guilty = finding("WS303", str(tmp_path / "all" / "ann+chat" / "chat" / "consumers.py"), 7)
    guilty["related"] = [{"path": str(tmp_path / "all" / "ann+chat" / "a.ts"), "line": 2}]
    folder = corpus(
        tmp_path / "all",
        ann__chat={"findings": [guilty], "sleep": 0.3, "megabytes": 120},
        bob__quiet={"findings": []},
    )
    status, projects = run(folder, tmp_path / "out.json", "--jobs", "2")
    assert status == 0
    chat, quiet = projects["ann/chat"], projects["bob/quiet"]
    assert (chat["commit"], chat["status"], chat["crashes"]) == ("c-ann__chat", 1, [])
    assert [found["path"] for found in chat["findings"]] == ["chat/consumers.py"]
    assert chat["findings"][0]["related"][0]["path"] == "a.ts"
    assert chat["seconds"] >= 0.3
    assert quiet["seconds"] > 0
    assert chat["peak_mb"] > 120 > quiet["peak_mb"] > 1
    assert (quiet["status"], quiet["findings"]) == (0, [])


@pytest.mark.parametrize(
    ("asked", "crash"),
    [
        ({"status": 2, "stdout": "", "stderr": "no such profile"}, "exit status 2: no such profile"),
        ({"findings": [], "stderr": "Traceback (most recent call last):\nKeyError: 'x'"}, "KeyError: 'x'"),
        ({"findings": [finding("WS000", "a.py", 3, "rule WS501 failed")]}, "a.py:3 rule WS501 failed"),
        ({"findings": [], "signal": 11}, "exit status -11"),
        ({"stdout": "Killed"}, "unreadable output"),
        ({"stdout": '{"findings": [{"code": "WS303"}]}'}, "unreadable output"),
        ({"findings": [], "sleep": 60}, "no answer within 1 s"),
    ],
    ids=["status", "traceback", "WS000", "signal", "not JSON", "not findings", "hang"],
)
def test_each_way_to_crash_is_noted(tmp_path: Path, asked: dict[str, Any], crash: str) -> None:
    folder = corpus(tmp_path / "all", ann__chat=asked, bob__quiet={"findings": []})
    status, projects = run(folder, tmp_path / "out.json", "--timeout", "1")
    assert status == 2
    assert len(projects["ann/chat"]["crashes"]) == 1
    assert crash in projects["ann/chat"]["crashes"][0]
    assert projects["bob/quiet"]["crashes"] == []


def test_only_the_named_projects_run(tmp_path: Path) -> None:
    folder = corpus(tmp_path / "all", ann__chat={"findings": []}, bob__chat={"findings": []}, cy={"findings": []})
    _, projects = run(folder, tmp_path / "out.json", "--only", "bob/chat", "--only", "cy")
    assert [*projects] == ["bob/chat", "cy"]
    assert run(folder, tmp_path / "out.json", "--only", "nobody") == (2, {})


def test_diff_tells_new_gone_and_changed(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    stays, goes = finding("WS303", "a.py", 1), finding("WS303", "a.py", 2)
    was, is_now = finding("WS501", "a.py", 9, "old words"), finding("WS501", "a.py", 9, "new words")
    run(corpus(folder, ann__chat={"findings": [stays, goes, was]}), tmp_path / "old.json")
    status, output = primer("diff", tmp_path / "old.json", tmp_path / "old.json")
    assert (status, "WS" in output) == (0, False)

    now = {"findings": [stays, stays, is_now], "stderr": "Traceback (most recent call last):\nOops"}
    run(corpus(folder, ann__chat=now, bob__new={"findings": [goes]}), tmp_path / "new.json")
    status, output = primer("diff", tmp_path / "old.json", tmp_path / "new.json")
    assert status == 1
    assert "WS303  1 new, 1 gone, 0 changed" in output
    assert "+ ann/chat  a.py:1" in output
    assert "- ann/chat  a.py:2" in output
    assert "WS501  0 new, 0 gone, 1 changed" in output
    assert "old words" in output
    assert "new words" in output
    assert "bob/new: only in one of the runs" in output
    assert "ann/chat: crashes [] →" in output


def test_verdicts_are_appended_and_tallied(tmp_path: Path) -> None:
    kept = tmp_path / "verdicts.jsonl"
    found = [finding("WS303", "a.py", line) for line in (1, 2, 3, 4)]
    folder = corpus(tmp_path / "all", ann__chat={"findings": found})
    run(folder, tmp_path / "one.json")

    def judge(line: int, verdict: str, reason: str = "the client reads it") -> int:
        where = (tmp_path / "one.json", "ann+chat", "a.py", line, "ws303", verdict, reason)
        return primer("judge", *where, "--verdicts", kept)[0]

    judged = [
        judge(1, "true"),
        judge(2, "unsure"),
        judge(2, "false"),
        judge(3, "true"),
        judge(9, "true"),
        judge(1, "true", " "),
    ]
    assert judged == [0, 0, 0, 0, 2, 2]
    assert json.loads(kept.read_text().splitlines()[0]) == {
        "project": "ann/chat",
        "commit": "c-ann__chat",
        "file": "a.py",
        "line": 1,
        "code": "WS303",
        "verdict": "true",
        "reason": "the client reads it",
    }

    status, output = primer("verdicts", tmp_path / "one.json", "--verdicts", kept, "--show", "unjudged")
    assert status == 0
    assert "WS303 2 1 · 1 · · 67%" in " ".join(output.split())
    assert "ann/chat a.py 4 WS303  wrong" in output

    run(corpus(tmp_path / "all", ann__chat={"findings": found[3:]}), tmp_path / "two.json")
    _, output = primer("verdicts", tmp_path / "two.json", "--verdicts", kept, "--show", "lost")
    assert "WS303 · · · 1 2 1" in " ".join(output.split())
    assert "ann/chat a.py 1 WS303" in output
    assert "ann/chat a.py 3 WS303" in output
    assert "ann/chat a.py 2 WS303" not in output


def test_the_verdicts_in_the_repository_are_well_formed() -> None:
    for line in (PRIMER.parent / "verdicts.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        assert [*record] == ["project", "commit", "file", "line", "code", "verdict", "reason"], line
        assert record["verdict"] in ("true", "false", "unsure"), line
        assert record["reason"], line
        assert "\n" not in record["reason"], line
