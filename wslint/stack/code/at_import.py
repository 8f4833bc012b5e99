"""Calls that run while a module is imported: in its own statements, in class bodies, in defaults of parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import below, within
from wslint.stack.code.bindings import Imported
from wslint.stack.code.functions import call_uses
from wslint.stack.code.link import Module
from wslint.stack.code.scope import Scope, scopes
from wslint.stack.code.values import Frame
from wslint.stack.model import Stack, is_test_path, is_vendored_path


@dataclass(eq=False, frozen=True)
class ImportCall:
    """A call that runs at import, and the name that keeps what it gives (empty: none does)."""

    call: m.Call
    frame: Frame
    name: str


def calls_at_import(stack: Stack, dotted: str) -> Iterator[ImportCall]:
    """The calls of a function outside tests that run while their modules are imported."""
    for path in sorted(stack.files):
        module = None if is_test_path(path) or is_vendored_path(path) else stack.modules.at(path)
        for call, scope, name in () if module is None else _calls(module):
            frame = stack.values.frame(scope)
            if isinstance(call.func, (m.Name, m.Attribute)) and stack.values.dotted(call.func, frame) == dotted:
                yield ImportCall(call, frame, name)


def _calls(module: Module) -> Iterator[tuple[m.Call, Scope, str]]:
    """The calls that run at import, the scopes their names are read in, and the names they are bound to."""
    for scope in scopes(module):
        around = scope.parent
        if isinstance(scope.node, m.FunctionDef) and around is not None and not _in_function(around):
            for param in scope.node.params:
                for node in () if param.default is None else (param.default, *below(param.default)):
                    if isinstance(node, m.Call):
                        yield node, around, param.name
        elif not _in_function(scope):
            for use in call_uses(scope):
                if not any(isinstance(parent, m.If) and _is_never_imported(parent.test) for parent in use.parents):
                    yield use.node, scope, _bound(use.parents)


def _in_function(scope: Scope | None) -> bool:
    while scope is not None:
        if scope.is_function:
            return True
        scope = scope.parent
    return False


def _bound(parents: tuple[m.Node, ...]) -> str:
    statement = next((node for node in reversed(parents) if isinstance(node, m.Assign)), None)
    targets = statement.targets if statement is not None else ()
    return next((target.id for target in targets if isinstance(target, m.Name)), "")


def _is_never_imported(test: m.Expr) -> bool:
    """Is a test `__name__ == "__main__"` or `TYPE_CHECKING`?"""
    words = {last_name(node) for node in (test, *below(test))}
    return bool(words & {"__name__", "TYPE_CHECKING"})


def is_read(stack: Stack, call: ImportCall) -> bool:
    """Is the name that keeps a call's result read in its module or imported by another?"""
    home = call.frame.scope.module
    if not call.name:
        return True
    words = [last_name(node) for scope in scopes(home) for node in within(scope.body)]
    return words.count(call.name) > 1 or any(
        isinstance(binding.source, Imported) and binding.source.alias.name == call.name
        for path in stack.files
        if path != home.path and (module := stack.modules.at(path)) is not None
        for scope in scopes(module)
        for bindings in scope.bindings.values()
        for binding in bindings
    )
