"""The demo project: its healthy twin chats, its broken twin does not even start."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import ROOT, not_run

from wslint.testing.redis_server import RedisServer
from wslint.testing.servers import Running, Saw, running

DEMO = ROOT / "fixtures" / "demo"
NEEDS = ("channels", "channels_redis", "daphne", "celery", "rest_framework", "corsheaders", "jwt", "websockets")
ORIGIN = "http://localhost:5173"
CREATE_USER = "from django.contrib.auth.models import User; User.objects.create_user('ada', password='engine')"
USAGE = "from core.agents.models import Usage; print(Usage.objects.get().characters)"

pytestmark = pytest.mark.proof


@pytest.fixture(autouse=True)
def installed() -> None:
    if missing := [name for name in NEEDS if importlib.util.find_spec(name) is None]:
        not_run(f"{', '.join(missing)} is missing")


@pytest.fixture
def chat(redis: RedisServer) -> Iterator[Running]:
    redis.flush()
    cache = {"CACHE_URL": redis.url.rpartition("/")[0] + "/1"}
    with running(DEMO / "healthy", "daphne", redis_url=redis.url, environment=cache) as run:
        assert run.started, run.log()
        yield run


class Person:
    """Somebody who has logged in over HTTP and opened a thread."""

    def __init__(self, run: Running) -> None:
        self.run = run
        self.access = ""
        self.thread = ""

    async def begin(self) -> None:
        assert (await self.run.manage("migrate")).returncode == 0
        created = await self.run.python("import django; django.setup(); " + CREATE_USER)
        assert created.returncode == 0, created.output
        self.access = (await self.post("/api/login/", {"username": "ada", "password": "engine"}))["access"]
        self.thread = (await self.post("/api/threads/"))["id"]

    async def post(self, path: str, data: object = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.access:
            headers["Authorization"] = f"Bearer {self.access}"
        saw = await self.run.http(path, "POST", headers=headers, body=json.dumps(data or {}))
        assert saw.status in (200, 201), saw
        return json.loads(saw.body)

    async def socket(self, *send: str | float, token: str | None = None, thread: str = "", **options: Any) -> Saw:
        if token is None:
            token = (await self.post("/api/connection-token/"))["token"]
        path = f"/ws/chat/{thread or self.thread}/?token={token}"
        return await self.run.websocket(path, send=send, **{"origin": ORIGIN, "settle": 0.0, **options})


def say(text: str) -> str:
    return json.dumps({"type": "message", "text": text})


def test_the_agents_words_are_streamed_from_another_process(chat: Running) -> None:
    async def drive() -> tuple[Saw, Saw]:
        ada = Person(chat)
        await ada.begin()
        chat.background("-m", "celery", "-A", "config", "worker", "--pool", "solo", "--loglevel", "info")
        chat.background("manage.py", "runworker", "usage")
        saw = await ada.socket(say("what is a loom?"), wait=25, until='"done"')
        for _ in range(20):
            usage = await chat.python("import django; django.setup(); " + USAGE)
            if usage.returncode == 0:
                break
            await asyncio.sleep(0.5)
        return saw, usage

    saw, usage = asyncio.run(drive())
    frames = [json.loads(frame) for frame in saw.frames]
    assert [frame["type"] for frame in frames] == ["ready", "message", *["chunk"] * 6, "done"], (saw, chat.log())
    assert "".join(frame["text"] for frame in frames if frame["type"] == "chunk") == "You ask: what is a loom? "
    assert usage.output == "15\n", chat.log()


def test_every_refusal_reaches_the_client_with_its_code(chat: Running) -> None:
    async def drive() -> dict[str, int | None]:
        ada = Person(chat)
        await ada.begin()
        used = (await ada.post("/api/connection-token/"))["token"]
        saw = {
            "first use": await ada.socket(token=used, wait=0.5),
            "second use": await ada.socket(token=used),
            "no token": await ada.socket(token=""),
            "foreign origin": await ada.socket(origin="https://evil.example"),
            "foreign thread": await ada.socket(thread=str(uuid.uuid4())),
            "nonsense": await ada.socket("{"),
            "binary": await ada.socket(b"\x00"),
            "flood": await ada.socket(*[say("hi")] * 6, wait=3),
        }
        return {name: one.close_code for name, one in saw.items()}

    assert asyncio.run(drive()) == {
        "first use": None,
        "second use": 4001,
        "no token": 4001,
        "foreign origin": 4003,
        "foreign thread": 4006,
        "nonsense": 4005,
        "binary": 4005,
        "flood": 4004,
    }


def test_the_broken_twin_does_not_start(redis: RedisServer) -> None:
    with running(DEMO / "broken", "daphne", redis_url=redis.url) as run:
        assert not run.started
        assert "AppRegistryNotReady: Apps aren't loaded yet." in run.log()
