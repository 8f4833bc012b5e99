"""Names of project modules that a module takes and that do not exist: by import, or as an attribute of a module."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import below, within
from wslint.location import Location
from wslint.stack.code.bindings import Imported
from wslint.stack.code.link import External, Module
from wslint.stack.code.scope import scopes
from wslint.stack.code.values import ModuleValue
from wslint.stack.model import Stack

_WRITERS = frozenset({"globals", "exec", "vars", "locals", "setattr", "eval", "__getattr__", "__dict__", "modules"})
"""Names in a module that may put others into it."""

CLOSE = 0.75


@dataclass(eq=False)
class Undefined:
    """A name that a module (or a package, as its submodule) does not have; `location` is where it is asked for.

    `nearest` is the name that is likely meant; `names` are the places to write it, all of them in one file.
    """

    name: str
    home: str
    location: Location
    nearest: str | None
    names: tuple[Location, ...]


def undefined(stack: Stack, module: Module) -> Iterator[Undefined]:
    """What a module surely asks for in vain as it is imported: not under `try` or `if`, and not in a function."""
    for bindings in module.scope.bindings.values():
        for binding in bindings:
            if isinstance(binding.source, Imported) and not binding.branch:
                yield from _imported(stack, module, binding.source)
    frame = stack.values.module_frame(module)
    for node in within(module.facts.body):
        if not isinstance(node, m.Attribute) or module.scope.branch_at(node.span):
            continue
        held = stack.values.one(node.value, frame)
        if isinstance(held, ModuleValue) and _lacks(stack, held.module, node.attr, module):
            place, nearest = frame.at(node.attr_span), _nearest(stack, held.module, node.attr)
            yield Undefined(node.attr, held.module.name, place, nearest, (place,))


def _imported(stack: Stack, module: Module, imported: Imported) -> Iterator[Undefined]:
    statement, alias = imported.statement, imported.alias
    place = Location(module.path, alias.span)
    if statement.module is None and not statement.level:
        yield from _missing_module(stack, module, alias.name, place)
        return
    source = stack.modules.absolute(module, statement)
    home = stack.modules.find(source, module.path)
    if home is None:
        yield from _missing_module(stack, module, source, Location(module.path, statement.span))
    elif _lacks(stack, home, alias.name, module):
        nearest = _nearest(stack, home, alias.name)
        yield Undefined(alias.name, source, place, nearest, tuple(_places(module, imported, nearest)))


def _missing_module(stack: Stack, module: Module, dotted: str, place: Location) -> Iterator[Undefined]:
    """A module below a package of the project that has an `__init__.py` and no such file in it."""
    package, _, name = dotted.rpartition(".")
    if not package or isinstance(stack.modules.module_or_external(dotted, module), (Module, External)):
        return
    home = stack.modules.find(package, module.path)
    if home is not None and home.is_package and _lacks(stack, home, name, module):
        yield Undefined(name, package, place, _nearest(stack, home, name), ())


def _lacks(stack: Stack, home: Module, name: str, asking: Module) -> bool:
    """Is a name surely neither bound in a module, nor by a function of it, nor one of a package's files?"""
    if home.facts.problem is not None or name.startswith("__") or "*" in home.scope.bindings:
        return False
    if name in home.scope.bindings or (home.is_package and _has_file(stack, home, name)):
        return False
    if home is asking or home.name == "" or _is_dynamic(home):
        return False
    return not any(name in scope.index.elsewhere for scope in scopes(home))


def _has_file(stack: Stack, package: Module, name: str) -> bool:
    """Is there anything so called beside a package's `__init__.py`: a module, a folder, a compiled file?"""
    folder = package.path.rpartition("/")[0]
    base = f"{folder}/{name}" if folder else name
    return stack.tree.is_folder(base) or any(path.startswith(f"{base}.") for path in stack.tree.paths)


def _is_dynamic(module: Module) -> bool:
    for node in (found for statement in module.facts.body for found in (statement, *below(statement))):
        written = last_name(node)
        if written in _WRITERS or (isinstance(node, m.FunctionDef) and node.name in _WRITERS):
            return True
    return False


def _nearest(stack: Stack, home: Module, name: str) -> str | None:
    """The one name of a module, or module of a package, that is like it."""
    known = {found for found in home.scope.bindings if not found.startswith("_")}
    if home.is_package:
        folder = home.path.rpartition("/")[0]
        for path in stack.tree.python:
            parent, _, file = path.rpartition("/")
            if parent == folder and not file.startswith("_"):
                known.add(file.removesuffix(".py"))
    close = get_close_matches(name, sorted(known), 2, CLOSE)
    return close[0] if close else None


def _places(module: Module, imported: Imported, nearest: str | None) -> Iterator[Location]:
    """Where the imported name is written: in the import and, without `as`, wherever the module reads it."""
    alias = imported.alias
    if nearest is None or alias.asname is not None or nearest in module.scope.bindings:
        return
    yield Location(module.path, alias.span)
    for node in (found for statement in module.facts.body for found in below(statement)):
        if isinstance(node, m.Name) and node.id == alias.name:
            yield Location(module.path, node.span)
