"""Which database the tests of a project use: in a file, or surely in memory (django.db.backends.sqlite3.creation)."""

from __future__ import annotations

from wslint.discover import mentions
from wslint.location import Location
from wslint.stack.code.changes import changes
from wslint.stack.layers.layers import dict_entries
from wslint.stack.model import Settings, SettingsModule, Stack
from wslint.stack.settings.environment import Option

SETTING = "DATABASES"
SQLITE = frozenset({"django.db.backends.sqlite3", "django.contrib.gis.db.backends.spatialite"})
FIXTURES = (b"django_db_modify_db_settings", b"django_db_setup")
"""Fixtures of pytest-django with which a conftest.py gives tests another database."""


def memory_database(settings: Settings) -> Location | None:
    """Where the default database is defined, when tests surely run with one in memory.

    Tests run with the settings for tests; without any, all must agree. SQLite's test database is in memory unless
    TEST has a NAME.
    """
    stack = settings.stack
    bases = [base for module in settings.modules for base in module.bases]
    leaves = [module for module in settings.modules if not any(module is base for base in bases)]
    tested = [module for module in leaves if module.purpose == "test"] or leaves
    found = [_in_memory(stack, module) for module in tested]
    if not found or None in found or _changed_by_pytest(stack):
        return None
    return found[0]


def _in_memory(stack: Stack, module: SettingsModule) -> Location | None:
    given = module.get(SETTING)
    if not module.complete or len(given) != 1 or module.get("TEST_RUNNER"):
        return None
    setting = given[0]
    if setting.conditional or setting.parents or setting.mutated or any(changes(setting.frame.scope, SETTING)):
        return None
    default = _entry(stack, Option(setting.expr, setting.frame), "default")
    engine = None if default is None else _entry(stack, default, "ENGINE")
    if default is None or engine is None or stack.values.constant(engine.expr, engine.frame) not in SQLITE:
        return None
    entries, complete = dict_entries(stack, default.expr, default.frame)
    tests = entries.get("TEST", ())
    if not complete or len(tests) > 1:
        return None
    return engine.location if not tests or _says_memory(stack, tests[0]) else None


def _says_memory(stack: Stack, test: Option) -> bool:
    """Does a TEST dict leave the test database in memory?"""
    entries, complete = dict_entries(stack, test.expr, test.frame)
    names = entries.get("NAME", ())
    if not complete or len(names) > 1:
        return False
    name = stack.values.constant(names[0].expr, names[0].frame) if names else None
    return name is None or (isinstance(name, str) and (name in ("", ":memory:") or "mode=memory" in name))


def _entry(stack: Stack, option: Option, key: str) -> Option | None:
    """The only value that a dict can have for a key."""
    options = dict_entries(stack, option.expr, option.frame)[0].get(key, ())
    return options[0] if len(options) == 1 else None


def _changed_by_pytest(stack: Stack) -> bool:
    conftests = [path for path in stack.tree.python if path.rpartition("/")[2] == "conftest.py"]
    return bool(mentions(stack.tree, FIXTURES, conftests))
