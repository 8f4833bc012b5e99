"""Run wslint over a folder of real projects, compare two runs, and keep count of which findings are true.

Standard library only, so that the wslint under test may live in another environment. Linux only: it measures memory.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

VERDICTS = Path(__file__).with_name("verdicts.jsonl")
OPINIONS = ("true", "false", "unsure")
GONE = {"true": "lost", "false": "mended"}  # what to call a judged finding that is no longer reported
COLUMNS = (*OPINIONS, "unjudged", *GONE.values())

Finding = dict[str, Any]  # one element of "findings" in wslint's JSON, its path made relative to the project
Results = dict[str, "Run"]  # by project, as owner/name


class Key(NamedTuple):  # what ties a finding to its verdict
    project: str
    file: str
    line: int
    code: str


@dataclass
class Run:
    """What one wslint process over one project left behind."""

    commit: str | None
    status: int = 0
    seconds: float = 0.0
    peak_mb: float = 0.0
    crashes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def project_name(folder: str) -> str:
    """``owner+name``, how a check-out is called on disk, as ``owner/name``."""
    return folder.strip("/").replace("+", "/")


def check_outs(folder: Path, only: list[str]) -> dict[Path, str | None]:
    """The projects of a corpus folder and their commits, as far as its index.json tells them."""
    index = folder / "index.json"
    entries = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else []
    commits = {project_name(entry["project"]): entry["commit"] for entry in entries}
    names = {path: project_name(path.name) for path in sorted(folder.iterdir()) if path.is_dir()}
    return {path: commits.get(name) for path, name in names.items() if not only or name in map(project_name, only)}


def measure(command: list[str], timeout: float) -> tuple[int, float, float, str, str]:
    """Run a command to its end: exit status (-9 = killed by signal 9), seconds, peak megabytes, stdout, stderr."""
    kept = partial(tempfile.TemporaryFile, "w+", encoding="utf-8", errors="replace")
    with kept() as out, kept() as err:
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
        timer = threading.Timer(timeout, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, err):
            stream.seek(0)
        return process.returncode, seconds, usage.ru_maxrss / 1024, out.read(), err.read()


def relative(path: str, project: Path) -> str:
    """A reported path as seen from the project, whether it was given from there, from here or from the root."""
    here = Path(os.path.normpath(Path.cwd() / path))
    return here.relative_to(project).as_posix() if here.is_relative_to(project) else path


def run_one(project: Path, commit: str | None, wslint: list[str], timeout: float) -> Run:
    """Run wslint over one check-out and note every way in which it went wrong."""
    status, seconds, peak, printed, complaint = measure([*wslint, str(project)], timeout)
    result = Run(commit, status, round(seconds, 2), round(peak, 1))
    if status == -signal.SIGKILL and seconds >= timeout:
        result.crashes.append(f"no answer within {timeout:g} s")
    elif status not in (0, 1) or "Traceback (most recent call last)" in complaint:
        result.crashes.append(f"exit status {status}: {complaint.strip()[-2000:]}")
    try:
        findings: list[Finding] = json.loads(printed)["findings"]
        for place in [place for finding in findings for place in (finding, *finding["related"])]:
            place["path"] = relative(place["path"], project)
        result.findings = findings
    except (ValueError, KeyError, TypeError) as error:
        result.crashes = result.crashes or [f"unreadable output: {error!r}"]
    result.crashes += [f"{f['path']}:{f['line']} {f['message']}" for f in result.findings if f["code"] == "WS000"]
    return result


def run(options: argparse.Namespace) -> int:
    """Run wslint over every project of a folder; exit status 2 when it crashed on any."""
    wslint = shlex.split(options.wslint) if options.wslint else [sys.executable, "-m", "wslint"]
    wslint += ["check", "--format", "json", "--profile", options.profile, "--no-cache"]
    projects = check_outs(options.folder.resolve(), options.only)
    results: Results = {}
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = pool.map(lambda path: run_one(path, projects[path], wslint, options.timeout), projects)
        for path, result in zip(projects, runs, strict=True):
            results[project_name(path.name)] = result
            note = f" CRASH {result.crashes[-1].splitlines()[-1]}" if result.crashes else ""
            numbers = f"{result.seconds:7.1f} s {result.peak_mb:6.0f} MB {len(result.findings):5}"
            print(numbers, path.name, note, flush=True)
    document = {"version": 1, "command": wslint, "projects": {name: asdict(result) for name, result in results.items()}}
    options.out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(summary(results))
    return 2 if any(result.crashes for result in results.values()) or not results else 0


def summary(results: Results) -> str:
    runs = results.values()
    found, crashed = sum(len(run.findings) for run in runs), sum(bool(run.crashes) for run in runs)
    seconds, peak = sum(run.seconds for run in runs), max((run.peak_mb for run in runs), default=0.0)
    return f"{len(runs)} projects, {found} findings, {crashed} crashed, {seconds:.1f} s, peak {peak:.0f} MB"


def load(path: Path) -> Results:
    return {name: Run(**run) for name, run in json.loads(path.read_text(encoding="utf-8"))["projects"].items()}


def keyed(results: Results) -> Iterator[tuple[Key, Finding]]:
    for project, run in results.items():
        for finding in run.findings:
            yield Key(project, finding["path"], finding["line"], finding["code"]), finding


def differences(old: Results, new: Results) -> Iterator[tuple[str, Key, str]]:
    """(``+`` new, ``-`` gone or ``~`` changed, where, what it said), over the projects that both runs hold."""
    sides: defaultdict[Key, tuple[Counter[str], Counter[str]]] = defaultdict(lambda: (Counter(), Counter()))
    for side, results in enumerate((old, new)):
        for key, finding in keyed(results):
            if key.project in old and key.project in new:
                said = (str(finding.get(name)) for name in ("level", "column", "message", "hint", "symptom"))
                sides[key][side]["  ".join(said)] += 1
    for key in sorted(sides, key=lambda key: (key.code, key)):
        before, after = sides[key]
        for was, now in zip_longest(sorted((before - after).elements()), sorted((after - before).elements())):
            yield ("+" if not was else "-" if not now else "~"), key, "\n      → ".join(filter(None, (was, now)))


def diff(options: argparse.Namespace) -> int:
    """Print what changed between two runs, rule by rule and project by project; exit status 1 when anything did."""
    old, new = load(options.old), load(options.new)
    changes = list(differences(old, new))
    for code in sorted({key.code for _, key, _ in changes}):
        rule = [change for change in changes if change[1].code == code]
        signs = Counter(sign for sign, _, _ in rule)
        print(f"{code}  {signs['+']} new, {signs['-']} gone, {signs['~']} changed")
        for sign, key, text in rule:
            print(f"  {sign} {key.project}  {key.file}:{key.line}  {text}")
    news = [f"{name}: only in one of the runs" for name in sorted(old.keys() ^ new.keys())]
    for name in sorted(old.keys() & new.keys()):
        for what in ("commit", "crashes"):
            before, after = getattr(old[name], what), getattr(new[name], what)
            news += [f"{name}: {what} {before} → {after}"] * (before != after)
    print(*news, f"old: {summary(old)}", f"new: {summary(new)}", sep="\n")
    return 1 if changes or news else 0


def read_verdicts(path: Path) -> dict[Key, str]:
    """The last verdict on each finding."""
    records = map(json.loads, path.read_text(encoding="utf-8").splitlines() if path.is_file() else [])
    return {Key(r["project"], r["file"], r["line"], r["code"]): r["verdict"] for r in records}


def verdicts(options: argparse.Namespace) -> int:
    """Print, rule by rule, how many findings are true; then the findings asked for with --show."""
    results, known = load(options.results), read_verdicts(options.verdicts)
    rows = [(key, known.get(key, "unjudged"), finding["message"]) for key, finding in keyed(results)]
    absent = sorted(key for key in known.keys() - {row[0] for row in rows} if key.project in results)
    rows += [(key, GONE[known[key]], "") for key in absent if known[key] in GONE]
    rules: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for key, verdict, _ in rows:
        rules[key.code][verdict] += 1
    print("rule ", *(f"{name:>8}" for name in COLUMNS), " true of judged")
    for code, counts in sorted(rules.items()):
        judged = counts["true"] + counts["false"]
        share = f"{counts['true'] / judged:.0%}" if judged else ""
        print(code, *(f"{counts[name] or '·':>8}" for name in COLUMNS), "", share)
    for key, verdict, message in rows:
        if verdict == options.show:
            print(*key, f" {message}")
    return 0


def judge(options: argparse.Namespace) -> int:
    """Append one verdict, on a finding that the results hold; exit status 2 when they do not."""
    results = load(options.results)
    key = Key(project_name(options.project), options.file, options.line, options.code.upper())
    if key not in dict(keyed(results)) or not options.reason.strip():
        print("no such finding, or no reason:", *key, file=sys.stderr)
        return 2
    record = {"project": key.project, "commit": results[key.project].commit, **key._asdict()}
    record |= {"verdict": options.verdict, "reason": " ".join(options.reason.split())}
    with options.verdicts.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(description=__doc__)
    commands = top.add_subparsers(required=True)

    def command(action: Callable[[argparse.Namespace], int], *paths: str) -> argparse.ArgumentParser:
        made = commands.add_parser(action.__name__, help=action.__doc__, description=action.__doc__)
        made.set_defaults(action=action)
        for name in paths:
            made.add_argument(name, type=Path)
        return made

    runs = command(run, "folder")
    runs.add_argument("--out", type=Path, required=True)
    runs.add_argument("--wslint", help="how wslint is started (default: this Python -m wslint)")
    runs.add_argument("--jobs", type=int, default=1)
    runs.add_argument("--profile", default="strict")
    runs.add_argument("--timeout", type=float, default=120.0, help="seconds after which a project counts as hung")
    runs.add_argument("--only", action="append", default=[], metavar="PROJECT")
    command(diff, "old", "new")
    tally = command(verdicts, "results")
    tally.add_argument("--show", choices=COLUMNS)
    judging = command(judge, "results")
    for name in ("project", "file", "line", "code", "verdict", "reason"):
        judging.add_argument(name, type=int if name == "line" else str, choices=OPINIONS if name == "verdict" else None)
    for subcommand in (tally, judging):
        subcommand.add_argument("--verdicts", type=Path, default=VERDICTS)
    return top


if __name__ == "__main__":
    arguments = parser().parse_args()
    sys.exit(arguments.action(arguments))
