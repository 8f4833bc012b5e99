"""A replayed result is the one that would be found anew, whatever happened to the project in between."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from test_flake8 import PROJECT

from wslint import cli, discover, replay
from wslint.cache import default_folder
from wslint.facts import python

Outcome = tuple[int, str, str]
Change = Callable[[Path, random.Random], None]

CONSUMERS = "chat/consumers.py"
ROUTING = "chat/routing.py"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "work" / "project"
    for name, text in PROJECT.items():
        (root / name).parent.mkdir(exist_ok=True, parents=True)
        (root / name).write_text(text, encoding="utf-8")
    monkeypatch.setenv("WSLINT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(root)
    return root


class Command:
    """`wslint check` in this process: from the cache if it can be, or anew."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.replayed = 0

    def cached(self, *arguments: str) -> Outcome:
        words = ["check", *arguments]
        status = replay.main(words)
        self.replayed += status is not None
        return (cli.run(words) if status is None else status, *self.capsys.readouterr())

    def anew(self, *arguments: str) -> Outcome:
        return (cli.run(["check", *arguments, "--no-cache"]), *self.capsys.readouterr())


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


# --- what people and programs do to files ---------------------------------------------------------------------------


def touch(root: Path, dice: random.Random) -> None:
    (root / dice.choice(list(PROJECT))).touch()


def edit(root: Path, dice: random.Random) -> None:
    path = root / CONSUMERS
    path.write_text(path.read_text() + f"\n\nNUMBER = {dice.random()}\n")


def edit_unseen(root: Path, dice: random.Random) -> None:
    """In place, same size, times restored: as a tool would that wants to hide it."""
    path = root / ROUTING
    before = path.stat()
    text = path.read_text()
    swapped = text.replace('"/ws/', '"xws/') if '"/ws/' in text else text.replace('"xws/', '"/ws/')
    with path.open("r+") as stream:
        stream.write(swapped)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def save_as_editors_do(root: Path, dice: random.Random) -> None:
    path = root / ROUTING
    new = path.with_name(".routing.py.swp")
    new.write_text(path.read_text().replace("/ws/", dice.choice(["/ws/", "ws/", "/ws/"])))
    new.replace(path)


def rename(root: Path, dice: random.Random) -> None:
    old, new = root / CONSUMERS, root / "chat/sockets.py"
    (
        new.rename(old) if new.exists() and not old.exists() else old.rename(new)
    ) if old.exists() or new.exists() else None


def delete(root: Path, dice: random.Random) -> None:
    (root / dice.choice([CONSUMERS, ROUTING, "config/settings.py"])).unlink(missing_ok=True)


def restore(root: Path, dice: random.Random) -> None:
    for name in (CONSUMERS, ROUTING, "config/settings.py"):
        if not (root / name).is_dir():
            (root / name).write_text(PROJECT[name])


def new_file(root: Path, dice: random.Random) -> None:
    folder = root / dice.choice(["chat", "shop", "chat/deep/er"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"more_{dice.randrange(9)}.py").write_text(PROJECT[CONSUMERS].replace("ChatConsumer", "OtherConsumer"))


def remove_folder(root: Path, dice: random.Random) -> None:
    shutil.rmtree(root / "shop", ignore_errors=True)


def file_becomes_folder(root: Path, dice: random.Random) -> None:
    path = root / "config/settings.py"
    if path.is_file():
        path.unlink()
        path.mkdir()
    elif path.is_dir():
        path.rmdir()


def virtualenv_appears(root: Path, dice: random.Random) -> None:
    mark = root / "chat/pyvenv.cfg"
    mark.unlink() if mark.exists() else mark.write_text("home = /usr\n")


def link(root: Path, dice: random.Random) -> None:
    """A symbolic link to one of two files, one of them outside; or none."""
    outside = root.parent / "outside.py"
    outside.write_text(PROJECT[CONSUMERS])
    path = root / "chat/linked.py"
    path.unlink(missing_ok=True)
    target = dice.choice([root / CONSUMERS, outside, root / "chat/gone.py", None])
    if target is not None:
        path.symlink_to(target)


def link_target_moves(root: Path, dice: random.Random) -> None:
    path = root / "chat/linked_folder"
    if not path.is_symlink():
        path.symlink_to(root.parent / "elsewhere")
    elsewhere = root.parent / "elsewhere"
    elsewhere.rmdir() if elsewhere.exists() else elsewhere.mkdir()


def configure(root: Path, dice: random.Random) -> None:
    texts = ["exclude: [chat/]\n", "ignore: [WS205]\n", "profile: strict\n", "selct: []\n", "", "source-roots: [src]\n"]
    (root / "wslint.yaml").write_text(dice.choice(texts))


def configure_otherwise(root: Path, dice: random.Random) -> None:
    (root / "wslint.yaml").unlink(missing_ok=True)
    (root / "pyproject.toml").write_text(dice.choice(["", '[tool.wslint]\nignore = ["WS205", "WS302"]\n']))


def configure_above(root: Path, dice: random.Random) -> None:
    path = root.parent / "wslint.yaml"
    path.unlink() if path.exists() else path.write_text("ignore: [WS302]\n")


def source_root(root: Path, dice: random.Random) -> None:
    path = root / "src"
    path.rmdir() if path.exists() else path.mkdir()


def repository(root: Path, dice: random.Random) -> None:
    path = dice.choice([root, root.parent]) / ".git"
    path.rmdir() if path.exists() else path.mkdir()


def requirements(root: Path, dice: random.Random) -> None:
    (root / "requirements.txt").write_text(dice.choice(["channels==4.0.0\n", "channels==3.0.5\n", "channels\n"]))


def comment_elsewhere(root: Path, dice: random.Random) -> None:
    text = dice.choice(["# wslint: ignore[WS302] no reason\n", "# wslint: ignroe[WS302]\n", "\n"])
    (root / "docker-compose.yml").write_text(f"{text}services: {{}}\n")


ELSEWHERE = "prices.py"
TEXTS = [
    b"PRICE = 1\n",
    b"PRICE = 12\n",
    b"# told to ChatConsumer\n",
    PROJECT[CONSUMERS].encode(),
    PROJECT[CONSUMERS].encode("utf-16"),
    b"CHANNEL_LAYERS = {}\n",
    b"# wslint: ignore[WS302] no reason\n",
    b"x = 1\n" * 200_000,
]


def edit_elsewhere(root: Path, dice: random.Random) -> None:
    (root / ELSEWHERE).write_bytes(dice.choice(TEXTS[:2] if dice.random() < 0.6 else TEXTS))


def save_elsewhere_as_editors_do(root: Path, dice: random.Random) -> None:
    new = root / f"{ELSEWHERE}.swp"
    new.write_bytes(dice.choice(TEXTS[:2] if dice.random() < 0.6 else TEXTS))
    new.replace(root / ELSEWHERE)


def garbage(root: Path, dice: random.Random) -> None:
    (root / "chat/garbage.py").write_bytes(b"from channels import \xff" + dice.randbytes(20))


def nothing(root: Path, dice: random.Random) -> None:
    pass


def time_passes(root: Path, dice: random.Random) -> None:
    """The files are as old as in a project that somebody comes back to."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            os.utime(path, (1_600_000_000, 1_600_000_000))


EDITS = [value for value in list(globals().values()) if getattr(value, "__module__", "") == __name__
         and getattr(value, "__annotations__", {}).get("dice") == "random.Random"]  # fmt: skip


@pytest.mark.parametrize("change", EDITS)
def test_each_change_alone(change: Change, project: Path, command: Command) -> None:
    (project.parent / "outside.py").write_text(PROJECT[CONSUMERS])
    for turn in range(4):
        change(project, random.Random(turn))
        wanted = command.anew()
        assert command.cached() == wanted
        assert command.cached() == wanted


@pytest.mark.parametrize("seed", range(6))
def test_many_changes(seed: int, project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    horizon = dice.choice([0, replay.HORIZON])  # every time is trusted, or none: all files here are young
    monkeypatch.setattr(replay, "HORIZON", horizon)
    happened: list[str] = []
    for _ in range(20):
        change = dice.choice(EDITS)
        if not horizon:
            time.sleep(0.02)  # beyond a tick of this machine's clock
        with suppress(OSError):  # what is to be changed is not there any more
            change(project, dice)
        happened.append(change.__name__)
        shown = ("--format", dice.choice(["full", "concise", "json"]), "--select", dice.choice(["WS", "WS2", "WS3"]))
        wanted = command.anew(*shown)
        assert command.cached(*shown) == wanted, happened
        assert command.cached(*shown) == wanted, happened
    assert command.replayed > 10, happened


def test_all_changes_are_tried() -> None:
    assert len(EDITS) > 20


def test_what_did_not_change_is_neither_parsed_nor_read(
    project: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "HORIZON", 0)
    for number in range(5):
        (project / f"other_{number}.py").write_text(f"NUMBER = {number}\n")
    time.sleep(0.02)
    parsed: list[bytes] = []
    read: list[str] = []

    def read_python(source: bytes, real: Callable[[bytes], Any] = python.read_python) -> Any:
        parsed.append(source)
        return real(source)

    def read_regular(path: str, real: Callable[[str], bytes] = discover._read_regular) -> bytes:
        read.append(path)
        return real(path)

    monkeypatch.setattr(python, "read_python", read_python)
    monkeypatch.setattr(discover, "_read_regular", read_regular)
    command.cached()
    assert len(parsed) > 1
    assert sum("other_" in path for path in read) >= 5
    parsed.clear()
    read.clear()
    command.cached()
    assert (parsed, read) == ([], [])
    (project / ROUTING).write_text(PROJECT[ROUTING].replace("/ws/", "ws/"))
    assert command.cached() == command.anew()
    assert parsed[0] == (project / ROUTING).read_bytes()
    parsed.clear()
    read.clear()
    (project / CONSUMERS).write_text(PROJECT[CONSUMERS] + "\n\nNUMBER = 1\n")
    command.cached()
    assert parsed == [(project / CONSUMERS).read_bytes()]
    assert [path for path in read if "other_" in path] == []


@pytest.mark.parametrize("horizon", [0, replay.HORIZON])
@pytest.mark.parametrize("save", [edit_elsewhere, save_elsewhere_as_editors_do])
def test_a_change_that_cannot_matter_is_overlooked(
    save: Change, horizon: int, project: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "HORIZON", horizon)
    monkeypatch.setattr("test_replay.TEXTS", TEXTS[:2])
    save(project, random.Random(0))
    time.sleep(0.02)
    wanted = command.cached()
    for turn in range(1, 6):
        save(project, random.Random(turn))
        time.sleep(0.02)
        assert command.cached() == wanted
        assert command.replayed == turn
    (project / ELSEWHERE).write_text("import channels\n")
    assert command.cached() == wanted
    assert command.replayed == 5


@pytest.mark.parametrize("order", [("WS213", "WS302"), ("WS302", "WS213"), ("WS213", "WS302", "WS213", "WS302")])
def test_what_one_command_looked_for_matters_to_its_own_result(
    order: tuple[str, ...], project: Path, command: Command
) -> None:
    """WS213 looks for the names of consumers in every file, WS302 does not."""
    (project / "chat/lonely.py").write_text(PROJECT[CONSUMERS].replace("ChatConsumer", "LonelyConsumer"))
    (project / ELSEWHERE).write_text("PRICE = 1\n")
    first = {code: command.cached("--select", code) for code in order}
    assert "lonely.py" in first["WS213"][1]
    before = command.replayed
    for code in first:
        assert command.cached("--select", code) == first[code]
    assert command.replayed == before + 2
    (project / ELSEWHERE).write_text("# see LonelyConsumer\n")
    for code in first:
        assert command.cached("--select", code) == command.anew("--select", code)
    assert "lonely.py" not in command.cached("--select", "WS213")[1]


# --- what a cache folder may suffer ---------------------------------------------------------------------------------


def kept(folder: Path) -> list[Path]:
    return [path for kind in ("results/*.result", "trees/*.tree") for path in folder.glob(kind)]


@pytest.mark.parametrize("damage", [b"", b"wslint", b"\0" * 5000, None])
def test_damage(damage: bytes | None, project: Path, command: Command, tmp_path: Path) -> None:
    wanted = command.cached()
    assert command.cached() == wanted
    for path in kept(tmp_path / "cache"):
        whole = path.read_bytes()
        for data in [whole[:-1], whole[: len(whole) // 2]] if damage is None else [damage]:
            path.write_bytes(data)
            before = command.replayed
            assert command.cached() == wanted
            assert command.replayed == before
            assert command.cached() == wanted


def test_well_sealed_nonsense(project: Path, command: Command, tmp_path: Path) -> None:
    wanted = command.cached()
    for path in kept(tmp_path / "cache"):
        parts = replay.opened(path.read_bytes())
        for position in range(len(parts)):
            for nonsense in (b"", b"\xff", b"9" * 40, b"a\0b\0c", parts[position][:-3]):
                path.write_bytes(replay.sealed(*parts[:position], nonsense, *parts[position + 1 :]))
                if path.suffix == ".tree" or position < len(parts) - 1:
                    assert command.cached() == wanted
                else:
                    command.cached()  # who can write results can write findings, but cannot make wslint fail


@pytest.mark.parametrize("name", ["results", "trees"])
def test_strange_things_in_the_folder(name: str, project: Path, command: Command, tmp_path: Path) -> None:
    wanted = command.cached()
    for path in kept(tmp_path / "cache"):
        path.unlink()
        os.mkfifo(path) if name == "results" else path.mkdir()
    assert command.cached() == command.cached() == wanted
    shutil.rmtree(tmp_path / "cache" / name)
    (tmp_path / "cache" / name).write_text("a file")
    assert command.cached() == command.cached() == wanted


def test_a_full_disk(project: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = command.anew()

    def full(*given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "write_bytes", full)
    assert command.cached() == command.cached() == wanted
    assert command.replayed == 0
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("hours", [-1000, 1000])
def test_a_clock_that_jumps(hours: int, project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + hours * 3600 * 10**9)
    for _ in range(3):
        edit_unseen(project, random.Random())
        time.sleep(0.02)
        wanted = command.anew()
        assert command.cached() == command.cached() == wanted
        monkeypatch.setattr(time, "time_ns", lambda: now)


def test_parallel_runs(project: Path, command: Command) -> None:
    wanted = command.anew("--format", "concise")
    words = [sys.executable, "-m", "wslint", "check", "--format", "concise"]
    runs = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    for run in runs:
        assert run.communicate(timeout=60) == wanted[1:]


# --- what a warm run is made of -------------------------------------------------------------------------------------

LOOK = """
import sys, wslint.__main__
status = wslint.__main__.main()
print(status, *sorted(sys.modules), file=sys.stderr)
"""


def test_a_warm_run_loads_the_standard_library_alone(project: Path) -> None:
    time_passes(project, random.Random())

    def loaded() -> tuple[str, set[str]]:
        command = [sys.executable, "-I", "-c", LOOK, "check", "--format", "concise"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout, set(done.stderr.split())

    first = loaded()
    for _ in range(5):  # a module that was written a moment ago is not trusted at once
        time.sleep(0.5)
        again = loaded()
        assert again[0] == first[0] != ""
        if "wslint.api" not in again[1]:
            break
    assert {name for name in again[1] if name.startswith("wslint")} == {
        *("wslint", "wslint.__main__", "wslint.lazy", "wslint.replay")
    }
    heavy = "click msgspec tomllib tomli platformdirs importlib.metadata libcst astroid yaml pathspec pathlib json"
    start = subprocess.run(
        [sys.executable, "-I", "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True
    )
    assert not (again[1] - set(start.stdout.split())) & set(heavy.split())


def test_the_users_folder_is_where_platformdirs_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSLINT_CACHE_DIR", raising=False)
    for variable in (None, str(tmp_path), " "):
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        if variable is not None:
            monkeypatch.setenv("XDG_CACHE_HOME", variable)
        assert replay.folder_of() == str(default_folder())


def test_the_cache_can_be_elsewhere(project: Path, command: Command, tmp_path: Path) -> None:
    there = str(tmp_path / "there")
    assert command.cached("--cache-dir", there) == command.cached("--cache-dir", there)
    assert command.replayed == 1
    assert kept(tmp_path / "there") and not kept(tmp_path / "cache")
    assert cli.run(["cache", "clear", "--cache-dir", there]) == 0
    assert kept(tmp_path / "there") == []


def test_colour_is_not_replayed_where_there_was_none(
    project: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = command.cached()
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in command.cached()[1]
    assert "\x1b[" in command.cached()[1]
    monkeypatch.delenv("FORCE_COLOR")
    assert command.cached() == plain
    assert command.replayed == 2


def test_another_folder_is_another_command(project: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = command.cached("chat", "--format", "concise")
    monkeypatch.chdir(project / "chat")
    assert command.cached(".", "--format", "concise") != inside
    assert command.replayed == 0


@pytest.mark.parametrize(
    "arguments", [["check", "-"], ["check", "--no-cache"], ["rules"], [], ["check", "--stdin-filename=a"]]
)
def test_what_is_never_replayed(arguments: list[str]) -> None:
    assert not replay.is_repeatable(arguments)


# --- the code that judged -------------------------------------------------------------------------------------------


def test_a_rule_that_is_edited(tmp_path: Path) -> None:
    """In a copy of wslint, because other tests run at the same time."""
    shutil.copytree(
        ROOT / "wslint", tmp_path / "lib/site-packages/wslint", ignore=shutil.ignore_patterns("__pycache__")
    )
    rules = tmp_path / "lib/site-packages/wslint/rules"
    rules.mkdir()
    (rules / "__init__.py").touch()
    rule = next((ROOT / "rules").glob("ws205_*.py"))
    shutil.copy(rule, rules)
    for name, text in PROJECT.items():
        (tmp_path / "project" / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / "project" / name).write_text(text, encoding="utf-8")

    def check() -> str:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "lib/site-packages"), "PYTHONSAFEPATH": "1"}
        environment["WSLINT_CACHE_DIR"] = str(tmp_path / "cache")
        command = [sys.executable, "-m", "wslint", "check", "--format", "concise", "-q", str(tmp_path / "project")]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        return done.stdout

    assert "WS205" in check()
    time.sleep(replay.HORIZON / 1e9 + 0.1)
    assert "WS205" in check()
    text = (rules / rule.name).read_text()
    (rules / rule.name).write_text(text.replace('code = "WS205"', 'code = "WS299"'))
    assert "WS299" in check()
    (rules / rule.name).unlink()
    assert check() == ""
