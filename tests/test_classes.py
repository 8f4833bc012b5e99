"""Ancestry over files, and what an instance sees."""

from __future__ import annotations

import pytest
from stacks import class_of, stack_of

BASE = "from channels.generic.websocket import AsyncWebsocketConsumer\n"
CONSUMER = "channels.generic.websocket.AsyncWebsocketConsumer"

ANCESTRY = {
    "direct": ({"a.py": BASE + "class C(AsyncWebsocketConsumer): ..."}, ["C"], [CONSUMER], True),
    "by the module": (
        {"a.py": "from channels.generic import websocket as ws\nclass C(ws.AsyncWebsocketConsumer): ..."},
        ["C"], [CONSUMER], True,
    ),
    "over two files": (
        {"a.py": "from b import B\nclass C(B): ...", "b.py": BASE + "class B(AsyncWebsocketConsumer): ..."},
        ["C", "B"], [CONSUMER], True,
    ),
    "a mixin first": (
        {"a.py": BASE + "class M: ...\nclass C(M, AsyncWebsocketConsumer): ..."},
        ["C", "M"], [CONSUMER], True,
    ),
    "a mixin last": (
        {"a.py": BASE + "class M: ...\nclass C(AsyncWebsocketConsumer, M): ..."},
        ["C", "M"], [CONSUMER], True,
    ),
    "a diamond": (
        {"a.py": "class A: ...\nclass L(A): ...\nclass R(A): ...\nclass C(L, R): ..."},
        ["C", "L", "R", "A"], [], True,
    ),
    "subscripted": ({"a.py": BASE + "class C(AsyncWebsocketConsumer[int]): ..."}, ["C"], [CONSUMER], True),
    "a subscripted project class": (
        {"a.py": BASE + "class B(AsyncWebsocketConsumer): ...\nclass C(B[int]): ..."},
        ["C", "B"], [CONSUMER], True,
    ),
    "unknown": ({"a.py": "class C(make()): ..."}, ["C"], [], False),
    "missing from the project": ({"a.py": "from p.gone import B\nclass C(B): ...", "p/x.py": ""}, ["C"], [], False),
    "one of two": (
        {"a.py": "try:\n  from x import B\nexcept ImportError:\n  from y import B\nclass C(B): ..."},
        ["C"], ["x.B", "y.B"], False,
    ),
    "itself": ({"a.py": "class C: ...\nclass C(C): ..."}, ["C"], [], True),
    "a metaclass is no base": ({"a.py": "class C(metaclass=M): ..."}, ["C"], [], True),
}  # fmt: skip


@pytest.mark.parametrize("case", ANCESTRY)
def test_ancestry(case: str) -> None:
    files, classes, externals, linked = ANCESTRY[case]
    cls = class_of(stack_of(files), "a.py", "C")
    assert [one.name for one in cls.ancestry] == classes
    assert sorted(cls.externals) == sorted(externals)
    assert cls.linked is linked


DIAMOND = """
class A:
    def f(self): ...
class L(A):
    def f(self): ...
class R(A):
    def f(self): ...
class C(L, R):
    def g(self): ...
"""


def test_super_follows_the_method_resolution_order() -> None:
    stack = stack_of({"a.py": DIAMOND})
    cls = class_of(stack, "a.py", "C")
    order = []
    method = cls.method("f")
    while method is not None:
        order.append(method.owner.name)
        method = cls.method_after(method.owner, "f")
    assert order == ["L", "R", "A"]


def test_the_class_that_is_found_first_defines_a_method() -> None:
    cls = class_of(stack_of({"a.py": DIAMOND}), "a.py", "C")
    assert {name: method.owner.name for name, method in cls.methods.items()} == {"f": "L", "g": "C"}
    assert cls.defines("f")
    assert not cls.defines("h")


BEHIND = (
    BASE
    + """
class Greeting:
    def connect(self): ...
    def greet(self): ...
class Base(AsyncWebsocketConsumer): ...
class C({bases}): ...
"""
)


@pytest.mark.parametrize(
    ("bases", "seen"),
    [
        ("Greeting, AsyncWebsocketConsumer", {"connect", "greet"}),
        ("AsyncWebsocketConsumer, Greeting", {"greet"}),
        ("Base, Greeting", {"greet"}),
        ("Greeting, Base", {"connect", "greet"}),
    ],
)
def test_a_mixin_behind_the_base_of_channels_overrides_nothing_of_it(bases: str, seen: set[str]) -> None:
    cls = class_of(stack_of({"a.py": BEHIND.format(bases=bases)}), "a.py", "C")
    assert set(cls.methods) == seen
    after = cls.method_after(cls, "connect")
    assert (after is not None) == ("connect" in seen)
