"""Path analysis through calls: helpers of every kind, decorators, tables of handlers, and who else has the consumer."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from flows import ends, life

SOURCE = """\
import functools

CONNECTIONS = {}
REGISTERED = []

async def refuse(consumer):
    await consumer.close()

async def allowed(consumer):
    if consumer.scope:
        return True
    await consumer.close()
    return False

async def run(function):
    await function()

async def perhaps(callback=None):
    if callback is not None:
        await callback()

def guard(function):
    @functools.wraps(function)
    async def wrapper(self, *args, **kwargs):
        if not self.scope:
            await self.close()
            return
        return await function(self, *args, **kwargs)
    return wrapper

def factory(number):
    def decorator(function):
        async def wrapper(*args, **kwargs):
            return await function(*args, **kwargs)
        return wrapper
    return decorator

def registered(function):
    REGISTERED.append(function)
    return function

def in_thread(function):
    return database_sync_to_async(function)

class Remote:
    def __init__(self, consumer):
        self.consumer = consumer

    async def run(self):
        try:
            x()
        except KeyError:
            self.close()

    def close(self):
        self.consumer.close()

    @classmethod
    async def stop(cls, consumer): await consumer.close()

class Mixin:
    async def mixed(self):
        await super().mixed()

class Base(AsyncWebsocketConsumer):
    async def mixed(self):
        await self.accept()

class C(Mixin, Base):
    async def connect(self):
{body}

    async def fails(self):
        raise ValueError("no")

    async def closes_or_fails(self):
        if a:
            await self.close()
            return
        raise ValueError("no")

    async def numbers(self):
        yield 1

    async def closing_numbers(self):
        yield 1
        await self.close()

    @property
    def free(self):
        return self.scope["free"]

    @property
    def denied(self):
        raise DenyConnection()

    @staticmethod
    def known(name):
        return name

    @guard
    async def guarded(self): await self.accept()

    @factory(3)
    async def made(self): await self.accept()

    @registered
    async def listed(self): await self.accept()

    @unknown
    async def wrapped(self): await self.accept()

    @unknown
    async def wrapped_work(self): pass

    @in_thread
    def threaded(self): return 1

    async def on_join(self): await self.accept()
    async def on_leave(self): await self.close()
    async def ping(self, n):
        if n: await self.pong(n - 1)
    async def pong(self, n):
        if n: await self.ping(n - 1)
    async def close_at(self, n):
        if n:
            await self.close_at(n - 1)
        else:
            await self.close()
    async def say(self, text, close=False):
        await self.send(text_data=text, close=close)
    def work(self): return 1
    async def work_on(self): return 1
    async def leave(self, told=True):
        if told: await self.close()
"""


def left(folder: Path, body: str) -> set[str]:
    flow = life(folder, SOURCE.replace("{body}", textwrap.indent(body, "        "))).connect
    assert flow is not None
    return ends(flow)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("try:\n    await self.fails()\nexcept ValueError:\n    await self.close()\n    return\nawait self.accept()",
         {"closed"}),
        ("try:\n    await self.closes_or_fails()\nexcept ValueError:\n    await self.accept()", {"closed", "accepted"}),
        ("async for x in self.numbers(): pass\nawait self.accept()", {"accepted"}),
        ("async for x in self.closing_numbers(): pass", {"unknown"}),
        ("if self.free: await self.accept()\nelse: await self.close()", {"accepted", "closed"}),
        ("self.denied\nawait self.accept()", {"closed"}),
        ("if self.known(1): await self.accept()\nelse: await self.close()", {"accepted", "closed"}),
        ("await self.mixed()", {"accepted"}),
        ("await super(Mixin, self).mixed()", {"accepted"}),
        ("await super(C, self).connect()", {"accepted"}),
        ("await Base.mixed(self)", {"accepted"}),
        ("await AsyncWebsocketConsumer.connect(self)", {"accepted"}),
        ("await self.ping(3)\nawait self.accept()", {"accepted"}),
        ("await self.close_at(3)", {"unknown"}),
        ("await self.leave(told=False)\nawait self.accept()", {"accepted"}),
        ("await self.leave()", {"closed"}),
        ("return await self.accept()", {"accepted"}),
        ("await self.accept()\nawait self.send(text_data='bye', close=True)", {"closed"}),
        ("await self.accept()\nawait self.say('hello')", {"accepted"}),
        ("await self.accept()\nawait self.say('bye', 4000)", {"closed"}),
        ("await self.accept()\nawait self.say('bye', x)", {"accepted", "closed?"}),
    ],
)  # fmt: skip
def test_methods(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert left(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("await refuse(self)", {"closed"}),
        ("await refuse(consumer=self)", {"closed"}),
        ("if await allowed(self): await self.accept()", {"accepted", "closed"}),
        ("await run(self.accept)", {"accepted"}),
        ("await perhaps(callback=self.close)", {"closed"}),
        ("await perhaps()\nawait self.accept()", {"accepted"}),
        ("await Remote.stop(self)", {"closed"}),
        ("close = self.close\nawait close(4001)", {"closed"}),
        ("me = self\nawait me.accept()", {"accepted"}),
        ("async def go():\n    await self.accept()\nawait go()", {"accepted"}),
        ("async def go():\n    await self.accept()\nawait self.close()", {"closed"}),
        ("ok = False\nasync def go():\n    nonlocal ok\n    ok = True\nawait go()\nif ok: await self.accept()",
         {"accepted", "connecting"}),
        ("await (lambda: self.accept())()", {"accepted"}),
        ("await asyncio.gather(self.accept(), x())", {"accepted"}),
        ("await asyncio.to_thread(self.work)\nawait self.accept()", {"accepted"}),
        ("await database_sync_to_async(self.work)()\nawait self.accept()", {"accepted"}),
    ],
)  # fmt: skip
def test_functions_that_are_given_the_consumer(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert left(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("await self.guarded()", {"closed", "accepted"}),
        ("await self.made()", {"accepted"}),
        ("await self.listed()", {"accepted"}),
        ("await self.wrapped()", {"unknown"}),
        ("await self.wrapped_work()\nawait self.accept()", {"accepted"}),
        ("await self.threaded()\nawait self.accept()", {"accepted"}),
    ],
)
def test_decorators(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert left(tmp_path, body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("table = {'join': self.on_join, 'leave': self.on_leave}\nawait table[x]()", {"accepted", "closed"}),
        ("table = {'join': self.on_join}\nf = table.get(x)\nif f: await f()\nelse: await self.close()",
         {"accepted", "closed"}),
        ("await getattr(self, f'on_{x}')()", {"accepted", "closed"}),
        ("await getattr(self, 'accept' if a else 'close')()", {"accepted", "closed"}),
        ("await getattr(self, x)()", {"unknown"}),
    ],
)  # fmt: skip
def test_handlers_that_are_chosen_at_run_time(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert left(tmp_path, body) == expected


@pytest.mark.parametrize(
    "body",
    [
        "unknown(self.accept)",
        "unknown(lambda: self.accept())",
        "async def go():\n    await self.accept()\nunknown(go)",
        "async def go():\n    await self.accept()\nasyncio.create_task(go())",
        "handler = Unknown(self)\nawait handler.run()",
        "await Remote(self).run()",
        "self.remote = Remote(self)\nawait self.remote.run()",
        "await functools.partial(self.close, 1)()",
        "CONNECTIONS[x] = self",
        "loop.run_in_executor(None, self.close)",
        "async with asyncio.TaskGroup() as group:\n    group.create_task(self.accept())",
        "await run(*[self.accept])",
    ],
)
def test_what_others_may_do_is_unknown(tmp_path: Path, body: str) -> None:
    assert left(tmp_path, body) == {"unknown"}


@pytest.mark.parametrize(
    "body",
    [
        "unknown(lambda: self.scope)",
        "task = asyncio.create_task(self.work_on())",
        "unknown(self.work)",
        "async def go():\n    print(1)\nunknown(go)",
        "log(self.scope, self.channel_name)",
        "print(self)",
        "users = [u for u in unknown()]\nfor user in users: user.close()",
    ],
)
def test_what_others_cannot_do_is_known(tmp_path: Path, body: str) -> None:
    assert left(tmp_path, f"{body}\nawait self.accept()") == {"accepted"}


def test_the_consumer_may_have_any_name(tmp_path: Path) -> None:
    source = """\
        class C(AsyncWebsocketConsumer):
            async def connect(this):
                this.refused = False
                await this.look()
                if this.refused: return
                await this.accept()

            async def look(me):
                if bad:
                    await me.close()
                    me.refused = True
        """
    flow = life(tmp_path, source).connect
    assert flow is not None
    assert ends(flow) == {"accepted", "closed"}


def test_what_a_test_knows_after_connect_is_known_in_disconnect(tmp_path: Path) -> None:
    source = """\
        class C(AsyncWebsocketConsumer):
            joined = False

            async def connect(self):
                if a:
                    await self.close()
                    return
                self.room = 1
                self.joined = True
                await self.accept()

            async def disconnect(self, code):
                if not self.joined:
                    return
                leave(self.room)
        """
    flow = life(tmp_path, source).disconnect
    assert flow is not None
    (read,) = (read for read in flow.of("read") if read.name == "room")
    assert all(state.has("room") for state in read.before)
