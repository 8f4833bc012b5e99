"""WS332 says no more than what its `try` covers."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from wslint import api
from wslint.cache import Cache
from wslint.config import Config

HEAD = """\
import json

from channels.generic.websocket import WebsocketConsumer

PRICES = {"tea": 4}


class DeskConsumer(WebsocketConsumer):
    def receive(self, text_data=None, bytes_data=None):
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            """\
            try:
                self.send(text_data=str(PRICES[text_data]))
            except Exception as error:
                print(error)
            """,
            "all that fails in receive() ends here",
        ),
        (
            """\
            try:
                self.send(text_data=str(PRICES[json.loads(text_data)]))
            except ValueError:
                self.send(text_data="not JSON")
            except Exception as error:
                print(error)
            """,
            "all else that fails in receive() ends here",
        ),
        (
            """\
            wanted = text_data or "tea"
            try:
                self.send(text_data=str(PRICES[wanted]))
            except Exception as error:
                print(error)
            """,
            "all that fails in this `try` of receive() ends here",
        ),
    ],
)
def test_what_the_try_covers(body: str, said: str, tmp_path: Path) -> None:
    source = HEAD + textwrap.indent(textwrap.dedent(body), " " * 8)
    (tmp_path / "consumers.py").write_text(source, encoding="utf-8")
    asgi = "from consumers import DeskConsumer\n\napplication = DeskConsumer.as_asgi()\n"
    (tmp_path / "asgi.py").write_text(asgi, encoding="utf-8")
    report = api.check([tmp_path], Config(select=("WS332",)), cache=Cache(None))
    (found,) = report.findings
    assert said in found.message
