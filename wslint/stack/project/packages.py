"""Which versions of a package the project's requirement and lock files allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from wslint.facts.requirements import normalise, read_requirements
from wslint.lazy import load

if TYPE_CHECKING:
    from packaging.specifiers import Specifier, SpecifierSet
    from packaging.version import Version

    from wslint.discover import Tree
    from wslint.facts.model import Requirement, RequirementsFile

BROUGHT_ALONG: dict[str, tuple[str, ...]] = {
    "channels[daphne]": ("daphne",),
    "channels[types]": (),
    "channels-redis": ("channels", "redis"),
    "channels-rabbitmq": ("channels",),
    "daphne": ("autobahn", "twisted"),
    "uvicorn[standard]": ("websockets", "httptools"),
    "hypercorn": ("wsproto", "h11"),
    "granian": (),
    "django-eventstream": ("channels",),
    "djangochannelsrestframework": ("channels", "djangorestframework"),
    "fastapi[standard]": ("uvicorn", "websockets"),
}
"""What pip installs with a package (or one of its extras), as far as rules ask for it."""


class Packages:
    """Answers from the files that name packages.

    A lock that names the package decides; else every requirement that names it is one way to install the project,
    each narrowed by all constraints. Versions are PEP 440 text. A specifier that cannot be read allows everything.
    """

    def __init__(self, files: Iterable[tuple[str, RequirementsFile]]) -> None:
        self._read: Callable[[], Iterable[tuple[str, RequirementsFile]]] = lambda: files

    @classmethod
    def of(cls, tree: Tree) -> Packages:
        """From the files of a tree, which are read when the first question is asked."""
        packages = cls(())
        packages._read = lambda: _files(tree)
        return packages

    @cached_property
    def files(self) -> tuple[tuple[str, RequirementsFile], ...]:
        return tuple(self._read())

    @property
    def known(self) -> bool:
        """Whether there is any requirement, project or lock file that names packages."""
        return any(file.requirements for _, file in self.files)

    def named(self, name: str) -> list[tuple[str, Requirement]]:
        """Where a package is named, with the requirement."""
        return self._by_name.get(normalise(name), [])

    def brought(self, name: str) -> bool:
        """Whether a package is named, or comes along with one that is."""
        wanted = normalise(name)
        return bool(self.named(wanted)) or wanted in self._brought

    def pinned(self, name: str) -> frozenset[str]:
        """The exact versions that locks and `==` state; empty when nothing does."""
        ways = self._ways(name)
        return frozenset(str(way.lowest) for way in ways if way.lowest is not None and way.lowest == way.highest)

    def admits(self, name: str, version: str) -> bool | None:
        """Whether this version may be installed; None when the project names no such package."""
        ways = self._ways(name)
        return any(way.contains(version) for way in ways) if ways else None

    def surely_below(self, name: str, version: str) -> bool:
        """Whether every allowed version is lower (False when the package is not named)."""
        ways = self._ways(name)
        return bool(ways) and all(way.is_below(version) for way in ways)

    def surely_at_least(self, name: str, version: str) -> bool:
        """Whether every allowed version is this one or higher (False when the package is not named)."""
        ways = self._ways(name)
        return bool(ways) and all(way.is_at_least(version) for way in ways)

    def capped_below(self, name: str, version: str) -> bool:
        """Whether some file holds the package below a version: a lock, a constraint or any one requirement."""
        return any(way.is_below(version) for way in self._ways(name))

    @cached_property
    def _by_name(self) -> dict[str, list[tuple[str, Requirement]]]:
        found: dict[str, list[tuple[str, Requirement]]] = {}
        for path, file in self.files:
            for requirement in file.requirements:
                found.setdefault(requirement.name, []).append((path, requirement))
        return found

    @cached_property
    def _brought(self) -> frozenset[str]:
        found: set[str] = set()
        waiting = [
            key
            for name, places in self._by_name.items()
            for _, requirement in places
            for key in (name, *(f"{name}[{extra.lower()}]" for extra in requirement.extras))
        ]
        while waiting:
            for name in BROUGHT_ALONG.get(waiting.pop(), ()):
                if name not in found:
                    found.add(name)
                    waiting.append(name)
        return frozenset(found)

    @cached_property
    def _constraining(self) -> frozenset[str]:
        return frozenset(path for path, file in self.files if file.kind == "constraints")

    @cached_property
    def _known_ways(self) -> dict[str, tuple[_Way, ...]]:
        return {}

    def _ways(self, name: str) -> tuple[_Way, ...]:
        name = normalise(name)
        if name not in self._known_ways:
            self._known_ways[name] = tuple(self._find_ways(name))
        return self._known_ways[name]

    def _find_ways(self, name: str) -> Iterator[_Way]:
        places = self.named(name)
        locked = [requirement.specifier for _, requirement in places if requirement.locked and requirement.specifier]
        if locked:
            yield from map(_way, locked)
            return
        limits = [requirement.specifier for path, requirement in places if path in self._constraining]
        named = False
        for path, requirement in places:
            if path not in self._constraining and not requirement.locked:
                named = True
                yield _way(",".join(filter(None, (requirement.specifier, *limits))))
        if not named and limits and name in self._brought:  # it comes along with a package that is named
            yield _way(",".join(filter(None, limits)))


class _Way(NamedTuple):
    """One set of allowed versions with its bounds; `highest` itself is not allowed when `open_end`."""

    allowed: SpecifierSet | None
    lowest: Version | None
    highest: Version | None
    open_end: bool

    def contains(self, version: str) -> bool:
        return self.allowed is None or self.allowed.contains(version, prereleases=True)

    def is_below(self, version: str) -> bool:
        limit = _version(version)
        return self.highest is not None and (self.highest < limit or (self.open_end and self.highest == limit))

    def is_at_least(self, version: str) -> bool:
        return self.lowest is not None and self.lowest >= _version(version)


def _files(tree: Tree) -> Iterator[tuple[str, RequirementsFile]]:
    for path in tree.paths:
        if path.endswith((".txt", ".in", ".toml", ".lock", ".cfg", ".yml", ".yaml", "Pipfile", "pipfile", "setup.py")):
            try:
                source = tree.read(path)
            except OSError:
                continue
            file = read_requirements(path, source)
            if file is not None:
                yield path, file


def _version(text: str) -> Version:
    version: Version = load("packaging.version").Version(text)
    return version


def _way(specifier: str) -> _Way:
    """Read a specifier; bounds are those that every allowed version keeps."""
    specifiers = load("packaging.specifiers")
    try:
        allowed: SpecifierSet = specifiers.SpecifierSet(specifier)
        bounds = [_bounds(one) for one in allowed]
    except ValueError:  # InvalidSpecifier and InvalidVersion are
        return _Way(None, None, None, False)
    lowest = max((low for low, _, _ in bounds if low is not None), default=None)
    ends = [(high, not is_open) for _, high, is_open in bounds if high is not None]
    highest, closed = min(ends, default=(None, True))
    return _Way(allowed, lowest, highest, not closed)


def _bounds(specifier: Specifier) -> tuple[Version | None, Version | None, bool]:
    operator, text = specifier.operator, specifier.version
    wildcard = text.endswith(".*")
    version = _version(text.removesuffix(".*"))
    if operator in ("==", "==="):
        return (version, _next(version.release), True) if wildcard else (version, version, False)
    if operator == "~=":
        return version, _next(version.release[:-1]), True
    if operator in (">", ">="):
        return version, None, False
    if operator in ("<", "<="):
        return None, version, operator == "<"
    return None, None, False


def _next(release: tuple[int, ...]) -> Version:
    return _version(".".join(map(str, (*release[:-1], release[-1] + 1))))
