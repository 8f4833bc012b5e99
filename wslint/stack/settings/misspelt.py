"""Settings that Channels reads, under a wrong name."""

from __future__ import annotations

from wslint.stack.model import SettingsModule

_OTHERS = frozenset({"WSGI_APPLICATION"})
"""Settings that are near one of Channels' and right."""


def misspelt(module: SettingsModule, setting: str) -> tuple[str, ...]:
    """Names of a settings module that are one or two edits from a setting; none when the setting is there too."""
    if setting in module.names:
        return ()
    return tuple(sorted(name for name in module.names - _OTHERS if edits(name, setting, 2) <= 2))


def edits(one: str, other: str, limit: int) -> int:
    """How many letters to add, drop, change or swap with the next; `limit` + 1 when more than `limit`."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return min(row[-1], limit + 1)
