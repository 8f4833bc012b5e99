"""INSTALLED_APPS and MIDDLEWARE as one settings module ends up with them, in order."""

from __future__ import annotations

from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.model import Span
from wslint.location import Location
from wslint.stack.code.lists import Lists
from wslint.stack.code.values import Frame
from wslint.stack.model import SettingsModule, Stack

END = Span(1 << 30, 1, 1 << 30, 1)
"""A place after every statement of a module."""


@dataclass(eq=False)
class InstalledApp:
    """One entry: the package (`django.contrib.staticfiles` for its AppConfig path too) and where it is written."""

    name: str
    expr: m.Expr
    frame: Frame

    @property
    def location(self) -> Location:
        return self.frame.at(self.expr)


@dataclass(eq=False)
class InstalledApps:
    """The entries in order; not `complete` when there may be others, or the order is not sure."""

    apps: tuple[InstalledApp, ...]
    complete: bool

    def find(self, name: str) -> InstalledApp | None:
        return next((app for app in self.apps if app.name == name), None)


def installed_apps(stack: Stack, module: SettingsModule) -> InstalledApps:
    """The installed apps that a settings module defines or inherits."""
    return _listed(stack, module, "INSTALLED_APPS")


def installed_middleware(stack: Stack, module: SettingsModule) -> InstalledApps:
    """The HTTP middleware that a settings module defines or inherits, by their dotted names."""
    return _listed(stack, module, "MIDDLEWARE")


def _listed(stack: Stack, module: SettingsModule, setting: str) -> InstalledApps:
    frame = stack.values.module_frame(module.module)
    name = m.Name(END, setting)
    if setting not in module.names:
        return InstalledApps((), module.complete)
    if setting not in module.module.scope.bindings and not module.bases:
        return InstalledApps((), False)  # in a settings class
    alternatives = stack.values.of(name, frame)
    items = Lists(stack.values).of(name, frame)
    apps: list[InstalledApp] = []
    complete = items.complete and len(alternatives) == 1
    for expr, home in items.items:
        value = stack.values.constant(expr, home)
        if isinstance(value, str):
            apps.append(InstalledApp(package_of(value), expr, home))
        else:
            complete = False
    return InstalledApps(tuple(apps), complete)


def package_of(entry: str) -> str:
    """The package that an entry installs: `daphne` for `daphne.apps.DaphneConfig`."""
    head, apps, _ = entry.partition(".apps.")
    return head if apps else entry
