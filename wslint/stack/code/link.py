"""Modules and the names between them: import roots, imports, star imports, re-exports; files are lowered on demand."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from wslint.cache import Cache
from wslint.discover import Tree, mentions
from wslint.facts import model as m
from wslint.parallel import mapped, processes
from wslint.stack.code.bindings import Binding, Definition, Imported
from wslint.stack.code.scope import Scope, binds_outward, scopes

if TYPE_CHECKING:
    from wslint.stack.code.changes import Change

INSTALLED = frozenset(
    (
        "channels",
        "channels_redis",
        "daphne",
        "django",
        "asgiref",
        "rest_framework",
        "corsheaders",
        "celery",
        "redis",
        "asyncio",
    )
)
"""Packages that are meant when nothing of the tree provides the whole dotted name, even beside a folder so called."""


_ON_THE_PATH = re.compile(rb"^\s*sys\.path\.(?:insert|append)\((.*)$", re.MULTILINE)
_FOLDER = re.compile(rb"[\"']([A-Za-z][\w./-]*|\.\.[/\w.-]*)[\"']")

PAYS = 4_000
"""Lines to lower from which a fork is worth its time; measured by bench/forks.py."""


@dataclass(eq=False)
class Module:
    """One Python file under its import root."""

    path: str
    name: str
    root: str
    is_package: bool
    facts: m.PythonFile
    scope: Scope = field(init=False, repr=False)
    changes: dict[tuple[int, str], list[Change]] | None = field(default=None, repr=False)
    _scopes: dict[int, Scope] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.scope = Scope(self, None, None)

    @property
    def package(self) -> str:
        """The dotted package that relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @cached_property
    def outward(self) -> tuple[Scope, ...]:
        """The functions that bind names of scopes around them (`global`, `nonlocal`)."""
        return tuple(scope for scope in scopes(self) if binds_outward(scope))

    def scope_of(self, node: Definition, parent: Scope) -> Scope:
        """The scope of a definition in this module, one object per definition."""
        scope = self._scopes.get(id(node))
        if scope is None:
            scope = self._scopes[id(node)] = Scope(self, node, parent)
        return scope


@dataclass(eq=False)
class External:
    """A dotted name that leads out of the project (an installed package or the standard library)."""

    dotted: str


class Modules:
    """All Python modules of a tree, lowered when first asked for."""

    def __init__(self, tree: Tree, cache: Cache) -> None:
        self.tree = tree
        self.cache = cache
        self.files: dict[str, m.PythonFile] = {}
        self._modules: dict[str, Module | None] = {}
        self._python = frozenset(tree.python)
        self._folders = {folder for path in tree.python for folder in _ancestors(path)}
        self._roots = sorted(tree.import_roots, key=len, reverse=True)
        self._decoder = msgspec.msgpack.Decoder(m.PythonFile)

    def lower(self, path: str, source: bytes | None = None) -> m.PythonFile | None:
        """The facts of a file of the tree; None when it cannot be read from the disk."""
        facts = self.files.get(path)
        if facts is not None:
            return facts
        if source is None:
            try:
                source = self.tree.read(path)
            except OSError:
                return None
        facts = self._cached(source)
        if facts is None:
            from wslint.facts.python import read_python

            facts = read_python(source)
            self._keep(source, facts)
        self.files[path] = facts
        return facts

    def prepare(self, sources: Mapping[str, bytes]) -> None:
        """Lower many files at once; what is left undone is lowered when it is asked for."""
        missing: list[bytes] = []
        for path, source in sources.items():
            facts = None if path in self.files else self._cached(source)
            if facts is not None:
                self.files[path] = facts
            elif path not in self.files:
                missing.append(source)
        workers = processes()
        if workers < 2 or sum(source.count(b"\n") for source in missing) < PAYS:
            return
        from wslint.facts import python  # before the fork: once for all

        done = mapped(lambda source: encode(python.read_python(source)), missing, workers)
        kept = {source: data for source, data in zip(missing, done, strict=True) if data}
        for path, source in sources.items():
            if path not in self.files and source in kept:
                self.cache.put("python", source, kept[source])
                self.files[path] = self._decoder.decode(kept[source])

    def _keep(self, source: bytes, facts: m.PythonFile) -> None:
        data = encode(facts)
        if data:
            self.cache.put("python", source, data)

    def _cached(self, source: bytes) -> m.PythonFile | None:
        data = self.cache.get("python", source)
        if data is None:
            return None
        try:
            return self._decoder.decode(data)
        except msgspec.DecodeError:
            return None

    def at(self, path: str) -> Module | None:
        """The module of a file of the tree."""
        if path not in self._modules:
            self._modules[path] = None
            facts = self.lower(path) if path in self._python else None
            if facts is not None:
                root = self.root_of(path)
                name, is_package = _module_name(path[len(root) + 1 :] if root else path)
                self._modules[path] = Module(path, name, root, is_package, facts)
        return self._modules[path]

    def root_of(self, path: str) -> str:
        """The innermost import root that holds a file."""
        return next((root for root in self._roots if not root or path.startswith(root + "/")), "")

    def path_of(self, dotted: str, origin: str) -> str | None:
        """The file of a dotted module name as a file of the tree would import it; None when it leads out."""
        relative = dotted.replace(".", "/")
        if dotted.partition(".")[0] in INSTALLED:
            return self._file(self.root_of(origin), relative)
        for folder in self._search(origin):
            found = self._file(folder, relative)
            if found is not None:
                return found
        for folder in self._added:
            found = self._file(folder, relative)
            if found is not None:
                return found
        others = {path for root in self._roots if (path := self._file(root, relative)) is not None}
        return others.pop() if len(others) == 1 else None

    def _file(self, root: str, relative: str) -> str | None:
        base = posixpath.join(root, relative) if root else relative
        for path in (f"{base}/__init__.py", f"{base}.py"):
            if path in self._python:
                return path
        return None

    def find(self, dotted: str, origin: str) -> Module | None:
        """The project module of a dotted name, seen from a file."""
        path = self.path_of(dotted, origin)
        return None if path is None else self.at(path)

    def _search(self, origin: str) -> list[str]:
        """Where a file's absolute imports are looked up: its root, then outer folders that are no packages."""
        above = [folder for folder in _ancestors(origin) if f"{folder}/__init__.py" not in self._python]
        return [self.root_of(origin), *sorted(above, key=len)]

    @cached_property
    def _added(self) -> tuple[str, ...]:
        """The folders that the project puts on `sys.path`, by the names in the call: `insert(0, BASE_DIR / "apps")`."""
        found: list[str] = []
        for path, source in mentions(self.tree, (b"sys.path.insert", b"sys.path.append")).items():
            for arguments in _ON_THE_PATH.findall(source):
                written = "/".join(part.decode() for part in _FOLDER.findall(arguments))
                near = (posixpath.normpath(posixpath.join(folder, written)) for folder in _ancestors(path))
                found += [folder for folder in near if written and folder in self._folders][:1]
        return tuple(dict.fromkeys(found))

    def is_project(self, dotted: str, origin: str) -> bool:
        """Does the first part of a dotted name lead into the tree?"""
        top = dotted.partition(".")[0]
        if top in INSTALLED:
            return False
        folders = (*self._search(origin), *self._added)
        return any(
            self._file(folder, top) or (posixpath.join(folder, top) if folder else top) in self._folders
            for folder in folders
        )

    def absolute(self, module: Module, statement: m.Import) -> str:
        """The dotted module that a `from` import names."""
        if not statement.level:
            return statement.module or ""
        package = module.package.split(".") if module.package else []
        kept = package[: len(package) - (statement.level - 1)]
        return ".".join([*kept, *([statement.module] if statement.module else [])])

    def resolve(
        self, module: Module, imported: Imported
    ) -> tuple[Module, Scope | None, str] | External | Module | None:
        """What an imported name is: a module, (module, its scope, name in it), External, or None (unknown)."""
        statement, alias = imported.statement, imported.alias
        if statement.module is None:
            dotted = alias.name if alias.asname else alias.name.partition(".")[0]
            return self.module_or_external(dotted, module)
        source = self.absolute(module, statement)
        if not source:
            found = self.find(alias.name, module.path)
            return found or None
        target = self.find(source, module.path)
        if target is not None:
            if self.defines(target, alias.name):
                return target, target.scope, alias.name
            submodule = self.find(f"{source}.{alias.name}", module.path)
            if submodule is not None:
                return submodule
            return target, target.scope, alias.name
        submodule = self.find(f"{source}.{alias.name}", module.path)
        if submodule is not None:
            return submodule
        if statement.level or self.is_project(source, module.path):
            return None
        return External(f"{source}.{alias.name}")

    def module_or_external(self, dotted: str, module: Module) -> Module | External | None:
        found = self.find(dotted, module.path)
        if found is not None:
            return found
        if self.is_project(dotted, module.path):
            return None
        return External(dotted)

    def defines(self, module: Module, name: str) -> bool:
        return name in module.scope.bindings

    def star_sources(self, module: Module) -> Iterator[tuple[Binding, Module | External | None]]:
        """Modules whose names a module takes by `import *`; the last wins, so they come last first."""
        for binding in reversed(module.scope.bindings.get("*", [])):
            statement = binding.source
            assert isinstance(statement, m.Import)
            yield binding, self.module_or_external(self.absolute(module, statement), module)


def encode(facts: m.PythonFile) -> bytes:
    """Facts as they are kept; nothing when they hold a text that no encoding holds."""
    try:
        return msgspec.msgpack.encode(facts)
    except UnicodeEncodeError:
        return b""


def _ancestors(path: str) -> list[str]:
    """The folders above a file, innermost first, ending with the tree root ("")."""
    out = []
    folder = posixpath.dirname(path)
    while folder:
        out.append(folder)
        folder = posixpath.dirname(folder)
    return [*out, ""]


def _module_name(relative: str) -> tuple[str, bool]:
    stem = relative.removesuffix(".py")
    if stem == "__init__":
        return "", True
    if stem.endswith("/__init__"):
        return stem.removesuffix("/__init__").replace("/", "."), True
    return stem.replace("/", "."), False
