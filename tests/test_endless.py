"""Code without an end of its own: what leaves a loop, what is part of a turn, who can change a flag meanwhile."""

from __future__ import annotations

import textwrap

import pytest
from stacks import stack_of

from wslint.flow import Tasks, stuck_turns, turns_of

HEAD = """\
import asyncio
import itertools
import sys
import websockets
from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

async def check():
    if sys.argv:
        raise ValueError

async def numbers():
    for number in itertools.count():
        yield number

"""


def why(body: str, methods: str = "") -> list[str]:
    """Why receive() of a consumer never returns; `self.x` is an event that only another handler sets."""
    source = "class C(AsyncWebsocketConsumer):\n" + textwrap.indent(
        "async def connect(self):\n    self.on = True\n    self.x = asyncio.Event()\n    await self.accept()\n"
        "async def room_on(self, event):\n    self.x.set()\n"
        + textwrap.dedent(methods)
        + "\nasync def receive(self, text_data=None, bytes_data=None):\n"
        + textwrap.indent(textwrap.dedent(body), "    "),
        "    ",
    )
    return [stuck.endless.kind for stuck in stuck_turns(stack_of({"consumers.py": HEAD + source}))]


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    if text_data: break",
        "while True:\n    return",
        "while True:\n    raise ValueError",
        "while True:\n    await check()",
        "while True:\n    await asyncio.wait_for(self.send('x'), 1)",
        "while True:\n    try:\n        text_data = next(text_data)\n    except Exception:\n        break",
        "while True:\n    try:\n        await self.send('x')\n    except ValueError:\n        break",
        "while True:\n    sys.exit()",
        "while text_data:\n    text_data = text_data[1:]",
        "async for number in numbers():\n    break",
        "async with asyncio.timeout(1):\n    while True:\n        await asyncio.sleep(1)",
    ],
)
def test_a_loop_with_an_end(body: str) -> None:
    assert why(body) == []


@pytest.mark.parametrize(
    "body",
    [
        "while True:\n    await asyncio.sleep(1)",
        "while 1:\n    for _ in text_data: break",
        "while True:\n    try:\n        await self.send('x')\n    except asyncio.CancelledError:\n        break",
        "while True:\n    try:\n        await self.send('x')\n    except Exception:\n        return",
        "while True:\n    try:\n        await check()\n    except Exception:\n        await asyncio.sleep(1)",
        "while True:\n    def inner():\n        return 1",
    ],
)
def test_a_loop_without_an_end(body: str) -> None:
    assert why(body) == ["loop"]


@pytest.mark.parametrize(
    ("call", "stuck"),
    [
        ("await self.loop()", True),
        ("await asyncio.gather(*[self.loop() for _ in range(2)])", True),
        ("await asyncio.create_task(self.loop())", True),
        ("await sync_to_async(self.plain)()", True),
        ("self.plain()", True),
        ("self.task = asyncio.create_task(self.loop())", False),
        ("await asyncio.wait_for(self.loop(), 1)", False),
        ("sync_to_async(self.plain)", False),
        ("self.loop", False),
    ],
)
def test_what_is_part_of_a_turn(call: str, stuck: bool) -> None:
    loop = "while True:\n        pass"
    assert bool(why(call, f"async def loop(self):\n    {loop}\ndef plain(self):\n    {loop}")) is stuck


@pytest.mark.parametrize(
    ("methods", "stuck"),
    [
        ("async def disconnect(self, code):\n    self.on = False", True),
        ("async def room_off(self, event):\n    await self.off()\nasync def off(self):\n    self.on = False", True),
        ("async def off(self):\n    self.on = False\nasync def go(self):\n    asyncio.create_task(self.off())", False),
        ("async def go(self):\n    self.later(lambda: setattr(self, 'on', False))", False),
        ("def on_change(self):\n    self.on = False\nasync def go(self, bus):\n    bus.listen(self.on_change)", False),
    ],
)
def test_who_can_change_a_flag(methods: str, stuck: bool) -> None:
    assert bool(why("while self.on:\n    await asyncio.sleep(1)", methods)) is stuck


def test_waiting_for_another_handler() -> None:
    assert why("await self.x.wait()") == ["wait"]
    assert why("await asyncio.wait_for(self.x.wait(), 1)") == ["timeout"]
    assert why("self.x.set()\nawait self.x.wait()") == []
    assert why("await self.x.wait()", "async def go(self):\n    OPEN.append(self.x)") == []


@pytest.mark.parametrize(
    ("start", "leaving", "left"),
    [
        ("self.t = asyncio.create_task(self.loop())", "pass", True),
        ("self.t = asyncio.create_task(self.loop())", "self.t = None", True),
        ("self.t = asyncio.create_task(self.loop())", "self.t.cancel()", False),
        ("self.t = [asyncio.create_task(self.loop())]", "stop(*self.t)", False),
        ("self.shared['t'] = asyncio.create_task(self.loop())", "pass", False),
        ("asyncio.create_task(self.loop())", "pass", True),
        ("registry.add(asyncio.create_task(self.loop()))", "pass", False),
        ("OPEN['t'] = asyncio.create_task(self.loop())", "pass", False),
    ],
)
def test_tasks_left_behind(start: str, leaving: str, left: bool) -> None:
    source = (
        "class C(AsyncWebsocketConsumer):\n"
        f"    shared = {{}}\n    async def connect(self):\n        {start}\n"
        "    async def loop(self):\n        while True:\n            await asyncio.sleep(1)\n"
        f"    async def disconnect(self, code):\n        {leaving}\n"
    )
    stack = stack_of({"consumers.py": HEAD + source})
    tasks = Tasks(stack.consumers[0], turns_of(stack))
    assert [tasks.left_behind(task) for task in tasks] == [left]
