"""WS601 weighs who can misuse an unguarded socket: the level of each case, and the list it names for a validator."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from wslint import api
from wslint.cache import Cache
from wslint.config import Config
from wslint.rule import Finding, Level
from wslint.testing import examples

CASES = ROOT / "fixtures" / "ws601_missing_origin_validator"


def finding(case: Path, config: Config) -> Finding:
    report = api.check([case], config, cache=Cache(None))
    (found,) = [one for one in report.findings if one.code == "WS601"]
    return found


def copied(case: str, tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    return Path(shutil.copytree(CASES / case, tmp_path, dirs_exist_ok=True))


@pytest.mark.parametrize(
    ("case", "level"),
    [
        ("bad", Level.WARNING),
        ("bad_samesite", Level.ERROR),
        ("bad_stepwise", Level.WARNING),
        ("bad_public", Level.WARNING),
        ("bad_token", Level.INFO),
    ],
)
def test_level(case: str, level: Level, tmp_path: Path) -> None:
    found = finding(copied(case, tmp_path), Config(extend_select=("WS601",)))
    assert found.level is level


def test_a_promised_close_code_makes_it_a_warning(tmp_path: Path) -> None:
    config = Config(extend_select=("WS601",), close_codes={4003: "origin not allowed"})
    found = finding(copied("bad_token", tmp_path), config)
    assert found.level is Level.WARNING
    assert "4003" in found.message


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("bad", "AllowedHostsOriginValidator(…), which uses ALLOWED_HOSTS"),
        ("bad", "OriginValidator(…, settings.CORS_ALLOWED_ORIGINS) can use that list"),
        ("bad_frontend", "OriginValidator(…, settings.CORS_ALLOWED_ORIGINS)"),
        ("bad_frontend", "ALLOWED_HOSTS has no https://app.inbox.example"),
        ("bad_public", "clients that send no Origin"),
    ],
)
def test_hint_says_that_cors_is_no_guard_and_names_a_list(case: str, text: str, tmp_path: Path) -> None:
    hint = finding(copied(case, tmp_path), Config(extend_select=("WS601",))).hint
    assert "CORS settings do not guard websockets" in hint
    assert text in hint


PROJECT = """
# config/asgi.py
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

http = get_asgi_application()

from chat.consumers import Chat

application = ProtocolTypeRouter({"http": http, "websocket": URLRouter([path("ws/chat/", Chat.as_asgi())])})
# chat/consumers.py
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from chat import service


class Chat(AsyncJsonWebsocketConsumer):
    async def receive_json(self, content, **kwargs):
        """


@pytest.mark.parametrize(
    ("body", "level"),
    [
        (
            "async for token in service.stream(max_tokens=9): await service.Line.objects.acreate(text=token)",
            Level.WARNING,
        ),
        (
            "self.user = await service.verify_id_token(content.get('token')); await service.Line.objects.acreate()",
            Level.INFO,
        ),
        ("await self.send_json({'echo': content})", Level.INFO),
    ],
    ids=["tokens of a language model are no login", "login by the first message", "nothing to misuse"],
)
def test_what_counts_as_a_login(body: str, level: Level, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    examples.write(PROJECT + body + "\n", tmp_path)
    (tmp_path / "chat" / "service.py").write_text("")
    assert finding(tmp_path, Config(extend_select=("WS601",))).level is level
