"""Path analysis: where the socket is, on every path of a method."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from flows import HEAD, connect, consumer, ends, life

from wslint.flow import CLOSED


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", {"connecting"}),
        ("await self.accept()", {"accepted"}),
        ("self.accept()", {"accepted"}),
        ("await super().connect()", {"accepted"}),
        ("await self.close(code=4001)", {"closed"}),
        ("raise DenyConnection()", {"closed"}),
        ("raise AcceptConnection()", {"accepted"}),
        ("if x: await self.accept()", {"accepted", "connecting"}),
        ("if x: await self.accept()\nelse: await self.close()", {"accepted", "closed"}),
        ("if x:\n    await self.close()\n    return\nawait self.accept()", {"accepted", "closed"}),
        ("while True:\n    await asyncio.sleep(1)", set()),
        ("while True:\n    if x: break\nawait self.accept()", {"accepted"}),
        ("for x in y:\n    await self.accept()\n    break\nelse:\n    await self.close()", {"accepted", "closed"}),
        ("try:\n    await self.accept()\nexcept Exception: pass", {"accepted"}),
        ("try:\n    x = y()\n    await self.accept()\nexcept KeyError: pass", {"accepted", "connecting"}),
        (
            "try:\n    x = y()\nexcept KeyError:\n    await self.close()\n    return\nawait self.accept()",
            {"accepted", "closed"},
        ),
        ("try:\n    x = y()\nfinally:\n    await self.accept()", {"accepted"}),
        ("with suppress(KeyError):\n    x = y()\n    await self.accept()", {"accepted", "connecting"}),
        ("match x:\n    case 1: await self.accept()\n    case _: await self.close()", {"accepted", "closed"}),
        ("match x:\n    case 1: await self.accept()", {"accepted", "connecting"}),
        ("await asyncio.wait_for(self.accept(), 1)", {"accepted"}),
        ("await (self.accept() if x else self.close())", {"accepted", "closed"}),
        ("x and await self.accept()", {"accepted", "connecting"}),
        ("await unknown(self)", {"unknown"}),
        ("await getattr(self, x)()", {"unknown"}),
        ("unknown(self.scope)\nawait self.accept()", {"accepted"}),
        ("await self.base_send({'type': 'websocket.accept'})", {"accepted"}),
        ("return self.close()", {"unknown"}),
    ],
)  # fmt: skip
def test_the_ways_out_of_connect(tmp_path: Path, body: str, expected: set[str]) -> None:
    assert ends(connect(tmp_path, body)) == expected


@pytest.mark.parametrize(
    ("helper", "use", "expected"),
    [
        ("await self.close()\nreturn False", "if not await self.check(): return\nawait self.accept()", {"closed"}),
        (
            "if bad:\n    await self.close()\n    return False\nreturn True",
            "if not await self.check(): return\nawait self.accept()",
            {"accepted", "closed"},
        ),
        (
            "if bad:\n    await self.close()\n    return None\nreturn self.scope['user']",
            "user = await self.check()\nif user is None: return\nawait self.accept()",
            {"accepted?", "closed", "connecting?"},
        ),
        (
            "if bad:\n    await self.close()\n    self.refused = True",
            "self.refused = False\nawait self.check()\nif self.refused: return\nawait self.accept()",
            {"accepted", "closed"},
        ),
        ("await self.accept()", "asyncio.create_task(self.check())", {"unknown"}),
        ("raise DenyConnection()", "await self.check()\nawait self.accept()", {"closed"}),
        ("await self.check()", "await self.check()\nawait self.accept()", {"accepted"}),
    ],
)
def test_helpers_are_followed(tmp_path: Path, helper: str, use: str, expected: set[str]) -> None:
    helper, use = textwrap.indent(helper, "    "), textwrap.indent(use, "    ")
    body = f"async def check(self):\n{helper}\nasync def connect(self):\n{use}\n"
    flow = life(tmp_path, consumer(body)).connect
    assert flow is not None
    assert ends(flow) == expected


AFTER_CLOSE = [
    ("if a: await self.close()\nawait self.accept()", True),
    ("if a: await self.close()\nif b: log()\nawait self.accept()", True),
    ("if a: await self.close()\nif b: return\nawait self.accept()", True),
    ("if a:\n    await self.close()\n    return\nawait self.accept()", False),
    ("if a: await self.close()\nelse: await self.accept()", False),
    ("if a: await self.close()\nif not a: await self.accept()", False),
    ("if a in b: await self.close()\nif a not in b: await self.accept()", False),
    ("if u.is_anonymous: await self.close()\nif u.is_authenticated: await self.accept()", False),
    ("if a: await self.close()\nif a.ok: await self.accept()", False),
    ("ok = check(a)\nif not a: await self.close()\nif ok: await self.accept()", False),
    ("ok = True\nif a:\n    await self.close()\n    ok = False\nif ok: await self.accept()", False),
    ("done = None\nif a:\n    await self.close()\n    done = 'no'\nif done != 'no': await self.accept()", False),
    ("if a: await self.close()\nif b: await self.accept()", True),
    ("while a:\n    await self.close()\n    break\nawait self.accept()", True),
    ("try:\n    x()\nexcept KeyError:\n    await self.close()\nawait self.accept()", True),
]


@pytest.mark.parametrize(("body", "expected"), AFTER_CLOSE)
def test_what_surely_follows_a_close(tmp_path: Path, body: str, expected: bool) -> None:
    (accept,) = connect(tmp_path, body).of("accept")
    assert any(state.socket == CLOSED and not state.doubtful for state in accept.before) is expected


def test_super_means_the_next_class_in_order(tmp_path: Path) -> None:
    source = """\
        class Base(AsyncWebsocketConsumer):
            async def connect(self):
                await super().connect()

        class Mixin:
            async def connect(self):
                self.seen = True
                await super().connect()

        class C(Mixin, Base):
            async def connect(self):
                await super().connect()
        """
    flow = life(tmp_path, source).connect
    assert flow is not None
    assert ends(flow) == {"accepted"}
    assert all(exit.state.has("seen") for exit in flow.exits)


def test_a_base_that_cannot_be_read_makes_the_socket_unknown(tmp_path: Path) -> None:
    source = (
        "class C(Unknown, AsyncWebsocketConsumer):\n    async def connect(self):\n        await super().connect()\n"
    )
    flow = life(tmp_path, source).connect
    assert flow is not None
    assert not flow.known


@pytest.mark.parametrize("decorator", ["unknown", "unknown(1)"])
def test_a_decorated_method_is_not_what_it_looks_like(tmp_path: Path, decorator: str) -> None:
    flow = life(tmp_path, consumer(f"@{decorator}\nasync def connect(self):\n    await self.accept()\n")).connect
    assert flow is not None
    assert not flow.known


@pytest.mark.parametrize(
    ("connect_body", "surely_set"),
    [
        ("self.room = 1\nawait self.accept()", True),
        ("if a:\n    await self.close()\n    return\nself.room = 1\nawait self.accept()", False),
        ("await self.join()\nawait self.accept()", True),
        ("for self.room in a: pass\nawait self.accept()", False),
        ("(self.room, b), c = d\nawait self.accept()", True),
        ("with a as self.room: await self.accept()", True),
        ("setattr(self, a, b)\nawait self.accept()", True),
        ("if a: self.room = 1\nprint(self.room)\nawait self.accept()", True),
        ("self.room = 1\ndel self.room\nawait self.accept()", False),
        ("try: self.room = a()\nexcept KeyError: pass\nawait self.accept()", False),
        ("if a: raise DenyConnection()\nself.room = 1\nawait self.accept()", False),
        ("if a: raise StopConsumer()\nself.room = 1\nawait self.accept()", True),
        ("if a: raise ValueError()\nself.room = 1\nawait self.accept()", True),
    ],
)
def test_disconnect_starts_with_what_connect_surely_set(tmp_path: Path, connect_body: str, surely_set: bool) -> None:
    body = (
        "async def join(self): self.room = 1\n"
        f"async def connect(self):\n{textwrap.indent(connect_body, '    ')}\n"
        "async def disconnect(self, code):\n    leave(self.room)\n"
    )
    flow = life(tmp_path, consumer(body)).disconnect
    assert flow is not None
    (read,) = flow.of("read")
    assert all(state.has("room") for state in read.before) is surely_set


def test_arguments_of_helpers_are_read_where_they_were_given(tmp_path: Path) -> None:
    body = """\
        async def fail(self, code, why=""):
            await self.close(code=code)
        async def connect(self):
            if a:
                await self.fail(4001)
                return
            await self.fail(4003, "origin")
        """
    life_ = life(tmp_path, consumer(textwrap.dedent(body)))
    assert life_.connect is not None
    closes = life_.connect.of("close")
    codes = {life_.stack.values.constant(close.code, frame) for close in closes for frame in close.frames if close.code}
    assert codes == {4001, 4003}
    assert [close.outer.span.line - len(HEAD.splitlines()) for close in closes] == [6, 8]
