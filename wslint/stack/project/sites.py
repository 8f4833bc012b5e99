"""Where the packages of a Python environment lie, found by its files alone: no interpreter is started."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

VARIABLE = "VIRTUAL_ENV"

_VERSION = re.compile(r"python3\.\d+")


def sites_of(python: Path) -> tuple[str, ...]:
    """The package folders of an environment, given its interpreter or its folder; empty when there are none."""
    prefix = python if python.is_dir() else Path(os.path.abspath(python)).parent.parent  # noqa: PTH100 (not resolved)
    found = list(_packages(prefix))
    if (prefix / "pyvenv.cfg").is_file():
        found += _outer(prefix)
    elif not python.is_dir():
        real = python.resolve()
        found += _packages(real.parent.parent, _version(real))
    return tuple(dict.fromkeys(str(folder) for site in found for folder in (site, *_linked(site))))


def active_sites(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Those of the virtual environment that is active, unless it is the one that wslint runs in."""
    active = environment.get(VARIABLE)
    if not active or os.path.realpath(active) == os.path.realpath(sys.prefix):
        return ()
    return sites_of(Path(active)) if Path(active).is_dir() else ()


def _packages(prefix: Path, version: str = "") -> Iterator[Path]:
    """`lib/python3.12/site-packages` and its likes below a prefix."""
    for pattern in ("lib/python3*", "lib64/python3*", "Lib", "local/lib/python3*"):
        for folder in sorted(prefix.glob(pattern)):
            if not version or folder.name in (version, "python3", "Lib"):
                yield from filter(Path.is_dir, (folder / "site-packages", folder / "dist-packages"))


def _outer(prefix: Path) -> Iterator[Path]:
    """The packages that a virtual environment takes from the Python it was made with, if it does."""
    told: dict[str, str] = {}
    for line in _lines(prefix / "pyvenv.cfg"):
        key, _, value = line.partition("=")
        told[key.strip().lower()] = value.strip()
    if told.get("include-system-site-packages", "").lower() == "true" and told.get("home"):
        version = ".".join(told.get("version", told.get("version_info", "")).split(".")[:2])
        yield from _packages(Path(told["home"]).parent, f"python{version}" if version else "")


def _linked(site: Path) -> Iterator[Path]:
    """The folders that `.pth` files add; lines that are code are left alone."""
    for file in sorted(site.glob("*.pth")):
        for line in _lines(file):
            if line.strip() and not line.startswith(("#", "import ", "import\t")) and (site / line.strip()).is_dir():
                yield site / line.strip()


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return []


def _version(interpreter: Path) -> str:
    """`python3.12`, when the name of an interpreter tells."""
    found = _VERSION.match(interpreter.name)
    return found[0] if found else ""
