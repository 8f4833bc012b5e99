"""Settings as Django would see them: packages, star imports, conditionals, item assignment, settings classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.location import Location
from wslint.stack.code.classes import Class
from wslint.stack.code.link import Module, Modules
from wslint.stack.code.scope import Scope
from wslint.stack.code.values import Values
from wslint.stack.model import Setting, SettingsModule, is_test_path

MARKS = frozenset(
    {"INSTALLED_APPS", "CHANNEL_LAYERS", "ASGI_APPLICATION", "ROOT_URLCONF", "ALLOWED_HOSTS", "WSGI_APPLICATION"}
)
"""Names of which a settings module binds one at its top level."""

_PURPOSES = (
    ("test", re.compile(r"(^|[._])(tests?|testing|ci|pytest)($|[._])")),
    ("production", re.compile(r"(^|[._])(prod\w*|live|staging|stage|deploy\w*|heroku|railway|render|docker)($|[._])")),
    ("development", re.compile(r"(^|[._])(dev\w*|local\w*|debug)($|[._])")),
)


def is_settings(module: Module) -> bool:
    """Does a module look like Django settings: it binds a setting that only settings bind, or is named as such?"""
    names = module.scope.bindings.keys()
    if MARKS & names:
        return bool({"INSTALLED_APPS", "CHANNEL_LAYERS", "ROOT_URLCONF", "ASGI_APPLICATION"} & names) or (
            "settings" in module.name
        )
    last = module.name.rpartition(".")[2]
    if "settings" not in module.name.split(".") and not last.endswith("settings"):
        return False
    return "*" in names or any(
        isinstance(binding.source, m.ClassDef) and MARKS & module.scope.child(binding.source).bindings.keys()
        for bindings in module.scope.bindings.values()
        for binding in bindings
    )


class SettingsReader:
    """Reads settings modules; each is read once."""

    def __init__(self, modules: Modules, values: Values) -> None:
        self.modules = modules
        self.values = values
        self._read: dict[int, SettingsModule] = {}

    def read(self, module: Module) -> SettingsModule:
        """One settings module with those that it takes names from."""
        found = self._read.get(id(module))
        if found is not None:
            return found
        location = Location(module.path, m.Span(1, 1, 1, 1))
        own: dict[str, tuple[Setting, ...]] = {}
        stars: list[tuple[SettingsModule, m.Span, bool]] = []
        result = SettingsModule(
            location, module, purpose_of(module), module.facts.problem is None, frozenset(), (), own
        )
        self._read[id(module)] = result  # a module that imports itself sees this unfinished one
        for scope in self._scopes(module):
            for name, settings in self._own(scope):
                own[name] = (*own.get(name, ()), *settings)
        for star, source in self.modules.star_sources(module):
            if isinstance(source, Module):
                base = self.read(source)
                stars.append((base, star.source.span, bool(star.branch)))
                result.complete = result.complete and base.complete
            else:
                result.complete = False
        if self._hidden(module):
            result.complete = False
        result.stars = tuple(stars)
        result.names = frozenset(own).union(*(base.names for base in result.bases))
        return result

    def _scopes(self, module: Module) -> Iterator[Scope]:
        """The module itself and its settings classes (django-configurations)."""
        yield module.scope
        for bindings in module.scope.bindings.values():
            for binding in bindings:
                if isinstance(binding.source, m.ClassDef):
                    cls = self.values.cls(binding.source, module.scope)
                    if MARKS & cls.scope_inside.bindings.keys() or _is_configuration(cls):
                        yield cls.scope_inside

    def _own(self, scope: Scope) -> Iterator[tuple[str, list[Setting]]]:
        frame = self.values.frame(scope)
        for name, bindings in scope.bindings.items():
            if not name.isupper():
                continue
            found = [
                Setting(name, binding.value, frame, bool(binding.branch))
                for binding in scope.reaching(name)
                if isinstance(binding.source, m.Assign) and binding.value is not None and binding.path == ()
            ]
            found += [
                Setting(name, m.Name(_after(binding.source.span), name), frame, bool(binding.branch))
                for binding in scope.reaching(name)
                if not (isinstance(binding.source, m.Assign) and binding.path == ())
                and not isinstance(binding.source, (m.FunctionDef, m.ClassDef))
            ]
            if bindings and found:
                yield name, found
        for name, settings in self._items(scope):
            yield name, settings

    def _items(self, scope: Scope) -> Iterator[tuple[str, list[Setting]]]:
        """`NAME["key"]["key"] = value` at the top level of a scope."""
        frame = self.values.frame(scope)
        body = scope.module.facts.body if scope.node is None else getattr(scope.node, "body", ())
        for statement, conditional in _flat(body, False):
            if not isinstance(statement, m.Assign) or statement.value is None:
                continue
            for target in statement.targets:
                keys: list[str | int] = []
                inner: m.Expr = target
                while isinstance(inner, m.Subscript):
                    key = self.values.constant(inner.index, frame)
                    keys.append(key if isinstance(key, (str, int)) else "?")
                    inner = inner.value
                if keys and isinstance(inner, m.Name) and inner.id.isupper():
                    yield inner.id, [Setting(inner.id, statement.value, frame, conditional, tuple(keys[::-1]), True)]

    def _hidden(self, module: Module) -> bool:
        """Are names put in by means that cannot be read (`globals()[…]`, `exec`, split_settings' include)?"""
        from wslint.facts.walk import calls_within

        for call in calls_within(module.facts.body):
            func = call.func
            name = last_name(func)
            if name in ("globals", "exec", "execfile", "include", "setattr", "vars", "locals"):
                return True
        return False


def _after(span: m.Span) -> m.Span:
    """The place just behind a statement, where a name is what the statement made it."""
    return m.Span(span.end_line, span.end_column + 1, span.end_line, span.end_column + 1)


def _is_configuration(cls: Class) -> bool:
    return any(name.startswith("configurations.") for name in cls.externals)


def _flat(body: Iterable[m.Stmt], conditional: bool) -> Iterator[tuple[m.Stmt, bool]]:
    for node in body:
        yield node, conditional
        match node:
            case m.If():
                yield from _flat((*node.body, *node.orelse), True)
            case m.Try():
                yield from _flat(node.body, True)
                for handler in node.handlers:
                    yield from _flat(handler.body, True)
                yield from _flat((*node.orelse, *node.finalbody), True)
            case m.With():
                yield from _flat(node.body, conditional)
            case m.For() | m.While():
                yield from _flat(node.body, True)
            case _:
                pass


def purpose_of(module: Module) -> str:
    """What a settings module is for, by its name: "production", "development", "test" or ""."""
    if is_test_path(module.path):
        return "test"
    name = module.name.lower()
    return next((purpose for purpose, pattern in _PURPOSES if pattern.search(name)), "")
