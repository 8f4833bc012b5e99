"""A small engine for tests of what stands around it: rules that look for words, and a stack that is only files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from wslint import registry as registry_module
from wslint.diagnostics import ENGINE_RULES
from wslint.facts.python import read_python
from wslint.registry import Registry
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule, Span
from wslint.stack.model import Placed


class Word(Rule):
    """Finds a word."""

    word: ClassVar[str]

    def stack(self, stack: Any) -> Iterator[Finding]:
        for path in stack.tree.paths:
            for number, line in enumerate(stack.tree.read(path).decode().splitlines(), 1):
                start = line.find(self.word)
                if start >= 0:
                    location = Location(path, Span(number, start + 1, number, start + 1 + len(self.word)))
                    fix = Fix((Edit(location, "fixed"),), safe=True)
                    yield self.finding(location, f"{self.word} is here", hint="take it away", symptom="404", fix=fix)


class Alpha(Word):
    """Finds ALPHA, an error."""

    code = "WS910"
    name = "found-alpha"
    level = Level.ERROR
    word = "ALPHA"


class Beta(Word):
    """Finds BETA, a warning, in tests too."""

    code = "WS911"
    name = "found-beta"
    level = Level.WARNING
    in_tests = True
    word = "BETA"


class Gamma(Word):
    """Finds GAMMA, an info."""

    code = "WS920"
    name = "found-gamma"
    level = Level.INFO
    word = "GAMMA"


class Crasher(Rule):
    """Crashes where a file says CRASH, after it found something."""

    code = "WS930"
    name = "always-crashes"
    level = Level.ERROR

    def consumer(self, consumer: Any) -> Iterator[Finding]:
        yield self.finding(Location(consumer.path, Span(1, 1, 1, 2)), "found before the crash")
        raise {"recursion": RecursionError, "memory": MemoryError}.get(consumer.kind, KeyError)("x")


class Looper(Rule):
    """Crashes while it loops over the consumers of a stack."""

    code = "WS931"
    name = "loops-and-crashes"
    level = Level.ERROR

    def stack(self, stack: Any) -> Iterator[Finding]:
        for consumer in stack.consumers:
            if consumer.kind == "looping":
                yield from consumer.missing


RULES = (Alpha, Beta, Gamma, Crasher, Looper)


class FakeConsumer(Placed):
    """A consumer that is only a place and a word that says how to crash on it."""

    def __init__(self, path: str, kind: str) -> None:
        self.location = Location(path, Span(1, 1, 1, 1))
        self.kind = kind


def fake_build(tree: Any, cache: object, config: object) -> SimpleNamespace:
    files = {path: read_python(tree.read(path)) for path in tree.python}
    crashing = {path: tree.read(path).partition(b"CRASH ")[2].split()[:1] for path in tree.python}
    return SimpleNamespace(
        tree=tree,
        files=files,
        problems=[(path, facts.problem) for path, facts in files.items() if facts.problem],
        relevant=frozenset(path for path in tree.python if b"channels" in tree.read(path)),
        consumers=tuple(FakeConsumer(path, kind[0].decode()) for path, kind in crashing.items() if kind),
    )


@pytest.fixture
def small_engine(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """`check` with the rules of this module in place of the real ones."""
    build = ModuleType("wslint.stack.build")
    build.build = fake_build  # type: ignore[attr-defined]
    rules = Registry(kind() for kind in (*ENGINE_RULES, *RULES))
    monkeypatch.setitem(sys.modules, "wslint.stack.build", build)
    for module in ("wslint.api", "wslint.cli", "wslint.registry"):
        if module in sys.modules:
            monkeypatch.setattr(sys.modules[module], "registry", lambda: rules)
    assert registry_module.registry() is rules
    return rules
