"""What is installed is what is here, the layers hold, and the documents tell the truth about both."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from conftest import ROOT, not_run

import wslint
from wslint.config import _KEYS
from wslint.discover import load_toml
from wslint.registry import registry

PYPROJECT = load_toml((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_version_is_one() -> None:
    project = PYPROJECT["project"]
    assert isinstance(project, dict)
    assert project["version"] == wslint.__version__
    assert f"\n## {wslint.__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_package_is_listed() -> None:
    listed = set(PYPROJECT["tool"]["setuptools"]["packages"])  # type: ignore[index]
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "wslint").rglob("__init__.py")}
    assert listed == {".".join(folder.parts) for folder in folders} | {"wslint.rules"}


def test_entry_points() -> None:
    assert [entry.value for entry in entry_points(group="flake8.extension") if entry.name == "WS"] == [
        "wslint.flake8:Plugin"
    ]
    assert "wslint.__main__:main" in [entry.value for entry in entry_points(group="console_scripts", name="wslint")]


def test_every_rule_file_is_loaded() -> None:
    files = {path.stem for path in (ROOT / "rules").glob("*.py")} - {"__init__"}
    loaded = {type(rule).__module__.rpartition(".")[2] for rule in registry().rules}
    assert files <= loaded
    assert registry().broken == ()


def test_the_documents_name_every_key_and_no_other() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE) == list(_KEYS)


def test_the_layers_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "No module named 'importlinter'" in done.stderr:
        not_run("import-linter is not installed")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_wheel_holds_every_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    if "No matching distribution found for setuptools" in done.stdout + done.stderr:
        not_run("pip reaches no package index")
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    engine = {path.relative_to(ROOT).as_posix() for path in (ROOT / "wslint").rglob("*.py")}
    rules = {f"wslint/rules/{path.name}" for path in (ROOT / "rules").glob("*.py")}
    assert held == engine | rules | {"wslint/py.typed"}
