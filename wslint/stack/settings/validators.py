"""What the origin validators of a project let in: the list that each is given, or ALLOWED_HOSTS (S06–S08)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.lists import Lists
from wslint.stack.code.values import ExternalValue, Frame, Literal, argument
from wslint.stack.model import SettingsModule, Stack, Wrapper

SETTINGS = "django.conf.settings."


@dataclass(eq=False)
class Allowed:
    """A list that a validator compares origins with; `text`: it surely is one text instead of a list.

    `entries` are the texts that can be read, with their places; `module` is the settings module that holds it, None
    for a list that stands in the code.
    """

    wrapper: Wrapper
    name: str
    location: Location
    entries: tuple[tuple[str, Location], ...]
    module: SettingsModule | None
    text: str | None = None

    @property
    def by_host(self) -> bool:
        """Is it ALLOWED_HOSTS, of which only the host of an origin is compared?"""
        return self.wrapper.dotted == known.ALLOWED_HOSTS_VALIDATOR


def allowed(stack: Stack) -> Iterator[Allowed]:
    """The lists of every origin validator outside of tests."""
    for wrapper in stack.wrappers:
        if wrapper.in_tests or wrapper.vendored or wrapper.call is None:
            continue
        if wrapper.dotted == known.ALLOWED_HOSTS_VALIDATOR:
            yield from _of_setting(stack, wrapper, "ALLOWED_HOSTS")
        elif wrapper.dotted == known.ORIGIN_VALIDATOR:
            given = argument(wrapper.call, 1, "allowed_origins")
            value = None if given is None else stack.values.one(given, wrapper.frame)
            if isinstance(value, ExternalValue) and value.dotted.startswith(SETTINGS):
                yield from _of_setting(stack, wrapper, value.dotted.removeprefix(SETTINGS))
            elif given is not None:
                yield _read(stack, wrapper, "the list", given, wrapper.frame, None)


def _of_setting(stack: Stack, wrapper: Wrapper, name: str) -> Iterator[Allowed]:
    """The setting as each settings module that is used by itself has it, unless a condition decides."""
    settings = stack.settings_for(wrapper.path)
    if settings is None:
        return
    for module in settings.serving:
        if any(module in other.bases for other in settings.modules):
            continue
        found = module.get(name)
        if len(found) == 1 and not found[0].conditional and not found[0].mutated:
            yield _read(stack, wrapper, name, found[0].expr, found[0].frame, module)


def _read(
    stack: Stack, wrapper: Wrapper, name: str, expr: m.Expr, frame: Frame, module: SettingsModule | None
) -> Allowed:
    entries = [
        (value.value, home.at(value.node) if value.frame is home else home.at(item))
        for item, home in Lists(stack.values).of(expr, frame).items
        if isinstance(value := stack.values.one(item, home), Literal) and isinstance(value.value, str)
    ]
    whole = stack.values.one(expr, frame)
    text = whole.value if isinstance(whole, Literal) and isinstance(whole.value, str) else None
    return Allowed(wrapper, name, frame.at(expr), tuple(entries), module, text)
