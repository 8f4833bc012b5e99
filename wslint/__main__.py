"""`wslint` and `python -m wslint`."""

from __future__ import annotations

import sys

from wslint.lazy import load, protect


def main() -> int:
    """Run the command line; the exit status."""
    protect()  # first: under `python -m` the analysed project's folder is on sys.path
    status: int = load("wslint.cli").run()
    return status


if __name__ == "__main__":
    sys.exit(main())
