"""Odd but legal code costs what its size costs: the ways through it are not multiplied. Calls are counted, not time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from wslint import api
from wslint.config import Config

ASGI = """\
from django.core.asgi import get_asgi_application
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path
from consumers import Loom
from middleware import Gate

application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": Gate(URLRouter([path("ws/", Loom.as_asgi())]))}
)
"""
MIDDLEWARE = """\
import jwt


class Gate:
    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
{body}        return await self.inner(scope, receive, send)
"""
CONSUMER = """\
import json

from channels.generic.websocket import AsyncWebsocketConsumer


class Loom(AsyncWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add("loom", self.channel_name)
        await self.accept()

{body}"""
SENDER = """\
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer


def tell():
    async_to_sync(get_channel_layer().group_send)("loom", {"type": "loom.turn"})
"""
TIMES = 12
"""How much more twice the code may cost; what is quadratic costs four times as much, 2ⁿ a thousand times."""


MOST = 3_000_000
"""Calls for ten of a kind."""


class Spent(BaseException):
    """More calls than allowed."""


def flags(count: int) -> dict[str, str]:
    body = "".join(
        f'        a{n} = scope.get("k{n}")\n        if a{n}:\n            print({n})\n' for n in range(count)
    )
    return {"middleware.py": MIDDLEWARE.format(body=body)}


def rebindings(count: int) -> dict[str, str]:
    body = '        x = "a"\n' + '        if x:\n            x = x + x + "b"\n' * count
    return {"middleware.py": MIDDLEWARE.format(body=body + '        print(jwt.decode(x.split(" ")[1], "k"))\n')}


def texts(count: int) -> dict[str, str]:
    grown = "".join(f'            if self.a{n}:\n                out = out + f"{{out}}{n}"\n' for n in range(count))
    body = (
        "    async def receive(self, text_data=None, bytes_data=None):\n        try:\n            await self.work()\n"
        f'        except Exception as error:\n            out = "b"\n{grown}            await self.send(out)\n'
    )
    return {"consumers.py": CONSUMER.format(body=body)}


def readers(count: int) -> dict[str, str]:
    calls = "".join(f"        await self.h{n}(event)\n" for n in range(count))
    body = f"    async def loom_turn(self, event):\n{calls}"
    body += "".join(f"\n    async def h{n}(self, event):\n{calls}" for n in range(count))
    return {"consumers.py": CONSUMER.format(body=body), "tasks.py": SENDER}


def repeats(count: int) -> dict[str, str]:
    asgi = ASGI.replace("import path", "import re_path").replace(
        'path("ws/"', f're_path(r"^ws/(){{{count}00000000}}(?:{"|".join(f"{n:03}" for n in range(count))})+/$"'
    )
    return {"asgi.py": asgi}


@pytest.mark.parametrize("made", [flags, rebindings, texts, readers, repeats])
def test_twice_the_code_does_not_cost_a_power_more(made: Callable[[int], dict[str, str]], tmp_path: Path) -> None:
    calls(tmp_path / "first", made(2), 1 << 40)  # what is imported late is imported now
    small = calls(tmp_path / "small", made(10), MOST)
    assert small <= MOST
    assert calls(tmp_path / "large", made(20), TIMES * small) <= TIMES * small


def calls(root: Path, files: dict[str, str], most: int) -> int:
    """The Python functions that a check calls; stops at `most`."""
    root.mkdir()
    (root / "settings.py").write_text('INSTALLED_APPS = ["channels"]\nASGI_APPLICATION = "asgi.application"\n')
    stock = {
        "asgi.py": ASGI,
        "middleware.py": MIDDLEWARE.format(body=""),
        "consumers.py": CONSUMER.format(body="    pass\n"),
    }
    for name, text in {**stock, **files}.items():
        (root / name).write_text(text)
    count = 0

    def called(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"
        if count > most:
            sys.setprofile(None)
            raise Spent

    sys.setprofile(called)
    try:
        api.check([root], Config(profile="strict"))
    except Spent:
        count = most + 1
    finally:
        sys.setprofile(None)
    return count
