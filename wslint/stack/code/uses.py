"""Where code of the project imports names of a package, or reads them from one of its modules."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.location import Location
from wslint.stack.code.bindings import Imported
from wslint.stack.code.link import Module
from wslint.stack.code.scope import Scope, scopes
from wslint.stack.model import Stack, is_test_path, is_vendored_path


@dataclass(eq=False)
class Use:
    """A dotted name that code takes; `location` is the imported name or the attribute, `place` the whole statement.

    `statement` is the import and `alias` the name in it (None for a star); both None for an attribute. `guarded`: it
    stands under `try`, `if` or the like.
    """

    dotted: str
    location: Location
    place: Location
    statement: m.Import | None
    alias: m.ImportedName | None
    guarded: bool


def uses(stack: Stack, packages: Collection[str]) -> Iterator[Use]:
    """Every use of a package in the modules that import Channels or belong to its routing, outside of tests.

    What an import brings is reported at the import; an attribute is one of a module that an import brought.
    """
    for path in sorted(stack.files):
        module = None if is_test_path(path) or is_vendored_path(path) else stack.modules.at(path)
        if module is None or module.facts.problem is not None:
            continue
        found = [use for scope in scopes(module) for use in _imports(stack, module, scope, packages)]
        if path in stack.relevant or any(use.dotted.partition(".")[0] == "channels" for use in found):
            yield from found
            if found:
                yield from _attributes(stack, module, packages)


def _imports(stack: Stack, module: Module, scope: Scope, packages: Collection[str]) -> Iterator[Use]:
    for bindings in scope.bindings.values():
        for binding in bindings:
            source = binding.source
            alias: m.ImportedName | None = None
            if isinstance(source, Imported):
                statement, alias = source.statement, source.alias
                prefix = f"{stack.modules.absolute(module, statement)}." if statement.module is not None else ""
                span, dotted = alias.span, prefix + alias.name
            elif isinstance(source, m.Import):
                statement, span = source, source.span
                dotted = stack.modules.absolute(module, source)
            else:
                continue
            home = dotted.rpartition(".")[0] if statement.module is not None else dotted
            if not statement.level and dotted.partition(".")[0] in packages and not _is_own(stack, home, module):
                place, whole = Location(module.path, span), Location(module.path, statement.span)
                yield Use(dotted, place, whole, statement, alias, bool(binding.branch))


def _is_own(stack: Stack, dotted: str, module: Module) -> bool:
    """Has the project a package of that name itself?"""
    return stack.modules.find(dotted, module.path) is not None


def _attributes(stack: Stack, module: Module, packages: Collection[str]) -> Iterator[Use]:
    for scope in scopes(module):
        frame = stack.values.frame(scope)
        for node in within(scope.body):
            if isinstance(node, m.Attribute) and isinstance(node.value, (m.Name, m.Attribute)):
                held = stack.values.dotted(node.value, frame)
                if held is not None and held.partition(".")[0] in packages:
                    place = frame.at(node)
                    yield Use(f"{held}.{node.attr}", place, place, None, None, bool(scope.branch_at(node.span)))
