"""`check(paths)`: read the trees around the paths, run the rules, and report what was found in the paths."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from wslint.cache import Cache, default_folder
from wslint.comments import NEEDLE
from wslint.config import PYPROJECT, Config, consulted
from wslint.config import load as load_config
from wslint.diagnostics import InternalError, UnreadableFile
from wslint.discover import CONFIGURATION, Tree, discover, mentions, tree_root
from wslint.index import Basis, Index, edition
from wslint.lazy import load
from wslint.registry import Broken, Registry, registry
from wslint.report.merge import merged
from wslint.report.model import Crash, Report, ordered
from wslint.rule import Finding, Location, Rule, Span, hooks_of
from wslint.select import Selection
from wslint.source import Source
from wslint.suppress import Suppressions

START = Span(1, 1, 1, 1)

_COLLECTIONS = {"middleware": "middleware", "settings": "settings"}


def check(
    paths: Sequence[Path],
    config: Config | None = None,
    *,
    overlay: Mapping[Path, bytes] | None = None,
    adjust: Callable[[Config], Config] | None = None,
    cache: Cache | None = None,
    on_progress: Callable[[str], None] | None = None,
    basis: Basis | None = None,
) -> Report:
    """Findings in `paths`; the whole tree around each path is read, because mistakes lie between files.

    Without `config` each tree's own configuration is used, after `adjust` changed it. `overlay` are open buffers that
    stand for the files on disk. Never raises for what the project contains; ConfigError for a configuration that
    cannot be used. `basis` is told all that the report depends on besides the arguments.
    """
    groups: dict[Path, list[Path]] = {}
    for path in paths:
        if basis is not None:
            _note_the_way(path, basis)
        groups.setdefault(root_of(path), []).append(Path(os.path.realpath(path)))
    reports = []
    for root, inside in groups.items():
        if basis is not None and config is None:
            for place in consulted(root):
                basis.file(str(place))
        chosen = config if config is not None else load_config(root)
        chosen = _with_packages(adjust(chosen) if adjust is not None else chosen)
        if basis is not None:
            for folder in chosen.packages:
                basis.file(folder)
        buffers = dict(_relative(root, overlay or {}))
        one = _Check(root, chosen, cache or Cache(None), on_progress or _silent)
        reports.append(one.run(inside, buffers))
        if one.index is not None and basis is not None and not buffers:
            for folder in chosen.source_roots:
                basis.place(str(root / folder))
            basis.tree(one.index)
        elif one.index is not None and not buffers:
            one.index.save()
    report = merged(reports)
    if basis is not None and (cache is None or cache.folder is None or overlay or report.internal_errors):
        basis.firm = False
    return report


def stack_of(
    path: Path, config: Config | None = None, *, cache: Cache | None = None, packages: tuple[str, ...] = ()
) -> Any:
    """The linked stack of the tree around a path; `packages` as in a Config. Raises ConfigError."""
    root = root_of(path)
    chosen = config if config is not None else load_config(root)
    chosen = _with_packages(load("msgspec").structs.replace(chosen, packages=packages or chosen.packages))
    tree = discover(root, exclude=chosen.exclude, source_roots=chosen.source_roots)
    return load("wslint.stack.build").build(tree, cache or Cache(None), chosen)


def _with_packages(config: Config) -> Config:
    """The configuration with the packages of the active virtual environment, unless it names others."""
    if config.packages:
        return config
    found = load("wslint.stack.project.sites").active_sites(os.environ)
    return load("msgspec").structs.replace(config, packages=found) if found else config


def root_of(path: Path) -> Path:
    """The folder that is read when `path`, which need not exist yet, is checked."""
    return tree_root(path if path.exists() else path.parent)


def _note_the_way(path: Path, basis: Basis) -> None:
    """The path, and what decides on the root of its tree."""
    basis.place(str(path))
    real = Path(os.path.realpath(path))
    for folder in (real, *real.parents):
        basis.place(str(folder / ".git"))
        basis.file(str(folder / CONFIGURATION))
        basis.file(str(folder / PYPROJECT))


def default_cache() -> Cache:
    """The cache in the user's cache folder."""
    return Cache(default_folder())


class _Check:
    """One tree under one configuration."""

    def __init__(self, root: Path, config: Config, cache: Cache, progress: Callable[[str], None]) -> None:
        self.root = root
        self.config = config
        self.cache = cache
        self.progress = progress
        self.rules: Registry = registry()
        self.selection = Selection.of(config, self.rules)
        self.crashes: list[Crash] = [_broken(broken) for broken in self.rules.broken]
        self.index: Index | None = None

    def run(self, paths: Sequence[Path], buffers: Mapping[str, bytes]) -> Report:
        self.progress("looking for files")
        if self.cache.folder is not None:
            self.index = Index(self.cache.folder, os.path.realpath(self.root), self.config.exclude, edition())
        tree = discover(
            self.root,
            exclude=self.config.exclude,
            source_roots=self.config.source_roots,
            overlay=buffers,
            index=self.index,
            on_read=None if self.progress is _silent else lambda path: self.progress(f"reading {path}"),
        )
        source = _sources(tree)
        findings: list[Finding] = []
        silenced: list[Finding] = []
        problems: list[tuple[str, str]] = []
        relevant: frozenset[str] = frozenset()
        try:
            stack = load("wslint.stack.build").build(tree, self.cache, self.config)
            relevant = stack.relevant
            unreadable = dict(_unreadable(stack, tree))
            problems = [(path, reason) for path, (reason, _) in unreadable.items()]
            found = [*self._findings(stack), *map(_unreadable_file, unreadable, unreadable.values())]
            self.progress("reading suppressions")
            suppressions = self._suppressions(stack, tree, source)
            findings, silenced = self._judged(found, suppressions)
        except Exception as error:  # one hostile input must not end in a traceback
            self.crashes.append(_crash("wslint", ".", error))
        wanted = _inside(tree.root, paths)

        def counts(finding: Finding) -> bool:
            return wanted(finding.location.path) and self.selection.shows(finding)

        return Report(
            root=tree.root,
            findings=ordered([*filter(counts, findings), *(crash.finding for crash in self.crashes)]),
            files=len(tree.paths),
            python_files=len(tree.python),
            relevant=relevant,
            suppressed=sum(map(counts, silenced)),
            problems=tuple(sorted(problems)),
            internal_errors=tuple(self.crashes),
            notes=(*self.config.notes, *_unread(tree, paths)),
            source=source,
        )

    def _findings(self, stack: Any) -> Iterator[Finding]:
        """What the rules that are on yield for the objects they may judge; a crash costs that rule that object."""
        judged = load("wslint.stack.model")
        for rule in self.rules.rules:
            if not self.selection.runs(rule):
                continue
            self.progress(f"{rule.code} {rule.name}")
            crashes: list[tuple[str, Exception]] = []
            for noun, hook in hooks_of(rule):
                for thing in _objects(stack, noun):
                    path = getattr(thing, "path", "")
                    if getattr(thing, "vendored", False) or (getattr(thing, "in_tests", False) and not rule.in_tests):
                        continue
                    try:
                        for finding in hook(thing):
                            place = finding.location.path
                            if judged.is_vendored_path(place) or (judged.is_test_path(place) and not rule.in_tests):
                                continue
                            yield finding
                    except Exception as error:
                        crashes.append((path, error))
            if crashes:
                self.crashes.append(_rule_crash(rule, crashes))

    def _suppressions(self, stack: Any, tree: Tree, source: Callable[[str], Source]) -> Suppressions:
        found = Suppressions()
        for path, facts in sorted(stack.files.items()):
            if facts.comments:
                found.read_python(path, facts.comments, source(path), self.rules)
        for path in mentions(tree, (NEEDLE,), [path for path in tree.paths if not path.endswith(".py")]):
            found.read_other(path, source(path), self.rules)
        return found

    def _judged(self, found: Iterable[Finding], suppressions: Suppressions) -> tuple[list[Finding], list[Finding]]:
        """What is left after per-file ignores and suppressions, and what comments silenced."""
        ignored = cache(self.selection.ignored_in)
        judged = load("wslint.stack.model")

        def ran(code: str, path: str) -> bool:
            rule = self.rules.find(code)
            return (
                rule is not None
                and self.selection.runs(rule)
                and code not in ignored(path)
                and not judged.is_vendored_path(path)
                and (rule.in_tests or not judged.is_test_path(path))
            )

        def on(finding: Finding) -> bool:
            return finding.code in self.selection.enabled and finding.code not in ignored(finding.location.path)

        findings = [finding for finding in dict.fromkeys([*found, *suppressions.invalid]) if on(finding)]
        left, silenced = suppressions.silence(findings)
        stale, silenced_too = suppressions.silence(filter(on, suppressions.unused(ran)))
        return [*left, *stale], [*silenced, *silenced_too]


def _objects(stack: Any, noun: str) -> Iterable[Any]:
    return (stack,) if noun == "stack" else getattr(stack, _COLLECTIONS.get(noun, f"{noun}s"))


def _unreadable(stack: Any, tree: Tree) -> Iterator[tuple[str, tuple[str, Span]]]:
    for path, reason in tree.unreadable:
        yield path, (reason, START)
    for path, problem in stack.problems:
        place = Span(problem.line, problem.column, problem.line, problem.column)
        yield path, (problem.reason, place)


def _unreadable_file(path: str, problem: tuple[str, Span]) -> Finding:
    reason, span = problem
    return UnreadableFile().finding(
        Location(path, span),
        f"this file cannot be read: {reason}",
        hint="correct it, or name it in `exclude`",
    )


def _rule_crash(rule: Rule, crashes: list[tuple[str, Exception]]) -> Crash:
    path, error = crashes[0]
    path = path or _looked_at(error)
    more = f", and on {len(crashes) - 1} more" if len(crashes) > 1 else ""
    return _crash(f"the rule {rule.code} {rule.name}", path or ".", error, more)


def _looked_at(error: Exception) -> str:
    """The file of the object that the crashing rule was busy with, as far as its variables tell."""
    placed = load("wslint.stack.model").Placed
    step = error.__traceback__
    while step is not None:
        objects = [value for value in step.tb_frame.f_locals.values() if isinstance(value, placed)]
        if objects:
            return str(objects[-1].path)
        step = step.tb_next
    return ""


def _broken(broken: Broken) -> Crash:
    hint = ""
    if isinstance(broken.error, ModuleNotFoundError):
        hint = "install the package that offers them, and not in editable mode: wslint imports only what is installed"
    return _crash(f"the import of {broken.name}", ".", broken.error, hint=hint)


def _crash(who: str, path: str, error: Exception, more: str = "", hint: str = "") -> Crash:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    finding = InternalError().finding(
        Location(path, START),
        f"{who} crashed on {path}{more} ({what})" if path != "." else f"{who} crashed ({what})",
        hint=hint or "please report it with the output of `wslint check --verbose`",
    )
    return Crash(finding, "".join(traceback.format_exception(type(error), error, error.__traceback__)))


def _sources(tree: Tree) -> Callable[[str], Source]:
    @cache
    def source(path: str) -> Source:
        try:
            return Source.decode(tree.read(path), python=path.endswith(".py"))
        except (OSError, ValueError):
            return Source("")

    return source


def _unread(tree: Tree, paths: Iterable[Path]) -> Iterator[str]:
    """Remarks on folders and Python files that somebody named and nothing is read of."""
    for path in paths:
        name = Path(os.path.relpath(path, tree.root)).as_posix()
        known = name == "." or tree.has(name) or any(other.startswith(f"{name}/") for other in tree.paths)
        if not known and (path.is_dir() or path.suffix == ".py"):
            yield f"nothing of {name} is read: it is excluded, or holds nothing that wslint reads"


def _inside(root: Path, paths: Iterable[Path]) -> Callable[[str], bool]:
    """Is a path of the tree one of `paths`, or inside one?"""
    wanted = {Path(os.path.relpath(path, root)).as_posix() for path in paths}
    if "." in wanted:
        return lambda path: True
    return lambda path: any(path == want or path.startswith(f"{want}/") for want in wanted)


def _relative(root: Path, overlay: Mapping[Path, bytes]) -> Iterator[tuple[str, bytes]]:
    real_root = Path(os.path.realpath(root))
    for path, data in overlay.items():
        real = Path(os.path.realpath(path))
        if real.is_relative_to(real_root):
            yield real.relative_to(real_root).as_posix(), data


def _silent(stage: str) -> None:
    pass
