"""The packages of a project's environment: found by files, read, never run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from stacks import use

from wslint import cli, replay
from wslint.cache import Cache
from wslint.config import Config
from wslint.discover import discover
from wslint.stack import model as d
from wslint.stack.build import build
from wslint.stack.project.outside import Outside
from wslint.stack.project.sites import active_sites, sites_of

PACKAGE = """\
raise SystemExit("a package must not be run")
from channels.generic.websocket import AsyncJsonWebsocketConsumer
class Live(AsyncJsonWebsocketConsumer): pass
REFUSED = 1008
PREFIX = "live."
import os
HOME = os.environ["HOME"]
"""

Made = Callable[..., Path]


@pytest.fixture
def environment(tmp_path: Path) -> Made:
    """Makes an environment whose interpreter must not be started."""

    def make(name: str = "env", library: str = "lib/python3.12/site-packages", **told: str) -> Path:
        site = tmp_path / name / library
        (site / "pushkit").mkdir(parents=True)
        (site / "pushkit" / "__init__.py").write_text(PACKAGE)
        written = "".join(f"{key.replace('_', '-')} = {value}\n" for key, value in told.items())
        (tmp_path / name / "pyvenv.cfg").write_text(written)
        python = tmp_path / name / "bin" / "python"
        python.parent.mkdir()
        python.write_text("#!/bin/sh\ntouch started\n")
        python.chmod(0o755)
        return python

    return make


@pytest.mark.parametrize(
    "library", ["lib/python3.12/site-packages", "lib64/python3.12/site-packages", "Lib/site-packages"]
)
def test_an_interpreter_or_its_folder_leads_to_the_packages(environment: Made, library: str) -> None:
    python = environment(library=library)
    site = str(python.parent.parent / library)
    assert sites_of(python) == sites_of(python.parent.parent) == (site,)


def test_what_is_no_environment_has_no_packages(tmp_path: Path) -> None:
    assert sites_of(tmp_path) == sites_of(tmp_path / "missing" / "bin" / "python") == ()


def test_the_interpreter_may_be_a_link_out_of_the_environment(environment: Made) -> None:
    python = environment()
    python.unlink()
    python.symlink_to(sys.executable)
    assert sites_of(python) == (str(python.parent.parent / "lib/python3.12/site-packages"),)


@pytest.mark.parametrize(("told", "count"), [("true", 2), ("false", 1)])
def test_packages_of_the_outer_python(environment: Made, told: str, count: int) -> None:
    outer = environment("outer")
    python = environment(include_system_site_packages=told, home=str(outer.parent), version="3.12.4")
    assert len(sites_of(python)) == count


def test_folders_that_pth_files_add(environment: Made, tmp_path: Path) -> None:
    python = environment()
    site = python.parent.parent / "lib/python3.12/site-packages"
    (tmp_path / "work").mkdir()
    (site / "work.pth").write_text(f"import os; os.mkdir('{tmp_path / 'run'}')\n{tmp_path / 'work'}\nmissing\n")
    assert sites_of(python) == (str(site), str(tmp_path / "work"))
    assert not (tmp_path / "run").exists()


def test_the_active_environment(environment: Made) -> None:
    folder = environment().parent.parent
    assert active_sites({"VIRTUAL_ENV": str(folder)}) == sites_of(folder)
    assert active_sites({}) == active_sites({"VIRTUAL_ENV": sys.prefix}) == active_sites({"VIRTUAL_ENV": "gone"}) == ()


CONSTANTS = {
    "pushkit.REFUSED": 1008,
    "pushkit.PREFIX": "live.",
    "pushkit.HOME": None,
    "pushkit.MISSING": None,
    "pushkit.Live": None,
    "missing.REFUSED": None,
    "sys.MAXSIZE": None,
    "REFUSED": None,
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_constants(environment: Made, name: str) -> None:
    assert Outside(sites=sites_of(environment())).constant(name) == CONSTANTS[name]


def test_what_is_installed_elsewhere_is_unknown(environment: Made) -> None:
    sites = sites_of(environment())
    assert Outside(sites=sites).constant("pushkit.REFUSED") == 1008
    assert Outside().constant("pushkit.REFUSED") is None
    assert Outside(budget=0, sites=sites).constant("pushkit.REFUSED") is None


def test_a_crash_of_inference_is_unknown(environment: Made) -> None:
    python = environment()
    site = python.parent.parent / "lib/python3.12/site-packages"
    (site / "pushkit" / "__init__.py").write_text("REFUSED = " + "(" * 500 + "1" + ")" * 500 + "\n")
    assert Outside(sites=sites_of(python)).constant("pushkit.REFUSED") is None


def project(folder: Path, python: Path | None) -> d.Stack:
    """A project that takes a base class and constants from a package, with the packages of an environment."""
    folder.mkdir()
    (folder / "main.py").write_text(
        "from channels.routing import URLRouter\nfrom django.urls import path\nfrom pushkit import Live, PREFIX\n"
        "class Room(Live): ...\nrouter = URLRouter([path('ws/', Room.as_asgi())])\nuse(PREFIX + 'rooms')\n"
    )
    config = msgspec.structs.replace(Config(), packages=sites_of(python) if python is not None else ())
    return build(discover(folder), Cache(None), config)


def test_a_stack_knows_what_is_installed(environment: Made, tmp_path: Path) -> None:
    pytest.importorskip("channels", reason="not run: channels is not installed")
    before = list(sys.path)
    stack = project(tmp_path / "project", environment())
    (consumer,) = stack.consumers
    assert (consumer.name, consumer.kind, consumer.is_async) == ("Room", "json", True)
    assert [str(text) for text in stack.texts.of(*use(stack))] == ["live.rooms"]
    assert sys.path == before
    assert not (tmp_path / "started").exists() and not Path("started").exists()


def test_a_stack_without_the_environment_does_not(tmp_path: Path) -> None:
    stack = project(tmp_path / "project", None)
    assert [consumer.kind for consumer in stack.consumers] == ["library"]
    assert [str(text) for text in stack.texts.of(*use(stack))] == ["{…}rooms"]


def test_the_active_environment_is_in_the_key_of_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    plain = replay.make_key("check")
    monkeypatch.setenv("VIRTUAL_ENV", os.path.join("some", "where"))  # noqa: PTH118
    assert replay.make_key("check") != plain
    assert replay.command_key(["check", "--python", "a"]) != replay.command_key(["check", "--python", "b"])


def run(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = cli.run(words)
    out, err = capsys.readouterr()
    return status, out + err


def test_the_option(environment: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("channels", reason="not run: channels is not installed")
    python, folder = environment(), tmp_path / "project"
    project(folder, None)
    capsys.readouterr()
    _, blind = run("stack", "--no-cache", str(folder), capsys=capsys)
    status, drawn = run("stack", "--no-cache", "--python", str(python), str(folder), capsys=capsys)
    assert (status, "Room (async json" in drawn, "Room (async json" in blind) == (0, True, False)
    assert run("check", "--no-cache", "--python", str(python), str(folder), capsys=capsys)[0] in (0, 1)


@pytest.mark.parametrize(("path", "said"), [("gone/bin/python", "there is no"), (".", "no packages beside")])
def test_an_option_that_leads_nowhere(path: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, told = run("check", "--python", str(tmp_path / path), str(tmp_path), capsys=capsys)
    assert (status, said in told) == (2, True)
