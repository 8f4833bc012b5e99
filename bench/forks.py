"""From how many lines on is it worth a fork to lower them in two processes?

    python bench/forks.py FOLDER [--runs 5]

Takes Python files of FOLDER until there are enough lines. Prints the fastest of some runs, in one process and in two.
"""

import argparse
import random
import time
from collections.abc import Callable
from pathlib import Path

from wslint.facts.python import read_python
from wslint.parallel import mapped
from wslint.stack.code.link import encode

SIZES = (500, 1_000, 2_000, 4_000, 8_000, 16_000)


def fastest(work: Callable[[], object], runs: int) -> float:
    """The seconds of the quickest run: what else the machine does only makes it slower."""
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def lower(source: bytes) -> bytes:
    return encode(read_python(source))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    paths = sorted(path for path in options.folder.rglob("*.py") if path.is_file())
    random.Random(0).shuffle(paths)
    for size in SIZES:
        sources: list[bytes] = []
        lines = 0
        for path in paths:
            if lines >= size:
                break
            sources.append(path.read_bytes())
            lines += sources[-1].count(b"\n")
        alone = fastest(lambda sources=sources: [lower(source) for source in sources], options.runs)  # type: ignore[misc]
        two = fastest(lambda sources=sources: list(mapped(lower, sources, 2)), options.runs)  # type: ignore[misc]
        print(f"{lines:>7} lines, {len(sources):>4} files: {1000 * alone:7.1f} ms alone, {1000 * two:7.1f} ms in two")


if __name__ == "__main__":
    main()
