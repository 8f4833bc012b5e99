"""`wslint` and `python -m wslint`."""

import sys

from wslint.lazy import load, protect


def main() -> int:
    """Run the command line, or give its last result again; the exit status."""
    protect()  # first: under `python -m` the analysed project's folder is on sys.path
    status: int | None = load("wslint.replay").main(sys.argv[1:])
    if status is None:
        status = load("wslint.cli").run()
    return status or 0


if __name__ == "__main__":
    sys.exit(main())
