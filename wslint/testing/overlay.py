"""Other versions of a few packages, laid over the environment: a folder that goes first on PYTHONPATH."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

INSTALL_SECONDS = 180.0


class NoOverlay(RuntimeError):
    """pip could not install the packages: no network, say."""


def overlay(requirements: tuple[str, ...]) -> Path:
    """A folder with these requirements, installed by pip once per interpreter and kept. Raises NoOverlay."""
    from platformdirs import user_cache_path

    parent = user_cache_path("wslint") / "proofs"
    wanted = "\n".join([sys.version, *requirements])
    folder = parent / f"overlay-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}"
    if folder.is_dir():
        return folder
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix="installing-", ignore_cleanup_errors=True) as temporary:
        target = Path(temporary, "packages")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), *requirements]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired as late:
            raise NoOverlay(f"pip install {' '.join(requirements)}: no end after {INSTALL_SECONDS:.0f} s") from late
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise NoOverlay(f"pip install {' '.join(requirements)}: {last}")
        try:
            os.rename(target, folder)  # noqa: PTH104 (fails, as it should, when another process was quicker)
        except OSError:
            if not folder.is_dir():
                raise
    return folder
