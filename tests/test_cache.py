"""The cache gives back what it was given, or nothing; it never complains."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wslint.cache import Cache, default_folder


def entries(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_gives_back_what_it_was_given(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "new" / "folder")
    assert cache.get("python", b"a = 1") is None
    cache.put("python", b"a = 1", b"facts")
    cache.put("python", b"a = 2", b"")
    assert Cache(tmp_path / "new" / "folder").get("python", b"a = 1") == b"facts"
    assert cache.get("python", b"a = 2") == b""
    assert cache.get("nginx", b"a = 1") is None


def test_another_version_is_another_cache(tmp_path: Path) -> None:
    Cache(tmp_path, "1").put("python", b"a", b"old")
    assert Cache(tmp_path, "2").get("python", b"a") is None
    assert Cache(tmp_path, "1").get("python", b"a") == b"old"


def test_off() -> None:
    cache = Cache(None)
    cache.put("python", b"a", b"facts")
    assert cache.get("python", b"a") is None
    cache.clear()


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 200])
def test_a_damaged_entry_is_none(tmp_path: Path, damage: bytes) -> None:
    cache = Cache(tmp_path)
    cache.put("python", b"a", b"facts")
    (entry,) = entries(tmp_path)
    entry.write_bytes(damage)
    assert cache.get("python", b"a") is None
    cache.put("python", b"a", b"facts")
    assert cache.get("python", b"a") == b"facts"


def test_a_truncated_entry_is_none(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.put("python", b"a", b"facts" * 100)
    (entry,) = entries(tmp_path)
    entry.write_bytes(entry.read_bytes()[:-1])
    assert cache.get("python", b"a") is None


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = Cache(tmp_path / "file" / "folder")
    cache.put("python", b"a", b"facts")
    assert cache.get("python", b"a") is None
    cache.clear()


def test_clear_removes_entries_and_nothing_else(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for number in range(20):
        cache.put("python", bytes([number]), b"facts")
    (tmp_path / "notes.txt").write_text("mine")
    cache.clear()
    assert entries(tmp_path) == [tmp_path / "notes.txt"]


def test_many_writers(tmp_path: Path) -> None:
    def write(number: int) -> bytes | None:
        cache = Cache(tmp_path)
        cache.put("python", b"same", b"facts" * 1000)
        return cache.get("python", b"same")

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(100))) == {b"facts" * 1000}
    assert len(entries(tmp_path)) == 1


def test_default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSLINT_CACHE_DIR", str(tmp_path / "here"))
    assert default_folder() == tmp_path / "here"
    monkeypatch.delenv("WSLINT_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = default_folder()
    assert folder is not None
    assert "wslint" in folder.parts
