from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.removed import Removed, removed
from wslint.rule import Edit, Finding, Fix, Level, Rule
from wslint.stack import Stack, facts
from wslint.stack.code.uses import Use, uses


class RemovedChannelsApi(Rule):
    """Code imports or reads a name that the installed Channels or Django no longer has.

    Why: Channels 2 replaced everything that Channels 1 taught (`Group`, `route`, decorated functions), Channels 4 left
    HTTP to Django (`channels.http.AsgiHandler`), and Django 4 took out `django.conf.urls.url`. Older tutorials still
    show them.

    See: `ImportError: cannot import name 'Group' from 'channels'` (or ModuleNotFoundError, AttributeError) when the
    module is imported, which stops the server, runserver and manage.py alike.

    Mend: the message names the release that removed it and what took its place. The rule is silent where a pin or a
    lock file holds an older release, and where the import stands under `try` or a version test.

    Bad:
        # chat/signals.py
        from channels import Group

        def tell(text):
            Group("chat").send({"text": text})

    Good:
        # chat/signals.py
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer

        def tell(text):
            async_to_sync(get_channel_layer().group_send)("chat", {"type": "chat.said", "text": text})
    """

    code = "WS112"
    name = "removed-channels-api"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[tuple[str, str]] = set()
        for use in uses(stack, ("channels", "django")):
            found = removed(use.dotted)
            if found is None or use.guarded or _is_held_back(stack, found[1]):
                continue
            if (use.location.path, found[0]) not in seen:
                seen.add((use.location.path, found[0]))
                yield self._gone(stack, use, *found)

    def _gone(self, stack: Stack, use: Use, name: str, gone: Removed) -> Finding:
        package = gone.package.capitalize()
        newest = not stack.packages.surely_at_least(gone.package, gone.version)
        return self.finding(
            use.location,
            f"`{name}` was removed in {package} {gone.version}" + (", and no pin holds it back" if newest else ""),
            hint=f"use {gone.instead}",
            symptom="ImportError, ModuleNotFoundError or AttributeError as soon as the module is imported; the server "
            "does not start",
            symbol=name,
            fix=_fix(use, name, gone),
        )


def _is_held_back(stack: Stack, gone: Removed) -> bool:
    """Does a requirement or lock file keep the release that still has it?"""
    return stack.packages.capped_below(gone.package, gone.version)


def _fix(use: Use, name: str, gone: Removed) -> Fix | None:
    """`from old import name` becomes an import of what took its place, under the old name; other names stay."""
    statement, alias = use.statement, use.alias
    if gone.same is None or statement is None or alias is None or statement.module is None:
        return None
    others = [_written(other) for other in statement.names if other is not alias]
    if use.dotted == name:
        module, _, new = gone.same.rpartition(".")
        line = f"from {module} import {_written(facts.ImportedName(alias.span, new, alias.asname or alias.name))}"
    elif statement.module == name and not others:
        line = f"from {gone.same} import {_written(alias)}"
    else:
        return None
    if others and statement.span.line != statement.span.end_line:
        return None
    kept = f"from {statement.module} import {', '.join(others)}\n" + " " * (statement.span.column - 1) if others else ""
    return Fix((Edit(use.place, kept + line),), safe=False, title=f"import it from {gone.same}")


def _written(alias: facts.ImportedName) -> str:
    return alias.name if alias.asname in (None, alias.name) else f"{alias.name} as {alias.asname}"
