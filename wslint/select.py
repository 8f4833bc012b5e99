"""Which rules run and which findings are shown: select, ignore, levels, per-file ignores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from wslint.config import Config, ConfigError, place
from wslint.diagnostics import InternalError
from wslint.lazy import load
from wslint.registry import Registry
from wslint.rule import Finding, Level, Rule


class UnknownRule(ConfigError):
    """A selector selects nothing; `problem` says so without the place."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.problem = problem


@dataclass(frozen=True)
class Selection:
    """The decisions of one configuration.

    `enabled` are the codes that run, `asked` those that were asked for by name, code or family: they show their info
    findings under every profile. `threshold` is the least level shown; `strictly` when the user set it, so that it
    binds what was asked for as well.
    """

    enabled: frozenset[str]
    asked: frozenset[str]
    threshold: Level
    strictly: bool
    per_file: tuple[tuple[str, frozenset[str]], ...] = ()

    @classmethod
    def of(cls, config: Config, registry: Registry) -> Selection:
        """Raises ConfigError for a selector that selects nothing."""
        where = config.source
        asked = {
            **ranked(config.select, registry, place(where, "select")),
            **ranked(config.extend_select, registry, place(where, "extend-select")),
        }
        ignored = ranked(config.ignore, registry, place(where, "ignore"))
        chosen = {rule.code for rule in registry.rules} if not config.select else set(asked)
        enabled = {code for code in chosen if code not in ignored or asked.get(code, -1) > ignored[code]}
        default = Level.INFO if config.profile == "strict" else Level.WARNING
        return cls(
            enabled=frozenset(enabled | {InternalError.code}),
            asked=frozenset(asked),
            threshold=Level(config.level) if config.level else default,
            strictly=config.level is not None,
            per_file=tuple(
                (pattern, frozenset(ranked(selectors, registry, place(where, f'per-file-ignores "{pattern}"'))))
                for pattern, selectors in config.per_file_ignores
            ),
        )

    def runs(self, rule: Rule) -> bool:
        return rule.code in self.enabled

    def shows(self, finding: Finding) -> bool:
        """Is the finding grave enough, or asked for?"""
        if finding.level.rank <= self.threshold.rank or finding.code == InternalError.code:
            return True
        return finding.code in self.asked and not self.strictly

    def ignored_in(self, path: str) -> frozenset[str]:
        """The codes that a per-file ignore takes from this file."""
        return frozenset(code for spec, codes in self._specs if spec.match_file(path) for code in codes)

    @cached_property
    def _specs(self) -> tuple[tuple[Any, frozenset[str]], ...]:
        return tuple((load("pathspec").GitIgnoreSpec.from_lines([pattern]), codes) for pattern, codes in self.per_file)


def ranked(selectors: Iterable[str], registry: Registry, where: str) -> dict[str, int]:
    """The codes selected, each with the length of its most exact selector (a name counts as a whole code).

    Of a `select` and an `ignore` that disagree the more exact one wins, and `ignore` when they are equal. Raises
    UnknownRule.
    """
    exactness: dict[str, int] = {}
    for selector in selectors:
        codes = registry.codes(selector.strip())
        if not codes:
            raise UnknownRule(where, f'there is no rule "{selector}"; {registry.near(selector)}')
        weight = len(next(iter(codes))) if len(codes) == 1 else len(selector)
        for code in codes:
            exactness[code] = max(exactness.get(code, 0), weight)
    return exactness


def overridden(
    config: Config,
    registry: Registry,
    *,
    select: tuple[str, ...] = (),
    extend: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
) -> Config:
    """The configuration under a command line, whose selectors win over equally exact ones of the configuration."""
    ignored = ranked(config.ignore, registry, place(config.source, "ignore"))
    asked = ranked(select + extend, registry, "")
    if asked:
        ignored = {code: weight for code, weight in ignored.items() if asked.get(code, -1) < weight}
    return msgspec.structs.replace(
        config,
        select=select or config.select,
        extend_select=extend if select else config.extend_select + extend,
        ignore=(*(sorted(ignored) if asked else config.ignore), *sorted(ranked(ignore, registry, ""))),
    )
