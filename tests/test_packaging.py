"""What is installed is what is here, the layers hold, and the documents tell the truth about both."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from checkout import copied_checkout
from conftest import ROOT, not_run

import wslint
from wslint.config import _KEYS
from wslint.diagnostics import ENGINE_RULES
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


def test_the_readme_shows_what_wslint_prints(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    shutil.copytree(ROOT / "fixtures" / "demo" / "broken", tmp_path / "demo")
    consumers = tmp_path / "demo" / "core" / "agents" / "consumers.py"
    consumers.write_text(re.sub(r"  # expect:.*", "", consumers.read_text(encoding="utf-8")), encoding="utf-8")
    done = run("-m", "wslint", "check", "--no-cache", "--quiet", "--select", "WS302", cwd=tmp_path / "demo")
    assert done.stdout.strip() in shown, done.stdout


def test_the_layers_hold() -> None:
    pytest.importorskip("importlinter", reason="not run: import-linter is not installed")
    lint = "from importlinter.cli import lint_imports_command as lint; lint()"
    done = subprocess.run([sys.executable, "-c", lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of this checkout and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    done = run("-m", "build", "--outdir", str(folder), str(copied_checkout(folder / "checkout")))
    if "No matching distribution found for setuptools" in done.stdout + done.stderr:
        not_run("pip cannot get setuptools")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def run(
    *arguments: str, python: Path = Path(sys.executable), cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, *arguments], cwd=cwd, capture_output=True, text=True, timeout=500)


@pytest.mark.slow
def test_the_wheel_holds_every_file(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = built / "checkout"
    engine = {path.relative_to(source).as_posix() for path in (source / "wslint").rglob("*.py")}
    rules = {f"wslint/rules/{path.name}" for path in (source / "rules").glob("*.py")}
    assert held == engine | rules | {"wslint/py.typed"}


@pytest.mark.slow
def test_the_sdist_holds_what_the_tests_need(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    source = built / "checkout"
    fixtures = {path.relative_to(source).as_posix() for path in (source / "fixtures").rglob("*") if path.is_file()}
    assert {"tests/conftest.py", "tests/test_packaging.py", "docs/json.md", ".pre-commit-hooks.yaml"} <= held
    assert fixtures <= held


@pytest.mark.slow
def test_the_wheel_works_beside_a_package_called_rules(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert run("-m", "venv", str(tmp_path / "venv")).returncode == 0
    python = next((tmp_path / "venv").glob("*/python"))
    done = run("-m", "pip", "install", "-q", str(wheel), "rules", python=python)
    if done.returncode:
        not_run(f"pip cannot install the dependencies: {done.stderr.strip().splitlines()[-1]}")
    shutil.copytree(ROOT / "fixtures" / "demo" / "broken", tmp_path / "broken")
    both = (
        "from importlib.util import find_spec as f; print(len({f(name).origin for name in ('rules', 'wslint.rules')}))"
    )
    assert run("-c", both, python=python, cwd=tmp_path).stdout == "2\n"
    listed = run("-m", "wslint", "rules", python=python, cwd=tmp_path).stdout.splitlines()
    assert len(listed) == len(list((built / "checkout" / "rules").glob("ws*.py"))) + len(ENGINE_RULES)
    checked = run("-m", "wslint", "check", "--no-cache", "--format", "concise", python=python, cwd=tmp_path / "broken")
    assert (checked.returncode, checked.stderr) == (1, "")
    assert len(checked.stdout.splitlines()) > 10
    flaked = run("-m", "flake8", "--select=WS", "core", python=python, cwd=tmp_path / "broken")
    assert (flaked.returncode, flaked.stderr) == (1, "")


ALLOWED = ("wslint.rule", "wslint.flow", "wslint.stack", "wslint.knowledge")


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return names | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}


def test_rules_import_only_what_rules_may() -> None:
    for path in (ROOT / "rules").glob("ws*.py"):
        ours = {name for name in imported(path) if name.partition(".")[0] == "wslint"}
        assert {name for name in ours if not name.startswith(ALLOWED)} == set(), path.name


def test_nothing_imports_rules_by_name() -> None:
    for path in (ROOT / "wslint").rglob("*.py"):
        assert not {name for name in imported(path) if name.startswith(("wslint.rules", "rules"))}, path.name
