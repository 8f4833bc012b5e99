"""The test cases that serve the application from a process of their own (channels.testing.live)."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.walk import below
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.functions import classes
from wslint.stack.code.supers import is_super
from wslint.stack.model import Stack

LIVE = ("channels.testing.ChannelsLiveServerTestCase", "channels.testing.live.ChannelsLiveServerTestCase")


def live_test_cases(stack: Stack) -> list[Class]:
    """Those that run and look at the database as Channels does, by their place."""
    return sorted((cls for cls in _derived(stack) if _runs(cls)), key=lambda cls: cls.location)


def _derived(stack: Stack) -> list[Class]:
    """The live test cases, those too whose files only name another one."""
    found: dict[int, Class] = {}
    asked: set[str] = set()
    names = {"ChannelsLiveServerTestCase"}
    while names:
        for path in sorted(mentions(stack.tree, [name.encode() for name in sorted(names)])):
            module = stack.modules.at(path)
            for cls in classes(module, stack.values) if module is not None else ():
                if cls.derives_from(*LIVE):
                    found.setdefault(id(cls), cls)
        asked |= names
        names = {cls.name for cls in found.values()} - asked
    return list(found.values())


def _runs(cls: Class) -> bool:
    """Does a class have tests that nothing skips, and Channels' own look at the database?"""
    if not any(name.startswith("test") for name in cls.methods):
        return False
    if any("skip" in word for owner in cls.ancestry for word in _decorated_with(owner)):
        return False
    begins = cls.method("setUpClass")
    if begins is not None and not _calls_super_first(begins):
        return False
    return cls.method("_pre_setup") is None and cls.method("_is_in_memory_db") is None


def _decorated_with(cls: Class) -> Iterator[str]:
    for decorator in cls.node.decorators:
        for node in (decorator, *below(decorator)):
            match node:
                case m.Name(id=word) | m.Attribute(attr=word):
                    yield word.lower()
                case _:
                    pass


def _calls_super_first(method: Method) -> bool:
    match method.node.body:
        case (m.ExpressionStatement(value=m.Call(func=m.Attribute(value=around))), *_):
            return is_super(around)
        case _:
            return False
