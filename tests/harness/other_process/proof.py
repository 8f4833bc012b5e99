"""A layer in memory does not reach the sockets of another process; Redis does."""

import asyncio

from wslint.testing.servers import Running, Saw

servers = ("daphne", "uvicorn")
redis = True

NEWS = """
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

async_to_sync(get_channel_layer().group_send)("lobby", {"type": "lobby.news", "text": "hello"})
"""


async def drive(running: Running) -> list[Saw]:
    async def publish() -> Saw:
        await asyncio.sleep(0.5)
        return await running.python(NEWS)

    return await asyncio.gather(running.websocket("/ws/lobby/", wait=3), publish())


def symptom(saw: list[Saw], server: str) -> bool:
    socket, sender = saw
    return sender.returncode == 0 and socket.still_open and socket.frames == []
