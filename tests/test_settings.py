"""Settings as Django would see them."""

from __future__ import annotations

import time

import pytest
from stacks import shown, stack_of

from wslint.stack import model as d
from wslint.stack.code.lists import Lists

A, B = "ASGI_APPLICATION = 'a'\n", "ASGI_APPLICATION = 'b'\n"


def module(files: dict[str, str], path: str = "settings.py") -> tuple[d.Stack, d.SettingsModule]:
    stack = stack_of({"asgi.py": "import channels", "settings.py": "", **files})
    return stack, next(one for found in stack.settings for one in found.modules if one.path == path)


CASES = {
    "one module": ({"settings.py": A}, ["'a'"]),
    "set twice": ({"settings.py": A + B}, ["'b'"]),
    "under if": ({"settings.py": A + "if X:\n  " + B}, ["'a'", "'b'"]),
    "if and else": ({"settings.py": "if X:\n  " + A + "else:\n  " + B}, ["'a'", "'b'"]),
    "a star import": ({"settings.py": "from base import *", "base.py": A}, ["'a'"]),
    "a star import and its own": ({"settings.py": "from base import *\n" + B, "base.py": A}, ["'b'"]),
    "its own under if": ({"settings.py": "from base import *\nif X:\n  " + B, "base.py": A}, ["'a'", "'b'"]),
    "a star import at the end": ({"settings.py": A + "from local import *", "local.py": B}, ["'b'"]),
    "one in try": (
        {"settings.py": A + "try:\n  from local import *\nexcept ImportError:\n  pass", "local.py": B},
        ["'a'", "'b'"],
    ),
    "an import": ({"settings.py": "from base import ASGI_APPLICATION", "base.py": A}, ["'a'"]),
    "a class": ({"settings.py": "class Base:\n  " + A}, ["'a'"]),
    "classes": ({"settings.py": "class Base:\n  " + A + "class Production(Base):\n  " + B}, ["'a'", "'b'"]),
    "itself": ({"settings.py": "from settings import *\n" + A}, ["'a'"]),
    "each other": ({"settings.py": "from base import *", "base.py": "from settings import *\n" + A}, ["'a'"]),
}


@pytest.mark.parametrize("case", CASES)
def test_values(case: str) -> None:
    files, expected = CASES[case]
    stack, found = module(files)
    given = [value for one in found.get("ASGI_APPLICATION") for value in stack.values.of(one.expr, one.frame)]
    assert sorted({shown(value) for value in given}) == expected
    assert found.get("CHANNEL_LAYERS") == ()


def test_a_package() -> None:
    _, production = module(
        {"config/settings/base.py": A, "config/settings/production.py": "from .base import *\nDEBUG = False"},
        "config/settings/production.py",
    )
    assert production.purpose == "production"
    assert [one.path for one in production.bases] == ["config/settings/base.py"]
    assert [one.location.path for one in production.get("ASGI_APPLICATION")] == ["config/settings/base.py"]
    assert production.complete


def test_items() -> None:
    _, found = module(
        {"settings.py": "from base import *\nCHANNEL_LAYERS['default']['HOST'] = 1", "base.py": "CHANNEL_LAYERS = {}"}
    )
    assert [(one.parents, one.mutated) for one in found.get("CHANNEL_LAYERS")] == [
        (("default", "HOST"), True),
        ((), False),
    ]


COMPLETE = {
    "plain": (A, True),
    "a known star import": (A + "from base import *", True),
    "an unknown one": (A + "from elsewhere import *", False),
    "globals()": (A + "globals()['X'] = 1", False),
    "split_settings": (A + "include('base.py')", False),
}


@pytest.mark.parametrize("case", COMPLETE)
def test_complete(case: str) -> None:
    source, complete = COMPLETE[case]
    _, found = module({"settings.py": source, "base.py": "DEBUG = True"})
    assert found.complete is complete


APPS = {
    "+=": "INSTALLED_APPS = ['a']\nINSTALLED_APPS += ['channels']",
    "append": "INSTALLED_APPS = ['a']\nINSTALLED_APPS.append('channels')",
    "+= on a star import": "from base import *\nINSTALLED_APPS += ['channels']",
    "+ of parts": "FIRST = ['a']\nREST = ['channels']\nINSTALLED_APPS = FIRST + REST",
}


@pytest.mark.parametrize("case", APPS)
def test_lists(case: str) -> None:
    stack, found = module({"settings.py": APPS[case], "base.py": "INSTALLED_APPS = ['a']"})
    (setting,) = found.get("INSTALLED_APPS")
    items = Lists(stack.values).of(setting.expr, setting.frame)
    assert items.complete
    assert [stack.values.constant(*item) for item in items.items] == ["a", "channels"]


PURPOSES = {
    "settings.py": "",
    "config/settings/production.py": "production",
    "config/settings/prod.py": "production",
    "config/settings/local.py": "development",
    "config/settings/dev.py": "development",
    "config/settings/test.py": "test",
    "config/settings_ci.py": "test",
}


@pytest.mark.parametrize("path", PURPOSES)
def test_purpose(path: str) -> None:
    _, found = module({path: A}, path)
    assert found.purpose == PURPOSES[path]


def test_a_ring_of_settings_is_read_once() -> None:
    ring = {
        f"settings/m{n}.py": "".join(f"from .m{other} import *\n" for other in range(12) if other != n) + A
        for n in range(12)
    }
    _, found = module(ring, "settings/m0.py")
    start = time.process_time()
    assert found.get("CHANNEL_LAYERS") == ()
    assert len(found.get("ASGI_APPLICATION")) == 1
    assert time.process_time() - start < 1
