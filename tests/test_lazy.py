"""No file of the analysed project is ever run, whatever it is called."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from wslint.lazy import hidden_project, is_trusted, load

DEPENDENCIES = (
    "astroid",
    "click",
    "libcst",
    "msgspec",
    "packaging",
    "pathspec",
    "platformdirs",
    "tomli",
    "yaml",
    "rules",
)
LIBRARY = ("json", "calendar", "code", "dataclasses", "queue", "secrets", "tomllib", "types", "typing", "difflib")
CONSUMER = """from channels.generic.websocket import AsyncWebsocketConsumer


class Chat(AsyncWebsocketConsumer):
    async def connect(self):
        self.accept()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "consumers.py").write_text(CONSUMER)
    (root / "pyproject.toml").write_text('[tool.wslint]\nexclude = ["old/"]\n')
    (root / "docker-compose.yml").write_text("services:\n  web:\n    command: daphne asgi:application\n")
    (root / "requirements.txt").write_text("channels>=4\n")
    return root


def plant(root: Path, *names: str) -> None:
    for name in names:
        (root / f"{name}.py").write_text(
            "import os\nos.write(2, b'RAN ' + __name__.encode() + b'\\n')\nraise SystemExit(9)\n"
        )


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {"WSLINT_CACHE_DIR": str(cwd.parent / "cache"), **environment}
    return subprocess.run(
        command, cwd=cwd, env=os.environ | own, capture_output=True, text=True, timeout=60, check=False
    )


def script(name: str) -> str:
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        pytest.skip(f"{name} is not installed as a script here")
    return str(path)


def assert_found(done: subprocess.CompletedProcess[str]) -> None:
    assert "RAN" not in done.stdout + done.stderr
    assert "WS501" in done.stdout, done.stderr
    assert done.returncode == 1


def test_python_m_wslint(project: Path) -> None:
    own = {"types"}  # Python 3.12's own `-m` imports it from the current folder, before any of our code
    plant(project, *DEPENDENCIES, *(name for name in LIBRARY if name not in own))
    assert_found(run(sys.executable, "-m", "wslint", "check", cwd=project))


def test_script_wslint(project: Path) -> None:
    plant(project, *DEPENDENCIES, *LIBRARY, "wslint")
    assert_found(run(script("wslint"), "check", cwd=project))


def test_python_m_flake8(project: Path) -> None:
    plant(project, *DEPENDENCIES)
    assert_found(run(sys.executable, "-m", "flake8", "--select=WS", "consumers.py", cwd=project))


def test_script_flake8(project: Path) -> None:
    plant(project, *DEPENDENCIES, *LIBRARY, "wslint")
    assert_found(run(script("flake8"), "--select=WS", "consumers.py", cwd=project))


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no safe path")
@pytest.mark.parametrize("module", ["wslint", "flake8"])
def test_safe_path_closes_what_is_left(project: Path, module: str) -> None:
    plant(project, *DEPENDENCIES, *LIBRARY, "wslint", "flake8")
    arguments = ("check",) if module == "wslint" else ("--select=WS", "consumers.py")
    assert_found(run(sys.executable, "-m", module, *arguments, cwd=project, PYTHONSAFEPATH="1"))


def test_project_on_pythonpath(project: Path) -> None:
    plant(project, *DEPENDENCIES)
    assert_found(run(script("wslint"), "check", cwd=project, PYTHONPATH=str(project)))


def test_what_is_trusted(tmp_path: Path) -> None:
    import pytest as installed

    assert is_trusted(str(Path(os.__file__).parent))
    assert is_trusted(str(Path(os.__file__).parent / "lib-dynload"))
    assert is_trusted(str(Path(installed.__file__).parent.parent))
    assert not is_trusted(str(tmp_path))


def test_current_folder_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not is_trusted("")
    assert not is_trusted(".")


def test_hiding_ends_and_nests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(sys.path)
    with pytest.raises(KeyError), hidden_project():
        with hidden_project():
            assert str(tmp_path) not in sys.path
        assert str(tmp_path) not in sys.path
        raise KeyError
    assert sys.path == before


def test_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path, "wslint_planted")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError):
        load("wslint_planted")
    assert load("json.decoder").__name__ == "json.decoder"
