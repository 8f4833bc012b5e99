"""Time wslint beside its peers on one tree, say where its own time goes, and how it grows.

    python bench/compare.py WORK                       build everything in the folder WORK, measure, print the tables
    python bench/compare.py WORK --folder ~/code/shop  … with more code in the tree
    python bench/compare.py WORK --slow --growth       … also what takes minutes: flake8, pylint, fixit, semgrep; curves
    python bench/compare.py WORK --keep                … and keep the tables in bench/results/

WORK holds two environments (`with` wslint, and `without`), the sources from the package index, and the tree. What is
there already is used again, except wslint itself. Linux only: it measures CPU time and memory of child processes.
"""

import argparse
import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
SOURCES = """
    Django==6.1.3 wagtail==8.0.1 django-cms==5.1.3 django-oscar==4.2.1 pulpcore==3.123.1 mezzanine==6.1.1 otree==6.0.15
    openwisp-controller==1.3.2 openwisp-network-topology==1.3.1 openwisp-notifications==1.3 channels-redis==4.3.0
    djangochannelsrestframework==1.3.0 django-private-chat2==1.0.2 strawberry-graphql-django==0.93.0
""".split()
PEERS = ("ruff", "flake8", "pylint", "fixit", "semgrep")
CAVEAT = """\
ruff does another job: it runs a few rules on every file, each file on its own, as a compiled program. wslint parses
only the files that lead to Channels, links them, and runs all its rules on the whole. The ratio says how it feels to
wait for one beside the other, not which is the better program. pylint, fixit and semgrep are given only the files with
Channels code; flake8 gets all of them."""


@dataclass
class Case:
    """A command to time; `prepare` runs before every run, outside the clock."""

    name: str
    command: list[str]
    prepare: Callable[[], None] = lambda: None
    slow: bool = False
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    megabytes: float = 0.0
    status: int = 0

    def run(self, folder: Path, environment: dict[str, str]) -> None:
        self.prepare()
        start = time.perf_counter()
        process = subprocess.Popen(
            self.command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds.append(time.perf_counter() - start)
        process.returncode = self.status = os.waitstatus_to_exitcode(status)
        self.cpu.append(usage.ru_utime + usage.ru_stime)
        self.megabytes = max(self.megabytes, usage.ru_maxrss / 1024)


def quiet(*command: str | Path, cwd: Path | None = None) -> str | None:
    """Run a command; why it failed, or None."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["failed"])[-1]


# --- building ---------------------------------------------------------------------------------------------------------


def environments(work: Path) -> Iterator[str]:
    """Make the two environments; yields remarks on peers that cannot be had."""
    for name in ("with", "without"):
        if not (work / name).is_dir():
            quiet(sys.executable, "-m", "venv", work / name)
        for peer in PEERS if name == "without" else ("flake8",):
            problem = quiet(work / name / "bin/python", "-m", "pip", "install", "-q", peer)
            if problem is not None:
                yield f"{peer} is left out: {problem}"
    copy = work / "checkout"
    shutil.rmtree(copy, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__", ".git", "*.egg-info", "build", "fixtures", "tests")
    shutil.copytree(ROOT, copy, ignore=ignore)
    problem = quiet(work / "with/bin/python", "-m", "pip", "install", "-q", "--force-reinstall", "--no-deps", copy)
    problem = problem or quiet(work / "with/bin/python", "-m", "pip", "install", "-q", copy)
    if problem is not None:
        sys.exit(f"wslint cannot be installed: {problem}")


def build_tree(work: Path, sources: list[str], folders: list[Path]) -> Iterator[str]:
    """Unpack sources from the package index, and copy folders, into WORK/tree; yields remarks."""
    archives, tree = work / "sdists", work / "tree"
    archives.mkdir(parents=True, exist_ok=True)
    tree.mkdir(exist_ok=True)
    there = {path.name.rpartition("-")[0].replace("-", "_").lower() for path in archives.iterdir()}
    for source in sources:
        if source.partition("==")[0].replace("-", "_").lower() in there:
            continue
        download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", archives]
        problem = quiet(*download, source)
        if problem is not None:
            yield f"{source} is left out: {problem}"
            continue
    for archive in sorted(archives.glob("*.tar.gz")):
        target = tree / archive.name.removesuffix(".tar.gz")
        if not target.exists():
            with tarfile.open(archive) as content:
                content.extractall(tree, filter="data")
    (tree / "wslint.yaml").write_text("", encoding="utf-8")  # flake8 looks for the root of a file's project
    for folder in folders:
        if not (tree / folder.name).exists():
            shutil.copytree(folder, tree / folder.name, symlinks=True, ignore=shutil.ignore_patterns(".git"))


def size(tree: Path) -> tuple[int, int]:
    """Python files, and the lines in them."""
    files = [path for path in tree.rglob("*.py") if path.is_file()]
    return len(files), sum(path.read_bytes().count(b"\n") for path in files)


# --- measuring --------------------------------------------------------------------------------------------------------


def cases(work: Path, tree: Path, relevant: list[str], environment: dict[str, str]) -> list[Case]:
    wslint, ruff, bare, both = (
        str(work / name) for name in ("with/bin/wslint", "without/bin/ruff", "without/bin/flake8", "with/bin/flake8")
    )
    check = [wslint, "check", "--format", "concise"]
    ruff_check = [ruff, "check", "--select", "ASYNC", "-q", "."]
    one = next((path for path in relevant if path.endswith("consumers.py")), relevant[0])
    other = irrelevant_file(tree, relevant)
    quiet_project = next(
        (path for path in projects(tree) if not any(one.startswith(f"{path}/") for one in relevant)), "."
    )
    on_one = [both, "--isolated", one]

    def primed(command: list[str]) -> Callable[[], None]:
        return lambda: Case("once before", command).run(tree, environment)

    def touch() -> None:
        edit(tree / one)

    def touch_other() -> None:
        edit(tree / other)

    return [
        Case("wslint, nothing changed", check, primed(check)),
        Case("ruff --select ASYNC", ruff_check, primed(ruff_check)),
        Case("wslint, one relevant file changed", check, touch),
        Case("wslint, one file changed that leads to no Channels code", check, touch_other),
        Case("wslint --no-cache", [*check, "--no-cache"]),
        Case("ruff --select ASYNC --no-cache", [*ruff_check, "--no-cache"]),
        Case("flake8 on one file", [bare, "--isolated", one]),
        Case("flake8 with wslint on one file, cached", on_one, primed(on_one)),
        Case("flake8 with wslint on one file, that file changed", on_one, touch),
        Case("flake8 with wslint on one file, another changed that leads to no Channels code", on_one, touch_other),
        Case("flake8 on a project without websockets", [bare, "--isolated", "-j1", quiet_project], slow=True),
        Case("flake8 with wslint on that project", [both, "--isolated", "-j1", quiet_project], slow=True),
        Case("flake8", [bare, "--isolated", "-j1", "."], slow=True),
        Case("flake8 with wslint", [both, "--isolated", "-j1", "."], slow=True),
        Case("pylint, relevant files", [str(work / "without/bin/pylint"), "-j1", *relevant], slow=True),
        Case("fixit, relevant files", [str(work / "without/bin/fixit"), "lint", *relevant], slow=True),
        Case(
            "semgrep with 3 local rules, relevant files",
            [
                str(work / "without/bin/semgrep"),
                "--metrics=off",
                "--config",
                str(ROOT / "bench/semgrep.yml"),
                *relevant,
            ],
            slow=True,
        ),
    ]


def edit(path: Path) -> None:
    """Change a file in a way that means nothing."""
    text = path.read_text(encoding="utf-8")
    mark = "\n# changed\n"
    path.write_text(text.removesuffix(mark) if text.endswith(mark) else text + mark, encoding="utf-8")


def projects(tree: Path) -> list[str]:
    """The folders of the tree, one for each source distribution, the largest last."""
    found = [path for path in tree.iterdir() if path.is_dir() and path.name[0] != "."]
    return [path.name for path in sorted(found, key=lambda path: (sum(1 for _ in path.rglob("*.py")), path.name))]


def irrelevant_file(tree: Path, relevant: list[str]) -> str:
    """A file in a folder of the tree that holds no Channels code at all."""
    folders = {path.partition("/")[0] for path in relevant}
    names = (str(path.relative_to(tree)) for name in projects(tree) for path in sorted((tree / name).rglob("*.py")))
    return next((name for name in names if name.partition("/")[0] not in folders), relevant[0])


def relevant_files(work: Path, tree: Path, environment: dict[str, str]) -> list[str]:
    command = [work / "with/bin/wslint", "check", "--verbose", "--format", "concise"]
    said = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False).stderr
    return [line.partition("Channels code: ")[2] for line in said.splitlines() if "Channels code: " in line]


def measure(all_cases: list[Case], tree: Path, environment: dict[str, str], runs: int) -> None:
    """Alternate, so that a busy minute of the machine meets every case."""
    quick = [case for case in all_cases if not case.slow]
    for case in quick:
        Case("warming up", case.command).run(tree, environment)
    for _ in range(runs):
        for case in quick:
            case.run(tree, environment)
    for case in all_cases:
        if case.slow:
            case.run(tree, environment)


def growth(work: Path, environment: dict[str, str]) -> Iterator[str]:
    """More files that do not matter, and more that do; each a line of the table."""
    wslint = [str(work / "with/bin/wslint"), "check", "--format", "concise"]
    filler = [path.read_bytes() for path in sorted((work / "tree").rglob("*.py"))[:2000] if path.is_file()]
    filler = [source for source in filler if b"channel" not in source and b"ebsocket" not in source]
    demo = ROOT / "fixtures" / "demo" / "broken"
    for irrelevant, projects in ((500, 1), (5_000, 1), (50_000, 1), (500, 10), (500, 100)):
        tree = work / f"growth-{irrelevant}-{projects}"
        if not tree.exists():
            for number in range(projects):
                shutil.copytree(demo, tree / f"project_{number}")
            for number in range(irrelevant):
                path = tree / f"package_{number // 100}" / f"module_{number}.py"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(filler[number % len(filler)])
        cold, warm = Case("cold", [*wslint, "--no-cache"]), Case("warm", wslint)
        for _ in range(2):
            warm.run(tree, environment)
        warm.seconds.clear()
        warm.cpu.clear()
        warm.megabytes = 0
        for _ in range(3):
            warm.run(tree, environment)
        cold.run(tree, environment)
        yield (
            f"| {irrelevant:,} | {projects} | {median(warm.seconds)} | {median(warm.cpu)} | {warm.megabytes:.0f} "
            f"| {median(cold.seconds)} | {median(cold.cpu)} | {cold.megabytes:.0f} |"
        )


PROFILE = """
import cProfile, pstats, sys
sys.argv = ["wslint", "check", "--format", "concise", "--no-cache"]
profile = cProfile.Profile()
profile.enable()
from wslint.__main__ import main
try:
    main()
finally:
    profile.disable()
    spent = {}
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():
        package = file.partition("site-packages/")[2] or ("built in" if file == "~" else "standard library")
        parts = package.split("/")
        if parts[0] == "wslint":
            place = "/".join(parts[:2]) if parts[1] == "rules" else package
        else:
            place = parts[0]
        spent[place] = spent.get(place, 0) + own
    whole = sum(spent.values())
    for place, seconds in sorted(spent.items(), key=lambda item: -item[1])[:25]:
        print(f"| {place} | {100 * seconds / whole:.1f} % |", file=sys.stderr)
"""


def profile(work: Path, tree: Path, environment: dict[str, str]) -> str:
    command = [work / "with/bin/python", "-I", "-c", PROFILE]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False).stderr


# --- telling ----------------------------------------------------------------------------------------------------------


def median(numbers: list[float]) -> str:
    return f"{statistics.median(numbers):.3f} s" if numbers else "–"


def versions(work: Path) -> str:
    script = "import importlib.metadata as m; print(*(f'{d.name} {d.version}' for d in m.distributions()), sep='\\n')"
    found: dict[str, str] = {}
    for name in ("with", "without"):
        done = subprocess.run([work / name / "bin/python", "-c", script], capture_output=True, text=True, check=True)
        found |= dict(line.split(" ", 1) for line in done.stdout.splitlines())
    wanted = ("wslint", "libcst", "msgspec", "click", *PEERS)
    return ", ".join(f"{name} {found[name]}" for name in wanted if name in found)


def table(all_cases: list[Case]) -> Iterator[str]:
    by_name = {case.name: case for case in all_cases}
    base = {"warm": by_name["ruff --select ASYNC"], "cold": by_name["ruff --select ASYNC --no-cache"]}
    yield "| case | runs | seconds (median) | fastest | CPU seconds (median) | × ruff warm | × ruff cold | peak MB |"
    yield "|---|---|---|---|---|---|---|---|"
    for case in all_cases:
        if not case.seconds:
            continue
        middle = statistics.median(case.seconds)
        ratios = [f"{middle / statistics.median(other.seconds):.2f}" for other in base.values()]
        failed = "" if case.status in (0, 1) else f" (exit status {case.status})"
        yield (
            f"| {case.name}{failed} | {len(case.seconds)} | {middle:.3f} | {min(case.seconds):.3f} "
            f"| {statistics.median(case.cpu):.3f} | {' | '.join(ratios)} | {case.megabytes:.0f} |"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--folder", type=Path, action="append", default=[], help="code to put into the tree")
    parser.add_argument("--source", action="append", help="a source distribution, in place of the usual ones")
    parser.add_argument("--no-sources", action="store_true", help="only the folders")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--slow", action="store_true", help="run the slow peers too, once")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--keep", action="store_true", help="write bench/results/DATE.md")
    options = parser.parse_args()
    work: Path = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    tree = work / "tree"
    sources = [] if options.no_sources else options.source or SOURCES
    remarks = [*environments(work), *build_tree(work, sources, [folder.resolve() for folder in options.folder])]
    environment = {**os.environ, "WSLINT_CACHE_DIR": str(work / "cache"), "RUFF_CACHE_DIR": str(work / "ruff-cache")}
    shutil.rmtree(work / "cache", ignore_errors=True)
    files, lines = size(tree)
    relevant = relevant_files(work, tree, environment)
    if not relevant:
        sys.exit("the tree has no Channels code")
    all_cases = [case for case in cases(work, tree, relevant, environment) if options.slow or not case.slow]
    all_cases = [case for case in all_cases if Path(case.command[0]).exists()]
    measure(all_cases, tree, environment, options.runs)
    said = [
        f"# {datetime.date.today().isoformat()}",
        "",
        f"{files:,} Python files, {lines:,} lines, {len(relevant)} files with Channels code; "
        f"{', '.join(sorted(path.name for path in tree.iterdir() if path.is_dir() and path.name[0] != '.'))}.",
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; {versions(work)}.",
        *remarks,
        "",
        *table(all_cases),
        "",
        CAVEAT,
        "",
        "## Where the time of wslint --no-cache goes",
        "",
        "| code | own time |",
        "|---|---|",
        profile(work, tree, environment),
    ]
    if options.growth:
        said += [
            "## Growth",
            "",
            "| files that do not matter | projects that do | warm | CPU | MB | cold | CPU | MB |",
            "|---|---|---|---|---|---|---|---|",
            *growth(work, environment),
        ]
    text = "\n".join(said) + "\n"
    print(text)
    if options.keep:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{datetime.date.today().isoformat()}.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
