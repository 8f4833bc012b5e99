"""A copy of this checkout, so that builds leave nothing in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from conftest import ROOT

_GENERATED = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*_cache", ".git", ".venv", "build", "dist")


def copied_checkout(target: Path) -> Path:
    """Copy what belongs to the project to `target`, which must not exist; returns it."""
    shutil.copytree(ROOT, target, ignore=_GENERATED)
    return target
