"""Classes of installed packages, as astroid sees them."""

from __future__ import annotations

import sys
from pathlib import Path

import astroid
import pytest

from wslint.cache import Cache
from wslint.config import Config
from wslint.discover import discover
from wslint.stack.build import build
from wslint.stack.project.outside import Outside


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that counts as installed."""
    folder = tmp_path / "lib" / "site-packages"
    (folder / "livekit_ws").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(folder)])
    astroid.MANAGER.clear_cache()
    return folder / "livekit_ws"


PACKAGE = """\
raise SystemExit("a package must not be run")
from channels.generic.websocket import AsyncWebsocketConsumer
class Base: pass
class Live(AsyncWebsocketConsumer, Base): pass
"""


def test_an_installed_class_is_read_and_not_run(site: Path) -> None:
    (site / "__init__.py").write_text(PACKAGE)
    assert "livekit_ws.Base" in Outside().ancestors("livekit_ws.Live")


@pytest.mark.parametrize("name", ["livekit_ws.Missing", "not_installed.Thing", "Live", "sys.path", "json.dumps"])
def test_what_is_no_installed_class_has_no_answer(site: Path, name: str) -> None:
    (site / "__init__.py").write_text(PACKAGE)
    assert Outside().ancestors(name) == ()


def test_a_broken_package_has_no_answer(site: Path) -> None:
    (site / "__init__.py").write_text("class Live(:\n")
    assert Outside().ancestors("livekit_ws.Live") == ()


def test_nothing_is_asked_when_the_time_is_spent(site: Path) -> None:
    (site / "__init__.py").write_text(PACKAGE)
    assert Outside(budget=0).ancestors("livekit_ws.Live") == ()


def test_a_subclass_of_an_installed_consumer_is_a_consumer_of_unknown_completeness(site: Path, tmp_path: Path) -> None:
    pytest.importorskip("channels", reason="not run: channels is not installed")
    (site / "live.py").write_text(
        "from channels.generic.websocket import AsyncJsonWebsocketConsumer\n"
        "class Live(AsyncJsonWebsocketConsumer): pass\n"
    )
    (site / "__init__.py").touch()
    project = tmp_path / "project"
    project.mkdir()
    (project / "routing.py").write_text(
        "from channels.routing import URLRouter\n"
        "from django.urls import path\n"
        "from livekit_ws.live import Live\n"
        "class Room(Live): pass\n"
        "router = URLRouter([path('ws/', Room.as_asgi())])\n"
    )
    (consumer,) = build(discover(project), Cache(None), Config()).consumers
    assert (consumer.name, consumer.kind, consumer.is_async, consumer.complete) == ("Room", "json", True, False)
