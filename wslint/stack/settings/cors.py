"""How django-cors-headers is built in: its middleware among the others, and what it lets every origin do."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.location import Edit
from wslint.stack.code.edits import is_bracketed
from wslint.stack.code.places import before
from wslint.stack.model import Setting, SettingsModule, Stack
from wslint.stack.settings.installed import InstalledApp, InstalledApps

CORS_APP = "corsheaders"
CORS_MIDDLEWARE = "corsheaders.middleware.CorsMiddleware"
COMMON_MIDDLEWARE = "django.middleware.common.CommonMiddleware"


def lacks_middleware(installed: InstalledApps) -> bool:
    """Is nothing there that speaks of CORS, in a list that is known to the end?"""
    return installed.complete and bool(installed.apps) and not any("cors" in one.name.lower() for one in installed.apps)


def late_middleware(installed: InstalledApps) -> tuple[InstalledApp, InstalledApp] | None:
    """CommonMiddleware and the CorsMiddleware that one list puts behind it."""
    common, cors = installed.find(COMMON_MIDDLEWARE), installed.find(CORS_MIDDLEWARE)
    if common is None or cors is None or installed.apps.index(cors) < installed.apps.index(common):
        return None
    if sum(one.name == CORS_MIDDLEWARE for one in installed.apps) > 1:
        return None
    return (common, cors) if installed.complete or common.frame is cors.frame else None


def is_always_on(stack: Stack, module: SettingsModule, names: tuple[str, ...]) -> Setting | None:
    """The setting that is True whatever the conditions and the environment are."""
    for name in names:
        settings = module.get(name)
        if settings and all(
            not setting.conditional and stack.values.constant(setting.expr, setting.frame) is True
            for setting in settings
        ):
            return settings[-1]
    return None


def moved(stack: Stack, installed: InstalledApps, common: InstalledApp, cors: InstalledApp) -> tuple[Edit, ...]:
    """CorsMiddleware in the place of CommonMiddleware, those between one further; none unless all are texts."""
    first, last = installed.apps.index(common), installed.apps.index(cors)
    row = installed.apps[first : last + 1]
    if any(one.frame is not cors.frame or not isinstance(one.expr, m.Constant) for one in row):
        return ()
    if sorted(one.expr.span for one in row) != [one.expr.span for one in row]:
        return ()
    return tuple(Edit(place.location, f'"{one.name}"') for place, one in zip(row, (cors, *row), strict=False))


def put_first(stack: Stack, installed: InstalledApps) -> tuple[Edit, ...]:
    """CorsMiddleware before the first of the others; none where the first is not the first that is written."""
    first = installed.apps[0]
    if any(one.frame is not first.frame or one.expr.span < first.expr.span for one in installed.apps):
        return ()
    if is_bracketed(stack, first.expr, first.frame.path):
        return ()
    return (Edit(before(first.expr, first.frame), f'"{CORS_MIDDLEWARE}",\n{" " * (first.expr.span.column - 1)}'),)
