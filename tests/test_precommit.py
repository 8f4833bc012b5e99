"""The pre-commit hooks, in a real git repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import copied_checkout
from conftest import not_run
from test_flake8 import PROJECT

pytestmark = pytest.mark.slow


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def committed(folder: Path) -> Path:
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "test")
    return folder


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """wslint as a repository that pre-commit can install from, as it is in this checkout."""
    if shutil.which("git") is None:
        not_run("git is not installed")
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path_factory.mktemp("probe"))]
    reached = subprocess.run([*download, "setuptools>=77"], capture_output=True, text=True, timeout=200, check=False)
    if reached.returncode:
        not_run(f"pip cannot get setuptools: {reached.stderr.strip().splitlines()[-1]}")
    return committed(copied_checkout(tmp_path_factory.mktemp("hooks") / "wslint"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pre-commit's own store, shared by the tests of this module."""
    return tmp_path_factory.mktemp("pre-commit")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return committed(tmp_path)


def try_repo(hooks: Path, home: Path, project: Path, hook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "try-repo", str(hooks), hook, *arguments],
        cwd=project,
        env={**os.environ, "PRE_COMMIT_HOME": str(home), "PRE_COMMIT_COLOR": "never"},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )


def test_the_whole_project(hooks: Path, home: Path, project: Path) -> None:
    done = try_repo(hooks, home, project, "wslint", "--files", "config/settings.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "chat/routing.py:5:" in done.stdout
    assert "chat/consumers.py:" in done.stdout


def test_changed_files(hooks: Path, home: Path, project: Path) -> None:
    done = try_repo(hooks, home, project, "wslint-files", "--files", "chat/routing.py")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "chat/routing.py:5:" in done.stdout
    assert "chat/consumers.py:" not in done.stdout
    assert try_repo(hooks, home, project, "wslint-files", "--files", "config/asgi.py").returncode == 0
