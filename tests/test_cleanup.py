"""What disconnect() is seen to clean up: it decides whether WS315 is a warning or a note."""

from __future__ import annotations

import pytest
from stacks import stack_of

from wslint.stack.consumers.cleanup import cleanup_of

HEAD = """\
import logging

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.generic.websocket import WebsocketConsumer

logger = logging.getLogger(__name__)


class HallConsumer(WebsocketConsumer):
    def hall(self):
        return self.scope["path"].strip("/")

    def say(self):
        logger.info("left")

    def mark(self):
        self.seat.free()

    def disconnect(self, code):
"""


def cleanup(*lines: str) -> str:
    body = "".join(f"        {line}\n" for line in lines)
    asgi = "from main import HallConsumer\n\napplication = HallConsumer.as_asgi()\n"
    (consumer,) = stack_of({"main.py": HEAD + body, "asgi.py": asgi}).consumers
    return cleanup_of(consumer)


@pytest.mark.parametrize(
    "line",
    [
        "async_to_sync(self.channel_layer.group_discard)(self.hall(), self.channel_name)",
        "self.channel_layer.group_discard('hall', self.channel_name)",
        "discard = async_to_sync(self.channel_layer.group_discard); discard('hall', self.channel_name)",
    ],
)
def test_groups_are_left(line: str) -> None:
    assert cleanup(line) == ("cleanup" if line.startswith("discard") else "group_discard")


@pytest.mark.parametrize(
    "line",
    [
        "self.upstream.close()",
        "upstream.close()",
        "self.channel_layer.send('desk', {'type': 'left'})",
        "database_sync_to_async(self.mark)()",
        "self.mark()",
    ],
)
def test_something_is_cleaned_up(line: str) -> None:
    assert cleanup(line) == "cleanup"


@pytest.mark.parametrize(
    "line",
    ["pass", "self.close()", "super().disconnect(code)", "print(self.hall())", "self.say()", "logger.info(str(code))"],
)
def test_nothing_is_cleaned_up(line: str) -> None:
    assert cleanup(line) == ""
