"""The rules there are: the modules of the package `wslint.rules`, and what other packages offer as entry points."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from wslint.config import ConfigError, closest
from wslint.diagnostics import ENGINE_RULES
from wslint.lazy import hidden_project, load
from wslint.rule import Level, Rule

PACKAGE = "wslint.rules"
GROUP = "wslint.rules"  # the entry point group in which other packages offer a module of rules, or one rule

_CODE = re.compile(r"[A-Z]{1,3}\d{3}")  # what flake8 takes
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")


class RegistryError(ConfigError):
    """Two rules claim one code or name, or a rule lacks what every rule has."""


@dataclass(frozen=True)
class Broken:
    """A module of rules that could not be imported, and why."""

    name: str
    error: Exception


class Registry:
    """Rules by code and by name, sorted by code."""

    def __init__(self, rules: Iterable[Rule], broken: Iterable[Broken] = ()) -> None:
        self.broken = tuple(broken)
        self._by_key: dict[str, Rule] = {}
        for rule in rules:
            _check(rule)
            for key in (rule.code, rule.name):
                other = self._by_key.setdefault(key, rule)
                if other is not rule:
                    raise RegistryError(f"two rules are called {key}: {_place(other)} and {_place(rule)}")
        self.rules = tuple(
            sorted({id(rule): rule for rule in self._by_key.values()}.values(), key=lambda rule: rule.code)
        )

    @cached_property
    def families(self) -> frozenset[str]:
        """Every proper beginning of a code: W, WS, WS3 and WS30."""
        return frozenset(rule.code[:end] for rule in self.rules for end in range(1, len(rule.code)))

    @cached_property
    def prefixes(self) -> frozenset[str]:
        """The letters with which codes begin: WS, and what other packages use."""
        return frozenset(rule.code[:-3] for rule in self.rules)

    def find(self, word: str) -> Rule | None:
        """The rule with this code or name, in any case."""
        return self._by_key.get(word.upper()) or self._by_key.get(word.lower())

    def is_family(self, word: str) -> bool:
        return word.upper() in self.families

    def codes(self, selector: str) -> frozenset[str]:
        """What a code, the beginning of codes or a name selects; empty when nothing is called so."""
        rule = self.find(selector)
        if rule is not None:
            return frozenset({rule.code})
        return frozenset(
            rule.code for rule in self.rules if self.is_family(selector) and rule.code.startswith(selector.upper())
        )

    def near(self, word: str) -> str:
        """`did you mean "close-code-lost"?`, or where the list is."""
        near = closest(word, (key.lower() for key in self._by_key))
        if near is None:
            return "`wslint rules` lists them"
        return f'did you mean "{near.upper() if _CODE.fullmatch(near.upper()) else near}"?'


@cache
def registry() -> Registry:
    """All installed rules. Raises RegistryError."""
    rules: list[Rule] = [kind() for kind in ENGINE_RULES]
    broken: list[Broken] = []
    with hidden_project():  # once for all: it looks at every folder on the path
        for name, offer in _offers():
            try:
                rules.extend(kind() for kind in offer())
            except Exception as error:  # somebody's broken rule costs itself only
                broken.append(Broken(name, error))
    return Registry(rules, broken)


def _offers() -> Iterator[tuple[str, Callable[[], list[type[Rule]]]]]:
    for module in sorted(pkgutil.iter_modules(load(PACKAGE).__path__), key=lambda module: module.name):
        name = f"{PACKAGE}.{module.name}"
        yield name, lambda name=name: _kinds(load(name))  # type: ignore[misc]
    entries = load("importlib.metadata").entry_points(group=GROUP)  # of what is installed: the project is hidden
    for entry in sorted(entries, key=lambda entry: entry.value):
        module, _, attribute = entry.value.partition(":")
        yield entry.value, lambda module=module, attribute=attribute: _kinds(load(module), attribute)  # type: ignore[misc]


def _kinds(module: object, attribute: str = "") -> list[type[Rule]]:
    """The rules that a module defines, or the one that `attribute` names."""
    offered = list(vars(module).values())
    if attribute:
        offered = [getattr(module, attribute)]
        if not inspect.isclass(offered[0]):
            return _kinds(offered[0])
    return [
        kind
        for kind in offered
        if inspect.isclass(kind)
        and issubclass(kind, Rule)
        and (attribute or kind.__module__ == vars(module)["__name__"])
        and "code" in vars(kind)
    ]


def _check(rule: Rule) -> None:
    for attribute in ("code", "name", "level"):
        if not hasattr(rule, attribute):
            raise RegistryError(f"{_place(rule)} has no {attribute}")
    if not _CODE.fullmatch(rule.code):
        raise RegistryError(f'{_place(rule)}: the code "{rule.code}" is not one to three capitals and three digits')
    if not _NAME.fullmatch(rule.name):
        raise RegistryError(f'{_place(rule)}: the name "{rule.name}" is not two or more lower-case words with hyphens')
    if not isinstance(rule.level, Level):
        raise RegistryError(f"{_place(rule)}: the level {rule.level!r} is no Level")
    if not type(rule).__doc__:
        raise RegistryError(f"{_place(rule)} has no docstring")


def _place(rule: Rule) -> str:
    return f"{type(rule).__module__}.{type(rule).__qualname__}"
