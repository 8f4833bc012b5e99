"""What a tree's files were when they were read, what was asked of them, and what a result stands on: kept for `replay`.

The walk notes every folder and file before it is read, so that whatever changes later is seen. An index also remembers
which files hold which words: only files that changed are asked again, and those that hold none and that nobody relied
on may change as they like.
"""

from __future__ import annotations

import os
import sys
import time
from array import array
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path

from wslint import __version__, replay
from wslint.replay import digest, leads_to, signature_of

Signature = tuple[int, int, int, int]

_UNKNOWN, _NO, _YES = 0, 1, 2
_FLEETING = "this may be otherwise in a moment"


class Watch:
    """Entries and places as they were before somebody relied on them. `firm` until something is not to be trusted."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.horizon = time.time_ns() - replay.HORIZON
        self.entries: dict[str, Signature] = {}
        self.digests: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.firm = True

    def entry(self, path: str) -> bool:
        """Note a file or folder; whether it is so young that its content has to be noted too."""
        signature = self.entries.get(path)
        if signature is None:
            signature = self.entries[path] = signature_of(self.prefix + path)
        return self.is_young(signature)

    def is_young(self, signature: Signature) -> bool:
        return signature[0] >= self.horizon or signature[1] >= self.horizon

    def content(self, path: str, found: str) -> None:
        """Note what a folder or a young file holds."""
        self.firm = self.firm and self.digests.setdefault(path, found) == found

    def file(self, path: str) -> None:
        """Note a file or folder that somebody else is about to read."""
        if path not in self.entries and (self.entry(path) or os.path.isdir(self.prefix + path)):  # noqa: PTH112
            self.content(path, _digest(self.prefix + path))

    def place(self, path: str) -> None:
        """Note what a path leads to."""
        if path not in self.places:
            self.places[path] = leads_to(self.prefix + path)

    def parts(self) -> tuple[bytes, bytes, bytes, bytes]:
        """Names, numbers, digests and places as `replay` reads them."""
        names = _joined(self.entries)
        numbers = array("q", [number for signature in self.entries.values() for number in signature]).tobytes()
        digests = {
            at: self.digests.get(path) or _digest(self.prefix + path)
            for at, (path, signature) in enumerate(self.entries.items())
            if path in self.digests or self.is_young(signature)
        }
        places = ((self.prefix + path, end) for path, end in self.places.items())
        return names, numbers, replay.joined_digests(digests), _joined(w for p in places for w in p)


class Index(Watch):
    """One tree: every folder and file that the walk saw, and the answers that were read from files.

    `edition` names the code that asks; answers of another edition are forgotten.
    """

    def __init__(self, folder: Path, root: str, exclude: Sequence[str], edition: str) -> None:
        super().__init__(os.path.join(root, ""))  # noqa: PTH118
        key = "\0".join((root, edition, *exclude)).encode("utf-8", "surrogateescape")
        self.path = str(folder / "trees" / f"{replay.digest_of(key)}.tree")
        self._relied: set[str] = set()
        self._answers: dict[bytes, Answers] = {}

    def folder(self, path: str, entries: Iterable[os.DirEntry[str]]) -> None:
        """Note what a folder, which is an entry already, held when it was read."""
        try:
            self.content(path, replay.digest_of(replay.listing(entries)))
        except OSError:
            self.firm = False

    def rely(self, path: str) -> None:
        """Note that more of a file matters than which words it holds."""
        self._relied.add(path)

    def read(self, path: str, data: bytes) -> None:
        """Note what a file held when it was read."""
        if self.entry(path):
            self.content(path, replay.digest_of(data))

    def answers(self, words: Collection[bytes]) -> Answers:
        """Which files are known to hold any of the words."""
        key = b"\0".join(sorted(words))
        if key not in self._answers:
            self._answers[key] = Answers(self._before[1].get(key, b""), self._unchanged, self._positions)
        return self._answers[key]

    def save(self) -> str | None:
        """Write the index for the next run; the state that results name, None when there is none to rely on.

        Another command may have relied on other files of the very same tree: what it needs is kept too, and so are the
        states that its results name.
        """
        parts = self.parts()
        if not self.firm:
            return None
        count = len(self.entries)
        relied = bytes(path in self._relied for path in self.entries)
        asked = {words: bytes(found.now).ljust(count, b"\0") for words, found in self._answers.items() if words}
        states: list[str] = []
        before = self._kept()
        if before is not None and before.is_of(parts, self.prefix):
            states = before.states
            relied = bytes(map(max, relied, before.relied))
            asked = {
                **before.asked,
                **{words: _either(found, before.asked.get(words)) for words, found in asked.items()},
            }
        content = (relied, b"\0\0".join(asked), b"".join(asked.values()))
        state = replay.digest_of(b"\0".join((*parts, *content)))
        known = _joined(dict.fromkeys((*states, state)))
        head = (known, str(self.horizon).encode(), os.fsencode(self.prefix))
        return state if replay.replace(self.path, replay.sealed(*head, *parts, *content)) else None

    def _kept(self) -> _Kept | None:
        """The index that was saved last."""
        try:
            return _Kept(*replay.opened(replay.bytes_of(self.path)))
        except (OSError, ValueError, TypeError, replay.Damaged):
            return None

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {path: position for position, path in enumerate(self.entries)}

    @cached_property
    def _before(self) -> tuple[dict[str, int], dict[bytes, bytes]]:
        """Where the last index has the files that did not change since, and its answers."""
        kept = self._kept()
        if kept is None:
            return {}, {}
        known = zip(kept.names, zip(*[iter(kept.numbers)] * 4, strict=True), strict=True)
        return {
            path: position
            for position, (path, signature) in enumerate(known)
            if self.entries.get(path) == signature and max(signature[:2]) < kept.horizon
        }, kept.asked

    @property
    def _unchanged(self) -> dict[str, int]:
        return self._before[0]


class _Kept:
    """An index as it was saved. Raises ValueError when it is not well made."""

    def __init__(
        self, states: bytes, horizon: bytes, root: bytes, names: bytes, numbers: bytes, digests: bytes, places: bytes,
        relied: bytes, words: bytes, asked: bytes,
    ) -> None:  # fmt: skip
        self.states = replay.split(states)
        self.horizon = int(horizon)
        self.names = replay.split(names)
        self.numbers = replay.numbers_of(numbers)
        self.digests = replay.digests_of(digests)
        self.relied = relied
        self._same = (names, numbers, places)
        count = len(self.names)
        groups = words.split(b"\0\0") if words else []
        lengths = (len(self.numbers), len(relied), len(asked)) == (4 * count, count, count * len(groups))
        if not lengths or max(self.digests, default=0) >= count:
            raise ValueError("no index")
        self.asked = {group: asked[at * count : (at + 1) * count] for at, group in enumerate(groups)}

    def is_of(self, parts: tuple[bytes, bytes, bytes, bytes], prefix: str) -> bool:
        """Does it describe the tree as another index does?"""
        names, numbers, digests, places = parts
        if self._same != (names, numbers, places):
            return False
        known = replay.digests_of(digests)
        return all((known.get(at) or _digest(prefix + self.names[at])) == found for at, found in self.digests.items())


class Answers:
    """Yes and no, by file."""

    def __init__(self, before: bytes, unchanged: dict[str, int], positions: dict[str, int]) -> None:
        self._before = before
        self._unchanged = unchanged
        self._positions = positions
        self.now = bytearray(len(positions))

    def of(self, path: str) -> bool | None:
        """What was told in this run, or before of a file that did not change since; None when nothing was."""
        position = self._positions.get(path, -1)
        answer = self.now[position] if 0 <= position < len(self.now) else _UNKNOWN
        if answer == _UNKNOWN:
            position = self._unchanged.get(path, -1)
            answer = self._before[position] if 0 <= position < len(self._before) else _UNKNOWN
            self._put(path, answer)
        return None if answer == _UNKNOWN else answer == _YES

    def tell(self, path: str, answer: bool) -> None:
        self._put(path, _YES if answer else _NO)

    def _put(self, path: str, answer: int) -> None:
        position = self._positions.get(path, -1)
        if 0 <= position < len(self.now):
            self.now[position] = answer


class Basis(Watch):
    """All that a result stands on: the files that led to the trees, the trees, and the code that judged them."""

    def __init__(self) -> None:
        super().__init__()
        self.trees: list[tuple[str, str]] = []

    def tree(self, index: Index) -> None:
        state = index.save()
        if state is None:
            self.firm = False
        else:
            self.trees.append((index.path, state))

    def keep(self, folder: Path, key: bytes, payload: bytes) -> None:
        """Keep a result under a key, unless something that it stands on is still on the move."""
        before = {path: self.digests.get(path) for path in self.entries}
        for path, known in before.items():
            if signature_of(path) != self.entries[path] or (known is not None and _digest(path) != known):
                return
        for path in _code():
            if self.entry(path) and path not in before:
                return
        if self.firm:
            trees = _joined(word for tree in self.trees for word in tree)
            parts = (key, str(self.horizon).encode(), *self.parts(), trees, payload)
            replay.replace(replay.result_file(str(folder), key), replay.sealed(*parts))


def edition() -> str:
    """wslint's version and the state of the code that reads files, so that work on it never meets old answers."""
    here = Path(__file__).parent
    states = [signature_of(str(here / name)) for name in ("discover.py", "index.py")]
    try:
        with os.scandir(here / "facts") as scan:
            states += sorted(signature_of(entry.path) for entry in scan if entry.name.endswith(".py"))
    except OSError:
        pass  # inside an archive: the version alone has to do
    return f"{__version__} {sys.version_info[:2]} {states}"


def _code() -> Iterable[str]:
    """The modules that are loaded, and where others could come from."""
    library = os.path.join(os.path.dirname(os.path.realpath(os.__file__)), "")  # noqa: PTH118, PTH120
    yield from sys.path
    yield from getattr(sys.modules.get("wslint.rules"), "__path__", ())
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and (not file.startswith(library) or "-packages" in file):
            yield file


def _digest(path: str) -> str:
    try:
        return digest(path)
    except (OSError, ValueError):
        return _FLEETING


def _either(answers: bytes, before: bytes | None) -> bytes:
    return answers if before is None else bytes(map(max, answers, before))


def _joined(words: Iterable[str]) -> bytes:
    return "\0".join(words).encode("utf-8", "surrogateescape")
