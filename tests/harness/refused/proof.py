"""A code sent before accept() is lost; after accept() it arrives."""

from wslint.testing.servers import Running, Saw

servers = ("daphne", "uvicorn")


async def drive(running: Running) -> Saw:
    return await running.websocket("/ws/lobby/")


def symptom(saw: Saw, server: str) -> bool:
    return saw.status == 403 and saw.close_code is None
