"""Facts kept between runs: typed bytes under the hash of what they were made from, in the user's cache folder.

Whatever goes wrong here is silence: a cache that cannot be read or written is an empty one.
"""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from pathlib import Path

from wslint.index import edition
from wslint.lazy import load
from wslint.replay import FOLDER_VARIABLE

_ENTRIES = tuple(
    f"{name}{ending}"
    for name in ("[0-9a-f][0-9a-f]/*.facts", "trees/*.tree", "results/*.result")
    for ending in ("", ".*.tmp")
)
_SEAL = 16  # bytes of digest before the data: a torn or altered entry does not pass for facts


class Cache:
    """Bytes by kind and source. `folder` None is a cache that holds nothing; several runs may share a folder.

    `version` is what the data depends on besides the source and the Python that runs; by default wslint's own.
    """

    def __init__(self, folder: Path | None, version: str | None = None) -> None:
        self.folder = folder
        written_by = (edition() if version is None else version, sys.version_info[:2])
        self._key = blake2b(repr(written_by).encode()).digest()

    def get(self, kind: str, source: bytes) -> bytes | None:
        if self.folder is None:
            return None
        try:
            stored = self._place(kind, source).read_bytes()
        except (OSError, ValueError):
            return None
        seal, data = stored[:_SEAL], stored[_SEAL:]
        return data if seal == _digest(data) else None

    def put(self, kind: str, source: bytes, data: bytes) -> None:
        if self.folder is None:
            return
        place = self._place(kind, source)
        unfinished = place.with_name(f"{place.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
        try:
            place.parent.mkdir(0o700, parents=True, exist_ok=True)
            try:
                unfinished.write_bytes(_digest(data) + data)
                unfinished.replace(place)
            finally:
                unfinished.unlink(missing_ok=True)
        except (OSError, ValueError):
            return

    def clear(self) -> None:
        """Remove every entry, of any version, and nothing that is not one."""
        if self.folder is None:
            return
        for entry in _entries(self.folder):
            try:
                entry.unlink()
            except OSError:
                continue

    def _place(self, kind: str, source: bytes) -> Path:
        assert self.folder is not None
        digest = blake2b(kind.encode() + b"\0" + source, digest_size=20, key=self._key).hexdigest()
        return self.folder / digest[:2] / f"{digest[2:]}.facts"


def default_folder() -> Path | None:
    """$WSLINT_CACHE_DIR, else the user's cache folder for wslint; None when there is no such place."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    try:
        return Path(load("platformdirs").user_cache_dir("wslint", appauthor=False))
    except (ImportError, OSError, RuntimeError):
        return None


def _entries(folder: Path) -> list[Path]:
    try:
        return [entry for pattern in _ENTRIES for entry in folder.glob(pattern)]
    except OSError:
        return []


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=_SEAL).digest()
