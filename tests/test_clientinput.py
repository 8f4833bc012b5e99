"""What the client sent, followed: the parts of it, what catches, what looks first."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from wslint.cache import Cache
from wslint.config import Config
from wslint.discover import discover
from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.stack.build import build
from wslint.stack.client.clientinput import client_input
from wslint.stack.client.unguarded import risks_of
from wslint.stack.consumers.handling import runs
from wslint.stack.model import Consumer, Stack

HEAD = """\
import contextlib
import json
import orjson
from channels.consumer import AsyncConsumer
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
from somewhere import Unknown, decorated

def module(message):
    return look(message["inner"])

def look(it):
    pass

@contextlib.contextmanager
def safely():
    try:
        yield
    except KeyError:
        pass

@contextlib.contextmanager
def timed():
    yield

"""


def consumer(folder: Path, body: str, base: str) -> tuple[Stack, Consumer]:
    source = HEAD + f"class C({base}):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    (folder / "consumers.py").write_text(source)
    stack = build(discover(folder), Cache(None), Config())
    return stack, next(found for found in stack.consumers if found.name == "C")


def looked(stack: Stack, found: Consumer) -> list[str]:
    """The argument of every `look(…)` that a frame leads to, as `form:key.key`."""
    trace = client_input(stack, found)
    return [
        f"{one.form}:{'.'.join(one.path)}"
        for run in runs(stack, found)
        for node in within(run.node.body)
        if isinstance(node, m.Call) and isinstance(node.func, m.Name) and node.func.id == "look"
        for one in trace.of(node.args[0].value, run.frame)
    ]


def receive(*lines: str) -> str:
    return "async def receive(self, text_data=None, bytes_data=None):\n" + textwrap.indent("\n".join(lines), "    ")


def receive_json(*lines: str) -> str:
    return "async def receive_json(self, content, **kwargs):\n" + textwrap.indent("\n".join(lines), "    ")


TEXT, JSON, RAW = "AsyncWebsocketConsumer", "AsyncJsonWebsocketConsumer", "AsyncConsumer"


@pytest.mark.parametrize(
    ("base", "body", "parts"),
    [
        (TEXT, receive("look(text_data)"), ["text:"]),
        (TEXT, receive("look(bytes_data.decode())"), ["text:"]),
        (TEXT, receive("look(json.loads(text_data))"), ["json:"]),
        (TEXT, receive("d = orjson.loads(text_data or b'{}')", "look(d['a']['b'])"), ["json:a.b"]),
        (TEXT, receive("d = json.loads(text_data)", "look(d.get('a', {}).pop('b', 1))"), ["json:a.b"]),
        (TEXT, receive("look(json.loads(self.stored))"), []),
        (TEXT, receive("text_data = str(self.scope)", "look(text_data)"), []),
        (TEXT, receive("self.kept = json.loads(text_data)", "look(self.kept['a'])"), ["json:a"]),
        (TEXT, receive("if (d := json.loads(text_data)):", "    look(d)"), ["json:"]),
        (TEXT, receive("d = json.loads(text_data)", "d = Unknown(d)", "look(d['a'])"), []),
        (JSON, receive_json("for one in content['all']:", "    look(one['id'])"), ["json:all.[].id"]),
        (JSON, receive_json("for n, one in enumerate(content['all']):", "    look(one)"), ["json:all.[]"]),
        (JSON, receive_json("for k, v in content.items():", "    look(v)"), ["json:[]"]),
        (JSON, receive_json("[look(one) for one in content['all']]"), ["json:all.[]"]),
        (JSON, receive_json("a, b = content['x'], self", "look(a)"), ["json:x"]),
        (JSON, receive_json("module(content['m'])"), ["json:m.inner"]),
        (JSON, receive_json("look(await self.a(content))") + "\n\ndef a(self, x):\n    return x['k']", ["json:k"]),
        (
            JSON,
            receive_json("await database_sync_to_async(self.a)(content)") + "\n\ndef a(self, x):\n    look(x)",
            ["json:"],
        ),
        (JSON, receive("look(await self.decode_json(text_data))"), ["json:"]),
        (
            JSON,
            "@classmethod\ndef decode_json(cls, text):\n    return Unknown(text)\n\n" + receive_json("look(content)"),
            [],
        ),
        (RAW, "async def websocket_receive(self, event):\n    look(event['text'])", ["text:text"]),
        (RAW, "async def websocket_receive(self, event):\n    look(json.loads(event.get('text')))", ["json:"]),
        (TEXT, "async def chat_message(self, event):\n    look(event['text'])", []),
    ],
)  # fmt: skip
def test_parts(base: str, body: str, parts: list[str], tmp_path: Path) -> None:
    assert looked(*consumer(tmp_path, body, base)) == parts


TAKES = "self.x = content['a']"


@pytest.mark.parametrize(
    ("lines", "keys"),
    [
        ([TAKES], ["a"]),
        (["self.x = content.get('a')"], []),
        (["try:", f"    {TAKES}", "except KeyError:", "    pass"], []),
        (["try:", f"    {TAKES}", "except (TypeError, LookupError):", "    pass"], []),
        (["try:", f"    {TAKES}", "except ValueError:", "    pass"], ["a"]),
        (["try:", f"    {TAKES}", "except Unknown:", "    pass"], ["a"]),
        (["try:", f"    {TAKES}", "except self.errors:", "    pass"], []),
        (["try:", f"    {TAKES}", "except KeyError:", "    raise"], ["a"]),
        (["try:", f"    {TAKES}", "except KeyError as e:", "    raise e"], ["a"]),
        (["try:", f"    {TAKES}", "except KeyError as e:", "    raise Unknown from e"], []),
        (["try:", "    pass", "except KeyError:", f"    {TAKES}"], ["a"]),
        (["try:", "    pass", "finally:", f"    {TAKES}"], ["a"]),
        (["with contextlib.suppress(KeyError):", f"    {TAKES}"], []),
        (["with contextlib.suppress(OSError):", f"    {TAKES}"], ["a"]),
        (["with safely():", f"    {TAKES}"], []),
        (["with timed():", f"    {TAKES}"], ["a"]),
        (["if 'a' in content:", f"    {TAKES}"], []),
        (["if 'b' in content:", f"    {TAKES}"], ["a"]),
        (["if 'a' not in content:", "    return", TAKES], []),
        ([TAKES, "if 'a' in content:", "    pass"], ["a"]),
        (["self.x = content['a'] if 'a' in content else None"], []),
        (["if {'a', 'b'} <= content.keys():", f"    {TAKES}"], []),
        (["content['a'] = 1", TAKES], []),
        (["content.setdefault('a', 1)", TAKES], []),
        (["content.setdefault('b', 1)", TAKES], ["a"]),
        (["self.validate(content)", TAKES], []),
        (["print(content)", TAKES], ["a"]),
        (["if not self.fine(content):", "    return", TAKES], []),
        (["content['a'] = content.pop('b')"], ["b"]),
        (["del content['a']"], []),
        (["lambda: content['a']"], []),
        (["asyncio.create_task(self.later(content))"], []),
        (["await self.later(content)"], ["b"]),
        (["match content:", "    case {'a': _}:", f"        {TAKES}"], []),
    ],
)
def test_keys_that_may_be_missing(lines: list[str], keys: list[str], tmp_path: Path) -> None:
    body = receive_json(*lines) + "\n\nasync def later(self, message):\n    self.y = message['b']\n"
    stack, found = consumer(tmp_path, body, JSON)
    assert [risk.key for risk in risks_of(stack, found)] == keys


@pytest.mark.parametrize(
    ("above", "risks"),
    [
        ("", 1),
        ("@decorated\n", 0),
        ("@database_sync_to_async\n", 1),
    ],
)
def test_decorators(above: str, risks: int, tmp_path: Path) -> None:
    stack, found = consumer(tmp_path, above + receive_json(TAKES), JSON)
    assert len(list(risks_of(stack, found))) == risks


@pytest.mark.parametrize(("caught", "risks"), [("Exception", 0), ("KeyError", 0), ("ValueError", 1)])
@pytest.mark.parametrize("name", ["dispatch", "websocket_receive"])
def test_an_override_that_catches(name: str, caught: str, risks: int, tmp_path: Path) -> None:
    tried = f"try:\n    await super().{name}(message)\nexcept {caught}:\n    pass\n"
    override = f"async def {name}(self, message):\n{textwrap.indent(tried, '    ')}\n"
    stack, found = consumer(tmp_path, override + receive_json(TAKES), JSON)
    assert len(list(risks_of(stack, found))) == risks
