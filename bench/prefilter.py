"""Does reading only the files that matter lose findings? Check projects twice, the second time reading every file.

    python bench/prefilter.py FOLDER [--only owner/name …] [--largest 400]

FOLDER is the primer's: one check-out per project, called owner+name. Exit status: 1 when a finding differs.
"""

import argparse
import sys
import time
from pathlib import Path

from wslint import api
from wslint.cache import Cache
from wslint.discover import discover
from wslint.rule import Finding
from wslint.stack import build

EVERYTHING = (b"",)


def findings(project: Path, cache: Cache, seeds: tuple[bytes, ...]) -> tuple[set[str], float]:
    """The findings of a project as text, and the seconds they took, when `seeds` choose the files to read."""
    usual, build.SEEDS = build.SEEDS, seeds
    start = time.perf_counter()
    try:
        report = api.check([project], cache=cache)
    finally:
        build.SEEDS = usual
    read = (finding for finding in report.findings if finding.code != "WS001")  # only said of files that were read
    return set(map(_line, read)), time.perf_counter() - start


def _line(finding: Finding) -> str:
    return f"{finding.location.path}:{finding.location.span.line} {finding.code} {finding.message}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", action="append", default=[], metavar="OWNER/NAME")
    parser.add_argument("--largest", type=int, default=400, help="skip projects with more Python files (default 400)")
    parser.add_argument("--cache", type=Path, help="keep what was read in this folder")
    options = parser.parse_args()
    wanted = {name.replace("/", "+") for name in options.only}
    differences = projects = 0
    for project in sorted(path for path in options.folder.iterdir() if path.is_dir()):
        if wanted and project.name not in wanted:
            continue
        if len(discover(project).python) > options.largest and not wanted:
            continue
        cache = Cache(options.cache)
        usual, quick = findings(project, cache, build.SEEDS)
        complete, slow = findings(project, cache, EVERYTHING)
        projects += 1
        print(f"{project.name}: {len(usual)} findings in {quick:.2f} s, {len(complete)} in {slow:.2f} s", flush=True)
        for line in sorted(complete - usual):
            print(f"  lost by the prefilter: {line}")
        for line in sorted(usual - complete):
            print(f"  only with the prefilter: {line}")
        differences += len(complete ^ usual)
    print(f"{projects} projects, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
