"""One walk finds the files; it survives what file systems hold."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from wslint.discover import Tree, discover, mentions, tree_root
from wslint.stack.build import SEEDS


def plant(root: Path, *paths: str, text: str = "") -> None:
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


class TestRoot:
    def test_configuration_wins_over_a_nearer_repository(self, tmp_path: Path) -> None:
        plant(tmp_path, "pyproject.toml", text="[tool.wslint]\n")
        plant(tmp_path, "backend/.git/HEAD", "backend/chat/consumers.py")
        assert tree_root(tmp_path / "backend/chat/consumers.py") == tmp_path

    def test_yaml_configuration(self, tmp_path: Path) -> None:
        plant(tmp_path, "a/wslint.yaml", "a/b/c.py")
        assert tree_root(tmp_path / "a/b") == tmp_path / "a"

    @pytest.mark.parametrize("text", ["[tool.ruff]\n# [tool.wslint]\n", '[project]\ndependencies = ["wslint"]\n', ""])
    def test_another_pyproject_is_no_configuration(self, tmp_path: Path, text: str) -> None:
        plant(tmp_path, ".git/HEAD", "a/b.py")
        plant(tmp_path, "a/pyproject.toml", text=text)
        assert tree_root(tmp_path / "a") == tmp_path

    @pytest.mark.parametrize(
        "text", ["[tool.wslint.rules]\na = 1\n", "tool = { wslint = { select = [] } }", "[tool.wslint]\nx = ["]
    )
    def test_forms_of_the_table(self, tmp_path: Path, text: str) -> None:
        plant(tmp_path, "pyproject.toml", text=text)
        plant(tmp_path, "a/.git/HEAD")
        assert tree_root(tmp_path / "a") == tmp_path

    def test_repository_or_worktree(self, tmp_path: Path) -> None:
        plant(tmp_path, ".git", "a/b.py", text="gitdir: elsewhere\n")
        assert tree_root(tmp_path / "a/b.py") == tmp_path

    def test_home_is_not_taken_by_accident(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        plant(tmp_path, ".git/HEAD", "work/a.py")
        assert tree_root(tmp_path / "work") == tmp_path / "work"
        assert tree_root(tmp_path / "work/a.py") == tmp_path / "work"
        assert tree_root(tmp_path) == tmp_path

    def test_a_path_that_is_not_there(self, tmp_path: Path) -> None:
        assert tree_root(tmp_path / "gone") == tmp_path / "gone"


class TestWalk:
    def test_keeps_what_a_reader_could_want(self, tmp_path: Path) -> None:
        wanted = [
            *("manage.py", "chat/consumers.py", "requirements.txt", "requirements-dev.in", "requirements/base.txt"),
            *("dev-requirements.txt", "constraints.txt", "pyproject.toml", "Pipfile", "Pipfile.lock", "poetry.lock"),
            *("uv.lock", "setup.cfg", "environment.yml", "docker-compose.prod.yml", "compose.yaml", "Dockerfile"),
            *("docker/web.Dockerfile", "Dockerfile.prod", "Procfile", "Procfile.dev", "start.sh", "deploy/entrypoint"),
            *("deploy/web.service", "deploy/supervisor.conf", "nginx/default.conf.template", "nginx/sites/x.conf.j2"),
            *(
                "Makefile",
                "justfile",
                "README.md",
                ".github/workflows/ci.yml",
                "web/src/socket.ts",
                "templates/chat.html",
            ),
        ]
        unwanted = ["logo.svg", "a.pyc", "LICENSE", "fixtures/data.json", "notes.txt", "static/app.min.js"]
        plant(tmp_path, *wanted, *unwanted)
        assert discover(tmp_path).paths == tuple(sorted(wanted))

    def test_skips_what_is_not_the_projects(self, tmp_path: Path) -> None:
        plant(tmp_path, "app/a.py", "env/pyvenv.cfg", "env/lib/b.py", "conda/conda-meta/history", "conda/c.py")
        plant(
            tmp_path,
            ".git/d.py",
            "web/node_modules/e/f.py",
            "lib/site-packages/g.py",
            "x.egg-info/h.py",
            "__pycache__/i.py",
        )
        tree = discover(tmp_path)
        assert tree.python == ("app/a.py",)
        assert tree.folders == ("app", "lib", "web")

    def test_exclude_is_gitignore(self, tmp_path: Path) -> None:
        plant(tmp_path, "a.py", "legacy/b.py", "app/legacy/c.py", "app/d_pb2.py", "app/keep_pb2.py")
        assert discover(tmp_path, exclude=["/legacy/", "*_pb2.py", "!keep_pb2.py"]).python == (
            "a.py",
            "app/keep_pb2.py",
            "app/legacy/c.py",
        )

    def test_import_roots(self, tmp_path: Path) -> None:
        plant(tmp_path, "backend/manage.py", "backend/src/shop/a.py", "services/chat/manage.py", "lib/b.py")
        tree = discover(tmp_path, source_roots=["./lib/"])
        assert tree.import_roots == ("services/chat", "backend/src", "backend", "lib", "")

    def test_links(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        plant(tmp_path, "outside/secret.py")
        plant(root, "app/a.py")
        (root / "app/loop").symlink_to(root)
        (root / "inside.py").symlink_to(root / "app/a.py")
        (root / "outside.py").symlink_to(tmp_path / "outside/secret.py")
        (root / "dangling.py").symlink_to(root / "gone.py")
        tree = discover(root)
        assert tree.python == ("app/a.py", "dangling.py", "inside.py")
        assert tree.unfollowed == ("app/loop", "outside.py")
        for path in ("outside.py", "../outside/secret.py", "app/loop/../../outside/secret.py", "/etc/passwd"):
            with pytest.raises(OSError):
                tree.read(path)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_a_folder_that_cannot_be_read(self, tmp_path: Path) -> None:
        plant(tmp_path, "a.py", "closed/b.py")
        (tmp_path / "closed").chmod(0)
        tree = discover(tmp_path)
        (tmp_path / "closed").chmod(0o755)
        assert tree.python == ("a.py",)
        assert [path for path, _ in tree.unreadable] == ["closed"]

    def test_a_root_that_is_not_there(self, tmp_path: Path) -> None:
        tree = discover(tmp_path / "gone")
        assert (tree.paths, [path for path, _ in tree.unreadable]) == ((), [""])

    def test_a_name_that_is_no_text(self, tmp_path: Path) -> None:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py"))).write_text("")
        tree = discover(tmp_path)
        assert tree.paths == ()
        assert tree.unreadable == [("\\xff.py", "its name is not UTF-8")]

    def test_overlay(self, tmp_path: Path) -> None:
        plant(tmp_path, "a.py", text="saved")
        tree = discover(tmp_path, overlay={"a.py": b"typed", "new/b.py": b""})
        assert tree.python == ("a.py", "new/b.py")
        assert tree.read("a.py") == b"typed"
        assert tree.is_folder("new")
        assert tree.has("new/b.py")

    def test_is_quick(self, tmp_path: Path) -> None:
        for folder in range(70):
            (tmp_path / f"app{folder}").mkdir()
            for number in range(100):
                (tmp_path / f"app{folder}" / f"m{number}.py").touch()
        times = []
        for _ in range(5):
            started = time.perf_counter()
            assert len(discover(tmp_path).python) == 7000
            times.append(time.perf_counter() - started)
        assert min(times) < 0.15


class TestReading:
    def test_mentions(self, tmp_path: Path) -> None:
        plant(tmp_path, "a.py", text="from channels.layers import get_channel_layer\n")
        plant(tmp_path, "b.py", text="print(1)\n")
        (tmp_path / "c.py").write_bytes("import channels\n".encode("utf-16"))
        tree = discover(tmp_path)
        assert set(mentions(tree, SEEDS)) == {"a.py", "c.py"}
        assert set(mentions(tree, [b"print"], ["b.py", "a.py"])) == {"b.py"}

    def test_a_file_that_vanished(self, tmp_path: Path) -> None:
        tree = Tree(tmp_path, ("gone.py",))
        assert mentions(tree, SEEDS) == {}
        assert tree.unreadable == [("gone.py", "No such file or directory")]

    def test_a_pipe_does_not_hang(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.py")
        assert discover(tmp_path).paths == ()
        tree = Tree(tmp_path, ("a.py",))
        reader = threading.Thread(target=mentions, args=(tree, SEEDS), daemon=True)
        reader.start()
        reader.join(2)
        assert not reader.is_alive()
        assert tree.unreadable == [("a.py", "not a regular file")]
