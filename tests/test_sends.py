"""Calls on a channel layer: which group, which event, how the coroutine is run."""

from __future__ import annotations

import pytest
from stacks import stack_of

from wslint.stack import model as d

HEAD = """
from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
layer = get_channel_layer()
"""


def sends(body: str, **files: str) -> list[str]:
    """The sends of main.py and other files, written down."""
    stack = stack_of({"main.py": HEAD + body, **{f"{name}.py": source for name, source in files.items()}})
    return [shown(send) for send in stack.sends]


def shown(send: d.Send) -> str:
    groups = "|".join(map(str, send.groups))
    event = send.event
    if event is None:
        return f"{send.via} {send.method} {groups}"
    keys = " ".join(sorted(event.keys)) + ("" if event.complete else " …")
    return f"{send.via} {send.method} {groups} {'|'.join(map(str, event.types)) or '-'} ({keys.strip()})"


MADE = "async_to_sync group_send g"

CASES = {
    "awaited": (
        "async def f():\n  await layer.group_send('g', {'type': 'a', 'b': 1})",
        ["await group_send g a (b type)"],
    ),
    "dropped": ("async def f():\n  layer.group_send('g', {'type': 'a'})", ["dropped group_send g a (type)"]),
    "async_to_sync": ("async_to_sync(layer.group_send)('g', {'type': 'a'})", [f"{MADE} a (type)"]),
    "with an option": (
        "async_to_sync(layer.group_send, force_new_loop=True)('g', {'type': 'a'})",
        [f"{MADE} a (type)"],
    ),
    "in a variable": ("send = async_to_sync(layer.group_send)\nsend('g', {'type': 'a'})", [f"{MADE} a (type)"]),
    "a layer made on the spot": (
        "async def f():\n  await get_channel_layer('x').group_add('g', 'c')",
        ["await group_add g"],
    ),
    "a layer or what was given": (
        "def f(c=None):\n  l = c or get_channel_layer()\n  async_to_sync(l.group_send)('g', {'type': 'a'})",
        [f"{MADE} a (type)"],
    ),
    "a consumer's": (
        "class C(AsyncWebsocketConsumer):\n  async def connect(self):\n    self.g = 'g'\n"
        "    await self.channel_layer.group_add(self.g, self.channel_name)",
        ["await group_add g"],
    ),
    "to a channel": ("async def f(c):\n  await layer.send(c, {'type': 'a'})", ["await send {…} a (type)"]),
    "somebody else's group_send": ("class A: ...\nA().group_send('g', {'type': 'a'})", []),
    "on commit": ("on_commit(lambda: async_to_sync(layer.group_send)('g', {'type': 'a'}))", [f"{MADE} a (type)"]),
    "in a comprehension": (
        "async def f(x):\n  [await layer.group_send(g, {'type': 'a'}) for g in x]",
        ["await group_send {…} a (type)"],
    ),
    # events
    "dict()": ("async_to_sync(layer.group_send)('g', dict(type='a', b=1))", [f"{MADE} a (b type)"]),
    "dict() with more": (
        "def f(**more):\n  async_to_sync(layer.group_send)('g', dict(type='a', **more))",
        [f"{MADE} a (type …)"],
    ),
    "dict() of a dict": ("async_to_sync(layer.group_send)('g', dict({'b': 1}, type='a'))", [f"{MADE} a (b type)"]),
    "in a variable before": ("e = {'type': 'a'}\nasync_to_sync(layer.group_send)('g', e)", [f"{MADE} a (type)"]),
    "a key set": ("e = {'type': 'a'}\ne['b'] = 1\nasync_to_sync(layer.group_send)('g', e)", [f"{MADE} a (b type)"]),
    "the type set": ("e = {}\ne['type'] = 'a'\nasync_to_sync(layer.group_send)('g', e)", [f"{MADE} a (type)"]),
    "the type set twice": (
        "e = {'type': 'a'}\ne['type'] = 'b'\nasync_to_sync(layer.group_send)('g', e)",
        [f"{MADE} None (…)"],
    ),
    "no type": ("async_to_sync(layer.group_send)('g', {'b': 1})", [f"{MADE} - (b)"]),
    "an unknown key": ("async_to_sync(layer.group_send)('g', {k: 1})", [f"{MADE} None (…)"]),
    "update": (
        "e = {'b': 1}\ne.update({'type': 'a'})\nasync_to_sync(layer.group_send)('g', e)",
        [f"{MADE} a (b type)"],
    ),
    "update by something": (
        "e = {'type': 'a'}\ne.update(x)\nasync_to_sync(layer.group_send)('g', e)",
        [f"{MADE} None (…)"],
    ),
    "update by keyword": ("e = {}\ne.update(type='a')\nasync_to_sync(layer.group_send)('g', e)", [f"{MADE} a (type)"]),
    "a key removed": (
        "e = {'type': 'a', 'b': 1}\ndel e['b']\nasync_to_sync(layer.group_send)('g', e)",
        [f"{MADE} a (type)"],
    ),
    "given away": ("e = {'b': 1}\nprepare(e)\nasync_to_sync(layer.group_send)('g', e)", [f"{MADE} None (b …)"]),
    "written to a log": (
        "e = {'b': 1}\nlogger.info('%s', e)\nasync_to_sync(layer.group_send)('g', e)",
        [f"{MADE} - (b)"],
    ),
    "** of a dict": ("e = {'b': 1}\nasync_to_sync(layer.group_send)('g', {'type': 'a', **e})", [f"{MADE} a (b type)"]),
    "** of something": ("async_to_sync(layer.group_send)('g', {'type': 'a', **x})", [f"{MADE} None (…)"]),
    "** of something, then a type": (
        "async_to_sync(layer.group_send)('g', {**x, 'type': 'a'})",
        [f"{MADE} a (type …)"],
    ),
    "a constant type": ("T = 'a'\nasync_to_sync(layer.group_send)('g', {'type': T})", [f"{MADE} a (type)"]),
    "one of two": (
        "e = {'type': 'a'} if x else {'type': 'b'}\nasync_to_sync(layer.group_send)('g', e)",
        [f"{MADE} a|b (type …)"],
    ),
    "unknown": ("async_to_sync(layer.group_send)('g', make())", [f"{MADE} None (…)"]),
}

DEF = "def tell(group, payload):\n  async_to_sync(layer.group_send)(group, payload)\n"
UNKNOWN = "async_to_sync group_send {…} None (…)"

WRAPPERS = {
    "a wrapper": (DEF + "def f():\n  tell('g', {'type': 'a'})", [UNKNOWN, f"{MADE} a (type)"]),
    "a wrapper of a wrapper": (
        DEF + "def both(group):\n  tell(group, {'type': 'a'})\ndef f():\n  both('g')",
        [UNKNOWN, "async_to_sync group_send {…} a (type)", f"{MADE} a (type)"],
    ),
    "what its caller changed": (
        DEF + "def f():\n  e = {}\n  e['type'] = 'a'\n  tell('g', e)",
        [UNKNOWN, f"{MADE} a (type)"],
    ),
    "what it changes": (
        "def tell(group, payload):\n  payload['type'] = 'a'\n  async_to_sync(layer.group_send)(group, payload)\n"
        "tell('g', {'b': 1})",
        [UNKNOWN, f"{MADE} None (b …)"],
    ),
    "a type that is given": (
        "def tell(kind):\n  async_to_sync(layer.group_send)('g', {'type': kind})\ntell('a')",
        [f"{MADE} None (type)", f"{MADE} a (type)"],
    ),
    "an async wrapper": (
        "async def tell(group):\n  await layer.group_send(group, {'type': 'a'})\nasync_to_sync(tell)('g')",
        ["await group_send {…} a (type)", "await group_send g a (type)"],
    ),
    "a task": (
        "@shared_task(bind=True)\ndef tell(self, group):\n  async_to_sync(layer.group_send)(group, {'type': 'a'})\n"
        "tell.delay('g')",
        ["async_to_sync group_send {…} a (type)", f"{MADE} a (type)"],
    ),
    "on commit": (DEF + "on_commit(lambda: tell('g', {'type': 'a'}))", [UNKNOWN, f"{MADE} a (type)"]),
    "a method": (
        "class A:\n  def tell(self, group):\n    async_to_sync(layer.group_send)(group, {'type': 'a'})\nA().tell('g')",
        ["async_to_sync group_send {…} a (type)", f"{MADE} a (type)"],
    ),
    "another function of that name": (DEF + "def g(tell):\n  tell('x', {})", [UNKNOWN]),
    "itself": ("def tell(group):\n  async_to_sync(layer.group_send)(group, {'type': 'a'})\n  tell(group)", None),
}


@pytest.mark.parametrize("case", [*CASES, *WRAPPERS])
def test_sends(case: str) -> None:
    body, expected = {**CASES, **WRAPPERS}[case]
    found = sends(body)
    assert found if expected is None else sorted(found) == sorted(expected)


def test_a_file_that_only_calls_a_wrapper() -> None:
    stack = stack_of({"main.py": HEAD + DEF, "views.py": "import main\ndef view():\n  main.tell('g', {'type': 'a'})"})
    (send,) = [send for send in stack.sends if send.path == "views.py"]
    assert shown(send) == f"{MADE} a (type)"
    assert send.through is not None
    assert send.through.path == "main.py"
    assert send.inside is not None
    assert send.inside.name == "view"


@pytest.mark.parametrize(
    "call", ["import main\nmain.group_add('g', 'c')", "from main import group_add\ngroup_add('g', 'c')"]
)
def test_a_layer_method_of_another_module(call: str) -> None:
    stack = stack_of({"main.py": HEAD + "group_add = async_to_sync(layer.group_add)", "views.py": call})
    assert [shown(send) for send in stack.sends] == ["async_to_sync group_add g"]


def test_what_a_queue_runs_is_not_inside_its_caller() -> None:
    stack = stack_of({"main.py": HEAD + "@task\n" + DEF + "async def f():\n  tell.delay('g', {'type': 'a'})"})
    assert [send.inside and send.inside.name for send in stack.sends if send.through is not None] == [None]


def test_a_function_that_tries_again_sends_once() -> None:
    again = DEF + "  tell(group, payload)\n"
    stack = stack_of({"main.py": HEAD + again + "def f():\n  tell('g', {'type': 'a'})"})
    assert len([send for send in stack.sends if send.through is not None]) == 1
