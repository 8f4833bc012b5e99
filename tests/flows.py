"""Short consumers and their flows, for the tests of path analysis."""

from __future__ import annotations

import textwrap
from pathlib import Path

from wslint.cache import Cache
from wslint.config import Config
from wslint.discover import discover
from wslint.flow import Flow, Life, life_of
from wslint.stack.build import build

HEAD = """\
import asyncio
from contextlib import suppress
from channels.exceptions import AcceptConnection, DenyConnection, StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.db import database_sync_to_async
from somewhere import unknown, Unknown

"""


def life(folder: Path, source: str, name: str = "C") -> Life:
    (folder / "consumers.py").write_text(HEAD + textwrap.dedent(source))
    stack = build(discover(folder), Cache(None), Config())
    return life_of(stack, next(consumer for consumer in stack.consumers if consumer.name == name))


def consumer(body: str, base: str = "AsyncWebsocketConsumer") -> str:
    return f"class C({base}):\n" + textwrap.indent(textwrap.dedent(body), "    ")


def connect(folder: Path, body: str) -> Flow:
    flow = life(folder, consumer("async def connect(self):\n" + textwrap.indent(textwrap.dedent(body), "    "))).connect
    assert flow is not None
    return flow


def ends(flow: Flow) -> set[str]:
    """How the connection can stand when the method is left; `?` marks a doubtful path."""
    return {exit.state.socket + "?" * exit.state.doubtful for exit in flow.exits if exit.how != "raise"}
