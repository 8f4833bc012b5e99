"""Bad input costs itself: the run goes on, nothing else is lost, and no code of the project is ever run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_flake8 import PROJECT

from wslint import api
from wslint.discover import Tree

CONSUMER = PROJECT["chat/consumers.py"].replace("ChatConsumer", "OtherConsumer")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / "project" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "project" / name).write_text(text, encoding="utf-8")
    (tmp_path / "project" / "wslint.yaml").write_text("", encoding="utf-8")
    return tmp_path / "project"


def check(project: Path, *arguments: str) -> dict[str, Any]:
    """The JSON of `wslint check` in a process of its own, where even a crash of the interpreter would show."""
    done = subprocess.run(
        [sys.executable, "-m", "wslint", "check", "--format", "json", "--no-cache", *arguments],
        cwd=project,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == b""
    assert done.returncode in (0, 1)
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["summary"]["internal_errors"] == 0
    return document


def places(document: dict[str, Any], *codes: str) -> list[str]:
    return [f"{one['path']}:{one['line']} {one['code']}" for one in document["findings"] if one["code"] in codes]


KEPT = ["chat/consumers.py:6 WS302", "chat/routing.py:5 WS205"]


def nested(depth: int) -> str:
    return f"{CONSUMER}\nx = {'[' * depth}{']' * depth}\n"


def links_in_a_loop(project: Path) -> None:
    (project / "chat" / "again").symlink_to(project, target_is_directory=True)
    (project / "chat" / "loop.py").symlink_to(project / "chat" / "loop.py")


def a_committed_environment(project: Path) -> None:
    for folder in ("env", "backend/my-python"):
        packages = project / folder / "lib" / "python3.13" / "site-packages" / "shop"
        packages.mkdir(parents=True)
        (project / folder / "pyvenv.cfg").write_text("home = /usr/bin\n", encoding="utf-8")
        for number in range(50):
            (packages / f"consumers_{number}.py").write_text(CONSUMER, encoding="utf-8")


def a_pipe(project: Path) -> None:
    os.mkfifo(project / "chat" / "pipe.py")


def a_folder_called_like_a_file(project: Path) -> None:
    (project / "chat" / "views.py").mkdir()


def settings_that_import_themselves(project: Path) -> None:
    circle = "from config.settings import *\nfrom config import settings\nfrom .other import *\n"
    text = circle + PROJECT["config/settings.py"]
    (project / "config" / "settings.py").write_text(text, encoding="utf-8")
    (project / "config" / "other.py").write_text("from .settings import *\nDEBUG = settings.DEBUG\n", encoding="utf-8")


def classes_that_inherit_in_a_circle(project: Path) -> None:
    (project / "chat" / "a.py").write_text(
        "import channels\nfrom chat.b import B\nclass A(B): pass\n", encoding="utf-8"
    )
    (project / "chat" / "b.py").write_text(
        "import channels\nfrom chat.a import A\nclass B(A): pass\n", encoding="utf-8"
    )


def routes_that_hold_themselves(project: Path) -> None:
    text = PROJECT["chat/routing.py"] + "websocket_urlpatterns += websocket_urlpatterns\nurls = urls + [urls]\n"
    (project / "chat" / "routing.py").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "plant",
    [
        links_in_a_loop,
        a_committed_environment,
        a_pipe,
        a_folder_called_like_a_file,
        settings_that_import_themselves,
        classes_that_inherit_in_a_circle,
        routes_that_hold_themselves,
    ],
)
def test_strange_projects(project: Path, plant: Callable[[Path], None]) -> None:
    plant(project)
    document = check(project)
    assert places(document, "WS205", "WS302") == KEPT
    assert [place for place in places(document, "WS001") if "pipe.py" not in place and "loop.py" not in place] == []


@pytest.mark.parametrize(
    ("data", "unreadable"),
    [
        pytest.param(b"import channels\ndef (:\n", True, id="syntax error"),
        pytest.param(b"import channels\nx = '\xff'\n", True, id="not UTF-8"),
        pytest.param(b"# coding: nonsense\nimport channels\n", True, id="unknown encoding"),
        pytest.param(b"import channels\nx = 1\x00\n", True, id="null bytes"),
        pytest.param(f"{CONSUMER}\n".encode("utf-16"), True, id="UTF-16"),
        pytest.param(nested(5000).encode(), True, id="5,000 deep"),
        pytest.param(f"import channels\nx = {'-' * 5000}1\n".encode(), True, id="5,000 signs"),
        pytest.param(f"import channels\nx = a{'.b()' * 5000}\n".encode(), True, id="a chain of 5,000"),
        pytest.param(f"import channels\nx = {'1 + ' * 20000}1\n".encode(), True, id="20,000 terms"),
        pytest.param(b"import channels\n" + b"x = 1\n" * 1_800_000, True, id="10 MB"),
        pytest.param(nested(50).encode(), False, id="50 deep"),
        pytest.param(b"\xef\xbb\xbf" + CONSUMER.encode(), False, id="BOM"),
        pytest.param(CONSUMER.replace("\n", "\r\n").encode(), False, id="CRLF"),
        pytest.param(CONSUMER.replace("\n", "\r").encode(), False, id="CR"),
        pytest.param(CONSUMER.rstrip("\n").encode(), False, id="no last line end"),
        pytest.param(f"# coding: latin-1\n{CONSUMER}x = '\xe9'\n".encode("latin-1"), False, id="Latin-1"),
        pytest.param(b"", False, id="empty"),
        pytest.param(b"import channels\n" + b"if x:\n  y = 1\n" * 20_000, False, id="40,000 lines"),
    ],
)
def test_strange_files(project: Path, data: bytes, unreadable: bool) -> None:
    (project / "chat" / "strange.py").write_bytes(data)
    document = check(project)
    others = [place for place in places(document, "WS205", "WS302") if "strange" not in place]
    assert others == KEPT
    assert bool(places(document, "WS001")) is unreadable
    assert all(place.startswith("chat/strange.py:") for place in places(document, "WS001"))
    if not unreadable and b"OtherConsumer" in data:
        assert len(places(document, "WS302")) == 2


def test_a_syntax_error_says_where(project: Path) -> None:
    (project / "chat" / "strange.py").write_text("import channels\n\n\nclass (:\n", encoding="utf-8")
    assert places(check(project), "WS001") == ["chat/strange.py:4 WS001"]


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file or directory"), PermissionError(13, "Denied")])
def test_a_file_that_vanishes_or_is_locked(project: Path, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    read = Tree.search

    def failing(tree: Tree, path: str) -> bytes:
        if path == "chat/gone.py":
            raise error
        return read(tree, path)

    (project / "chat" / "gone.py").write_text(CONSUMER, encoding="utf-8")
    monkeypatch.setattr(Tree, "search", failing)
    report = api.check([project])
    assert report.internal_errors == ()
    assert {"WS205", "WS302"} <= {finding.code for finding in report.findings}
    (unreadable,) = [finding for finding in report.findings if finding.code == "WS001"]
    assert unreadable.location.path == "chat/gone.py"
    assert str(error.strerror) in unreadable.message


def test_other_files_full_of_nonsense(project: Path) -> None:
    for name in ("docker-compose.yml", "requirements.txt", "Dockerfile", "Procfile", "nginx.conf", "poetry.lock"):
        (project / name).write_bytes(b"\xff\xfe\x00[{" * 1000)
    document = check(project)
    assert places(document, "WS205", "WS302") == KEPT


SHADOWS = ("libcst", "yaml", "click", "rules", "msgspec", "pathspec", "platformdirs", "astroid", "packaging", "tomllib")
STANDARD = ("json", "difflib", "textwrap", "inspect", "pkgutil", "tokenize", "hashlib", "dataclasses")


def plant(project: Path, names: tuple[str, ...]) -> Path:
    """Modules of these names that leave a mark when anybody runs them."""
    mark = project.parent / "ran"
    for name in names:
        text = f"open({str(mark)!r}, 'a').write({name!r} + ' ')\nraise ImportError('planted')\nimport channels\n"
        (project / f"{name}.py").write_text(text, encoding="utf-8")
    return mark


@pytest.mark.parametrize("caller", ["wslint", "python -m wslint", "flake8", "python -m flake8"])
@pytest.mark.parametrize("on_path", [False, True], ids=["", "PYTHONPATH"])
def test_the_projects_own_modules_are_never_run(project: Path, caller: str, on_path: bool) -> None:
    by_module = caller.startswith("python")
    names: tuple[str, ...] = SHADOWS
    if caller == "wslint" or (caller == "python -m wslint" and not on_path):
        names += STANDARD  # flake8 itself, and an interpreter told to look there, import these before any of our code
    if caller == "wslint" and not on_path:
        names += ("wslint",)
    mark = plant(project, names)
    (project / "pyproject.toml").write_text("[tool.black]\n", encoding="utf-8")
    tool = caller.split()[-1]
    script = shutil.which(tool, path=str(Path(sys.executable).parent))
    if not by_module and script is None:
        pytest.skip(f"not run: there is no script {tool}")
    command = [sys.executable, "-m", tool] if by_module else [str(script)]
    options = ["check", "--format", "concise", "--no-cache"] if tool == "wslint" else ["--isolated", "--select=WS"]
    environment = {**os.environ, "WSLINT_CACHE_DIR": str(project.parent / "cache")}
    if on_path:
        environment["PYTHONPATH"] = str(project)
    done = subprocess.run(
        [*command, *options, "."],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert not mark.exists(), mark.read_text(encoding="utf-8")
    assert done.returncode == 1, done.stderr
    assert "WS205" in done.stdout
    assert "WS000" not in done.stdout


def test_what_a_project_declares_about_itself_is_not_installed(project: Path) -> None:
    mark = plant(project, ("planted_rules",))
    information = project / "planted.egg-info"
    information.mkdir()
    (information / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1\n", encoding="utf-8")
    (information / "entry_points.txt").write_text("[wslint.rules]\nx = planted_rules\n", encoding="utf-8")
    assert places(check(project), "WS205") == KEPT[1:]
    assert not mark.exists()
