"""Which files there are: one walk over the tree, and a byte test that keeps the Python files that matter."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Protocol

from wslint.index import Index
from wslint.lazy import load

CONFIGURATION = "wslint.yaml"
LARGEST = 16 * 1024 * 1024  # bytes; a lock file may be large, nothing that people write is larger

_LASTING = frozenset((None, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.ELOOP))
"""Why a file cannot be read today and will not be tomorrow, unless its folder or its times tell of a change."""

STEM = 5  # bytes

SKIPPED_FOLDERS = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".bzr",
        ".tox",
        ".nox",
        "__pycache__",
        "__pypackages__",
        "node_modules",
        "bower_components",
        "jspm_packages",
        "site-packages",
        "conda-meta",
        ".eggs",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        ".cache",
        ".idea",
        ".vscode",
        ".vs",
        ".direnv",
        ".pixi",
        ".terraform",
        ".yarn",
        ".pnpm-store",
        ".next",
        ".nuxt",
        ".svelte-kit",
        ".angular",
        ".parcel-cache",
        ".turbo",
        ".ipynb_checkpoints",
        "htmlcov",
    }
)
FOLDER_MARKS = frozenset({"pyvenv.cfg", "CACHEDIR.TAG", "conda-meta"})  # a folder that holds one is not the project's

SOURCE_SUFFIXES = frozenset(
    {
        ".py",
        ".sh",
        ".bash",
        ".service",
        ".dockerfile",
        ".conf",
        ".html",
        ".htm",
        ".js",
        ".mjs",
        ".cjs",
        ".jsx",
        ".ts",
        ".mts",
        ".tsx",
        ".vue",
        ".svelte",
        ".ini",
    }
)
DATA_SUFFIXES = frozenset(
    {
        ".txt",
        ".in",
        ".toml",
        ".lock",
        ".cfg",
        ".yml",
        ".yaml",
        ".json",
        ".template",
        ".tmpl",
        ".tpl",
        ".j2",
        ".erb",
        ".ini",
    }
)
KNOWN_FILES = frozenset(
    {
        "pyproject.toml",
        "pipfile",
        "pipfile.lock",
        "poetry.lock",
        "pdm.lock",
        "uv.lock",
        "pylock.toml",
        "setup.cfg",
        "makefile",
        "gnumakefile",
        "justfile",
        "package.json",
        "supervisord.ini",
        "wslint.yaml",
        "local.yml",
        "local.yaml",
        "production.yml",
        "production.yaml",
        "staging.yml",
        "staging.yaml",
        "dev.yml",
        "dev.yaml",
        "docker.yml",
        "docker.yaml",
        "stack.yml",
        "stack.yaml",
        "render.yaml",
        "heroku.yml",
        "fly.toml",
        "railway.toml",
    }
)
KNOWN_PREFIXES = (
    *("requirements", "constraints", "environment", "docker-compose", "compose"),
    *("dockerfile", "containerfile", "procfile", "readme"),
)
KNOWN_PARTS = ("requirement", "constraint", "compose", "dockerfile", "entrypoint", "nginx", "supervisor", "conda")
KNOWN_FOLDERS = frozenset(
    {
        "requirements",
        "reqs",
        "nginx",
        "sites-available",
        "sites-enabled",
        "conf.d",
        "supervisor",
        "workflows",
        "procfiles",
    }
)


class Spec(Protocol):
    def match_file(self, file: str) -> bool: ...


@dataclass(frozen=True, eq=False)
class Tree:
    """The files of one tree that a reader could want, by paths relative to `root` with `/`.

    `unfollowed` are symbolic links that were not followed (folders, and files whose target lies outside): what they
    hold is unknown, not absent. `unreadable` is (path, reason) of what the walk or a reader failed on. An `index`, if
    there is one, is told what is read.
    """

    root: Path
    paths: tuple[str, ...]
    folders: tuple[str, ...] = ()
    import_roots: tuple[str, ...] = ("",)
    overlay: Mapping[str, bytes] = field(default_factory=dict)
    unfollowed: tuple[str, ...] = ()
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    index: Index | None = None
    on_read: Callable[[str], None] | None = None

    @cached_property
    def python(self) -> tuple[str, ...]:
        return tuple(path for path in self.paths if path.endswith(".py"))

    def has(self, path: str) -> bool:
        return path in self._known

    def is_folder(self, path: str) -> bool:
        return path == "" or path in self._known_folders

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.paths)

    @cached_property
    def _known_folders(self) -> frozenset[str]:
        return frozenset(self.folders)

    @cached_property
    def _prefix(self) -> str:
        return os.path.join(self.root, "")  # noqa: PTH118 (this runs once per file read)

    def read(self, path: str) -> bytes:
        """The bytes of a file of the tree, an open buffer before the saved file.

        Raises OSError when it cannot be read, is no regular file, is larger than LARGEST or lies outside the tree.
        """
        if self.index is not None:
            self.index.rely(path)
        return self.search(path)

    def search(self, path: str) -> bytes:
        """As `read`, for somebody who says in `index.answers` what was looked for and relies on nothing else."""
        held = self.overlay.get(path)
        if held is not None:
            return held
        full = self._prefix + path
        if path not in self._known and not _inside(full, self._prefix):
            raise OSError(f"{path} lies outside the tree")
        if self.on_read is not None:
            self.on_read(path)
        if self.index is None:
            return _read_regular(full)
        self.index.entry(path)
        try:
            source = _read_regular(full)
        except OSError as error:
            self.index.firm = self.index.firm and error.errno in _LASTING
            raise
        self.index.read(path, source)
        return source


def tree_root(path: Path) -> Path:
    """The folder that is read as a whole when `path` is checked.

    The nearest one at or above it with a wslint configuration, else the nearest with `.git` (never the home folder or
    the file system's root, where a stray one would take in everything), else the path itself or its folder.
    """
    real = Path(os.path.realpath(path))
    start = real.parent if real.is_file() else real
    above = (start, *start.parents)
    for folder in above:
        if is_configured(folder):
            return folder
    too_wide = {Path(start.anchor), Path(os.path.realpath(os.path.expanduser("~")))}  # noqa: PTH111 (never raises)
    for folder in above:
        if (folder == start or folder not in too_wide) and os.path.lexists(folder / ".git"):
            return folder
    return start


def is_configured(folder: Path) -> bool:
    """Whether the folder holds a wslint.yaml, or a pyproject.toml with a [tool.wslint] table."""
    if (folder / CONFIGURATION).is_file():
        return True
    try:
        source = _read_regular(str(folder / "pyproject.toml"))
    except (OSError, ValueError):
        return False
    if b"wslint" not in source:
        return False
    try:
        document = load_toml(source.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return b"[tool.wslint" in source  # broken, yet meant: reading the configuration will say what is wrong
    tool = document.get("tool")
    return isinstance(tool, dict) and "wslint" in tool


def load_toml(text: str) -> dict[str, object]:
    """A TOML document. Raises ValueError (TOMLDecodeError is one)."""
    try:
        module = load("tomllib")
    except ModuleNotFoundError:
        module = load("tomli")
    document: dict[str, object] = module.loads(text)
    return document


def discover(
    root: Path,
    *,
    exclude: Sequence[str] = (),
    source_roots: Sequence[str] = (),
    overlay: Mapping[str, bytes] | None = None,
    index: Index | None = None,
    on_read: Callable[[str], None] | None = None,
) -> Tree:
    """Walk the tree once. `exclude` is in gitignore syntax, `source_roots` are folders relative to `root`.

    `index` is told what is seen before it is read, `on_read` the path of every file that is.

    Raises ValueError for an `exclude` pattern that is none; whatever the file system holds raises nothing.
    """
    spec: Spec | None = load("pathspec").GitIgnoreSpec.from_lines(exclude) if exclude else None
    walk = _Walk(os.path.realpath(root), spec, index)
    walk.run()
    held = dict(overlay or {})
    paths = sorted({*walk.paths, *held})
    folders = sorted({*walk.folders, *(above for path in held for above in _folders_above(path))})
    roots = {"", *(folder.strip("/").removeprefix("./") for folder in source_roots)} - {"."}
    roots.update(folder for folder in folders if folder == "src" or folder.endswith("/src"))
    roots.update(_folder_of(path) for path in paths if path == "manage.py" or path.endswith("/manage.py"))
    return Tree(
        root=Path(walk.root),
        paths=tuple(paths),
        folders=tuple(folders),
        import_roots=tuple(sorted(roots, key=lambda folder: (-len(folder), folder))),
        overlay=held,
        unfollowed=tuple(sorted(walk.unfollowed)),
        unreadable=sorted(walk.unreadable),
        index=index,
        on_read=on_read,
    )


def mentions(tree: Tree, needles: Collection[bytes], paths: Iterable[str] | None = None) -> dict[str, bytes]:
    """The Python files (or those of `paths`) whose bytes hold any needle, with their bytes.

    A file that vanished or cannot be read is left out and named in `tree.unreadable`.
    """
    found: dict[str, bytes] = {}
    stems = _stems(tuple(needles))
    answers = tree.index.answers(needles) if tree.index is not None else None
    for path in tree.python if paths is None else paths:
        remembered = answers if path not in tree.overlay else None
        known = remembered.of(path) if remembered is not None else None
        if known is False:
            continue
        try:
            source = tree.search(path)
        except (OSError, ValueError) as error:
            if tree.index is not None:
                tree.index.rely(path)
            tree.unreadable.append((path, _reason(error)))
            continue
        if known is None:
            text = _narrow(source)
            known = _holds_one(stems, text) and _holds_one(needles, text)
            if remembered is not None:
                remembered.tell(path, known)
        if known:
            found[path] = source
            if tree.index is not None:
                tree.index.rely(path)
    return found


def _holds_one(needles: Iterable[bytes], text: bytes) -> bool:
    for needle in needles:  # noqa: SIM110 (any() takes twice as long)
        if needle in text:
            return True
    return False


@cache
def _stems(needles: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Few short words, one of which is in every needle: most files hold none, and fewer searches tell."""
    left = set(needles)
    stems = []
    while left:
        shared = Counter(
            stem for needle in left for stem in {needle[at : at + STEM] for at in range(max(len(needle) - STEM, 0) + 1)}
        )
        stem = max(sorted(shared), key=shared.__getitem__)
        stems.append(stem)
        left = {needle for needle in left if stem not in needle}
    return tuple(stems)


class _Walk:
    def __init__(self, root: str, spec: Spec | None, index: Index | None) -> None:
        self.root = root
        self.spec = spec
        self.index = index
        self.paths: list[str] = []
        self.folders: list[str] = []
        self.unfollowed: list[str] = []
        self.unreadable: list[tuple[str, str]] = []

    def run(self) -> None:
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            if self.index is not None:
                self.index.entry(folder or ".")
            try:
                with os.scandir(os.path.join(self.root, folder)) as scan:  # noqa: PTH118 (the walk must be quick)
                    entries = list(scan)
            except OSError as error:
                self.unreadable.append((folder, _reason(error)))
                if self.index is not None:
                    self.index.firm = self.index.firm and error.errno in _LASTING
                continue
            if self.index is not None:
                self.index.folder(folder or ".", entries)
            if folder:
                if not FOLDER_MARKS.isdisjoint([entry.name for entry in entries]):
                    continue
                self.folders.append(folder)
            waiting.extend(self._sort_in(folder, entries))

    def _sort_in(self, folder: str, entries: list[os.DirEntry[str]]) -> Iterator[str]:
        prefix = f"{folder}/" if folder else ""
        known_folder = folder.rpartition("/")[2].lower() in KNOWN_FOLDERS
        for entry in entries:
            name = entry.name
            path = prefix + name
            try:
                is_link = entry.is_symlink()
                is_folder = entry.is_dir()
            except OSError:
                continue
            if is_link and self.index is not None:
                self.index.place(path)
            if is_folder:
                if name in SKIPPED_FOLDERS or name.endswith(".egg-info") or self._excluded(f"{path}/"):
                    continue
                if is_link:
                    self.unfollowed.append(path)
                elif self._nameable(path):
                    yield path
            elif (name.endswith(".py") or known_folder or is_wanted(name)) and not self._excluded(path):
                if is_link and not _inside(entry.path, os.path.join(self.root, "")):  # noqa: PTH118
                    self.unfollowed.append(path)
                elif (is_link or entry.is_file(follow_symlinks=False)) and self._nameable(path):
                    self.paths.append(path)
                    if self.index is not None:
                        self.index.entry(path)

    def _excluded(self, path: str) -> bool:
        return self.spec is not None and self.spec.match_file(path)

    def _nameable(self, path: str) -> bool:
        try:
            path.encode()
        except UnicodeEncodeError:
            shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            self.unreadable.append((shown, "its name is not UTF-8"))
            return False
        return True


def is_wanted(name: str) -> bool:
    """Whether some reader could want a file of this name."""
    lower = name.lower()
    if ".min." in lower or ".bundle." in lower:
        return False
    suffix = os.path.splitext(lower)[1]  # noqa: PTH122 (once per file of the tree)
    if suffix in SOURCE_SUFFIXES or lower in KNOWN_FILES or lower.startswith(KNOWN_PREFIXES):
        return True
    return (not suffix or suffix in DATA_SUFFIXES) and (".conf." in lower or any(part in lower for part in KNOWN_PARTS))


def _read_regular(path: str) -> bytes:
    # Without O_NONBLOCK the open of a FIFO hangs before anyone can ask what it is.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("not a regular file")
        if status.st_size > LARGEST:
            raise OSError(f"larger than {LARGEST >> 20} MB")
        pieces = []
        size = 0
        while piece := os.read(handle, status.st_size + 4096):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST:  # it grows, or is one of those that tell no size
                raise OSError(f"larger than {LARGEST >> 20} MB")
        return b"".join(pieces)
    finally:
        os.close(handle)


def _inside(full: str, prefix: str) -> bool:
    return os.path.realpath(full).startswith(prefix)


def _narrow(source: bytes) -> bytes:
    if source[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return source.decode("utf-16", "replace").encode("utf-8", "replace")
    return source


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _folders_above(path: str) -> Iterator[str]:
    while path := _folder_of(path):
        yield path


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
