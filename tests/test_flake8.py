"""The flake8 plugin: the same findings, file by file, whatever happens."""

from __future__ import annotations

import ast
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_engine import small_engine  # noqa: F401

from wslint import api, session
from wslint.cache import Cache
from wslint.flake8 import Plugin
from wslint.index import Basis
from wslint.report.model import Report

PROJECT = {
    "manage.py": "",
    "chat/__init__.py": "",
    "chat/consumers.py": """\
from channels.generic.websocket import AsyncWebsocketConsumer


class ChatConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        await self.close(code=4001)
        await self.accept()
""",
    "chat/routing.py": """\
from django.urls import path

from chat.consumers import ChatConsumer

websocket_urlpatterns = [path("/ws/chat/", ChatConsumer.as_asgi())]
""",
    "config/__init__.py": "",
    "config/asgi.py": """\
import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

from chat.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)
""",
    "config/settings.py": """\
SECRET_KEY = "flake8"
ALLOWED_HOSTS = ["localhost"]
INSTALLED_APPS = ["daphne", "django.contrib.auth", "django.contrib.contenttypes", "channels", "chat"]
ASGI_APPLICATION = "config.asgi.application"
""",
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    session._trees.clear()
    for kept in (session._marks, session._may_be_configured, session._real):
        kept.cache_clear()
    yield
    session._trees.clear()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "wslint.yaml").write_text("", encoding="utf-8")
    return tmp_path


def told(path: Path, text: str | None = None) -> list[tuple[int, int, str]]:
    text = path.read_text(encoding="utf-8") if text is None else text
    return [found[:3] for found in Plugin(ast.parse(text), str(path), text.splitlines(keepends=True)).run()]


@pytest.mark.usefixtures("small_engine")
class TestPlugin:
    """With the small engine: what is told, and that nothing escapes."""

    def test_findings_of_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_text("x = 1\ny = ALPHA\n", encoding="utf-8")
        (tmp_path / "b.py").write_text("BETA = 1\n", encoding="utf-8")
        assert told(tmp_path / "a.py") == [(2, 4, "WS910 ALPHA is here")]
        assert told(tmp_path / "b.py") == [(1, 0, "WS911 BETA is here")]

    def test_one_check_for_all_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        calls: list[list[Path]] = []

        real = api.check

        def check(paths: list[Path], cache: Cache, basis: Basis) -> Report:
            calls.append(paths)
            return real(paths, cache=cache, basis=basis)

        monkeypatch.setattr(api, "check", check)
        names = ("a.py", "b.py", "c.py")
        for name in names:
            (tmp_path / name).write_text("ALPHA = 1\n", encoding="utf-8")
        assert [len(told(tmp_path / name)) for name in names] == [1, 1, 1]
        assert calls == [[tmp_path]]

    def test_the_buffer_wins_over_the_saved_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "a.py").write_text("ALPHA = 1\n", encoding="utf-8")
        monkeypatch.setattr(Plugin, "buffer_name", str(tmp_path / "a.py"))
        assert told(tmp_path / "a.py", "\n\nBETA = 1\n") == [(3, 0, "WS911 BETA is here")]

    def test_a_buffer_without_a_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(Plugin, "buffer_name", "stdin")
        assert told(Path("stdin"), "BETA = 1\n") == [(1, 0, "WS911 BETA is here")]

    def test_the_profile_and_ignores_count_here_too(self, tmp_path: Path) -> None:
        (tmp_path / "wslint.yaml").write_text("profile: strict\nignore: [WS910]\n", encoding="utf-8")
        (tmp_path / "a.py").write_text("GAMMA = ALPHA\n", encoding="utf-8")
        assert told(tmp_path / "a.py") == [(1, 0, "WS920 GAMMA is here")]

    def test_a_crashing_rule(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_text("ALPHA = 'CRASH now '\n", encoding="utf-8")
        assert [text.split()[0] for _, _, text in told(tmp_path / "a.py")] == ["WS000", "WS910", "WS930"]

    def test_a_crash_of_everything(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "a.py").write_text("x = 1\n", encoding="utf-8")
        monkeypatch.setattr(session, "in_file", lambda *given: 1 / 0)
        assert told(tmp_path / "a.py") == [
            (1, 0, "WS000 wslint crashed on this file (ZeroDivisionError: division by zero)")
        ]

    def test_a_wrong_configuration_is_told_where_it_matters(self, tmp_path: Path) -> None:
        (tmp_path / "wslint.yaml").write_text("selct: []\n", encoding="utf-8")
        (tmp_path / "a.py").write_text("import channels\n", encoding="utf-8")
        (tmp_path / "b.py").write_text("import os\n", encoding="utf-8")
        assert [line for line, _, text in told(tmp_path / "a.py") if 'did you mean "select"?' in text] == [1]
        assert told(tmp_path / "b.py") == []

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        assert told(tmp_path / "gone" / "a.py", "x = 1\n") == []


@pytest.mark.parametrize("seed", range(60))
def test_the_marks_of_a_folder_decide_on_its_root(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    folders = [tmp_path, tmp_path / "a", tmp_path / "a/b", tmp_path / "a/b/c"]
    folders[-1].mkdir(parents=True)
    monkeypatch.setenv("HOME", str(dice.choice(folders)))
    for folder in folders:
        for name, text in ((".git", ""), ("wslint.yaml", ""), ("pyproject.toml", "[tool.wslint]"), (".git", "")):
            if dice.random() < 0.2:
                (folder / name).write_text(dice.choice([text, "# wslint"]))
    roots: dict[tuple[str, str], set[Path]] = {}
    for folder in folders:
        roots.setdefault(session._marks(str(folder)), set()).add(api.root_of(folder))
    assert all(len(same) == 1 for same in roots.values())


def flake8(project: Path, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flake8", "--select=WS,E9", "--isolated", *arguments]
    done = subprocess.run(command, cwd=project, input=stdin, capture_output=True, timeout=120, check=False)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def wslint(project: Path, *arguments: str) -> list[str]:
    """`path:line:column: CODE` for each finding that `wslint check` shows."""
    command = [sys.executable, "-m", "wslint", "check", "--format", "concise", "--quiet", "--no-cache", *arguments]
    lines = subprocess.run(command, cwd=project, capture_output=True, timeout=120, check=False).stdout.decode()
    return [" ".join(line.split()[:2]) for line in lines.splitlines()]


def places(lines: str) -> list[str]:
    return [" ".join(line.removeprefix("./").split()[:2]) for line in lines.splitlines()]


def test_flake8_tells_what_wslint_tells(project: Path) -> None:
    done = flake8(project, ".")
    assert done.stderr == ""
    assert done.returncode == 1
    expected = [line for line in wslint(project) if line.split(":")[0].endswith(".py")]
    assert sorted(places(done.stdout)) == sorted(expected)
    assert {line.split()[1] for line in expected} >= {"WS205", "WS302"}


def test_flake8_with_several_processes(project: Path) -> None:
    files = [name for name in PROJECT if name.endswith(".py")]
    assert sorted(flake8(project, "-j", "2", *files).stdout.splitlines()) == sorted(
        flake8(project, "-j", "1", *files).stdout.splitlines()
    )


def test_flake8_on_standard_input(project: Path) -> None:
    text = PROJECT["chat/routing.py"].replace('"/ws/chat/"', '"ws/chat/"').encode()
    done = flake8(project, "--stdin-display-name", "chat/routing.py", "-", stdin=text)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    (project / "chat/routing.py").write_bytes(text)
    text = PROJECT["chat/routing.py"].encode()
    done = flake8(project, "--stdin-display-name", "chat/routing.py", "-", stdin=text)
    assert places(done.stdout) == ["chat/routing.py:5:31: WS205"]


def test_flake8_honours_noqa(project: Path) -> None:
    path = project / "chat/routing.py"
    path.write_text(re.sub(r"\)\]$", ")]  # noqa: WS205", path.read_text(), flags=re.MULTILINE), encoding="utf-8")
    assert flake8(project, "chat/routing.py").stdout == ""


def test_what_the_host_python_cannot_parse_is_flake8s(project: Path) -> None:
    (project / "chat/consumers.py").write_text("def (:\n", encoding="utf-8")
    done = flake8(project, "chat/consumers.py")
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["E999"]
    assert done.stderr == ""


def test_flake8_lists_the_plugin(project: Path) -> None:
    command = [sys.executable, "-m", "flake8", "--version"]
    assert "wslint: " in subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
