"""Which rules there are, how they are found by code and name, and what other packages may add."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from small_engine import Alpha, Beta

from wslint import api, registry
from wslint.diagnostics import ENGINE_RULES
from wslint.registry import Registry, RegistryError
from wslint.rule import Level, Rule

Offer = Callable[..., ModuleType]


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Let an installed package `acme_rules` offer what is given under an entry point."""

    def offered(value: str, **members: object) -> ModuleType:
        module = ModuleType("acme_rules")
        for name, member in members.items():
            setattr(module, name, member)
            if isinstance(member, type):
                monkeypatch.setattr(member, "__module__", "acme_rules")
        entry = importlib.metadata.EntryPoint("acme", value, registry.GROUP)
        monkeypatch.setitem(sys.modules, "acme_rules", module)
        monkeypatch.setattr(
            importlib.metadata, "entry_points", lambda group: [entry] if group == registry.GROUP else []
        )
        return module

    return offered


def loaded() -> Registry:
    return registry.registry.__wrapped__()


def test_by_code_and_by_name() -> None:
    rules = Registry([Alpha(), Beta()])
    assert rules.find("ws910") is rules.find("FOUND-alpha") is rules.rules[0]
    assert rules.find("WS91") is None
    assert rules.codes("WS91") == {"WS910", "WS911"}
    assert rules.codes("found-beta") == {"WS911"}
    assert rules.codes("X") == rules.codes("") == frozenset()
    assert rules.near("WS912").startswith('did you mean "WS91')
    assert rules.near("zzz") == "`wslint rules` lists them"


def test_our_own_rules_are_all_there() -> None:
    rules = loaded()
    assert {kind.code for kind in ENGINE_RULES} < {rule.code for rule in rules.rules}
    assert [rule.code for rule in rules.rules] == sorted({rule.code for rule in rules.rules})
    assert rules.broken == ()


@pytest.mark.parametrize("value", ["acme_rules", "acme_rules:NoPolling"])
def test_another_package_offers_a_module_or_a_rule(offer: Offer, value: str) -> None:
    class NoPolling(Rule):
        """Finds polling."""

        code = "AC001"
        name = "no-polling"
        level = Level.INFO

    offer(value, NoPolling=NoPolling, helper=len, Rule=Rule)
    rules = loaded()
    assert isinstance(rules.find("no-polling"), NoPolling)
    assert rules.prefixes == {"WS", "AC"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"code": "WS001"}, "two rules are called WS001"),
        ({"name": "unreadable-file"}, "two rules are called unreadable-file"),
        ({"code": "acme1"}, 'the code "acme1" is not'),
        ({"name": "Polling"}, 'the name "Polling" is not'),
        ({"level": "info"}, "the level 'info' is no Level"),
        ({"level": None}, "is no Level"),
        ({"__doc__": None}, "has no docstring"),
    ],
)
def test_a_rule_that_cannot_be(offer: Offer, changes: dict[str, object], said: str) -> None:
    members = {"__doc__": "Finds polling.", "code": "AC001", "name": "no-polling", "level": Level.INFO, **changes}
    offer("acme_rules", NoPolling=type("NoPolling", (Rule,), members))
    with pytest.raises(RegistryError, match=said):
        loaded()


def test_a_rule_without_a_name(offer: Offer) -> None:
    members = {"__doc__": "Finds polling.", "code": "AC001", "level": Level.INFO}
    offer("acme_rules", NoPolling=type("NoPolling", (Rule,), members))
    with pytest.raises(RegistryError, match=r"acme_rules.NoPolling has no name"):
        loaded()


def test_a_package_that_cannot_be_imported_costs_only_itself(
    offer: Offer, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    offer("acme_rules_that_are_not_there")
    rules = loaded()
    assert [broken.name for broken in rules.broken] == ["acme_rules_that_are_not_there"]
    monkeypatch.setattr(api, "registry", lambda: rules)
    report = api.check([tmp_path])  # type: ignore[list-item]
    assert report.exit_status == 2
    assert "the import of acme_rules_that_are_not_there crashed (ModuleNotFoundError" in report.findings[0].message
