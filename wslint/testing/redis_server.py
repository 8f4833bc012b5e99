"""A Redis server of our own: free port, no persistence, gone at the end."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

from wslint.testing.servers import HOST, free_port

START_SECONDS = 10.0


class RedisServer:
    """A running redis-server; speaks just enough of the protocol to be asked for life and emptied."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"redis://{HOST}:{port}/0"

    def flush(self) -> None:
        reply = self._ask(b"FLUSHALL\r\n")
        if not reply.startswith(b"+OK"):
            raise RuntimeError(f"FLUSHALL: {reply!r}")

    def alive(self) -> bool:
        with contextlib.suppress(OSError):
            return self._ask(b"PING\r\n").startswith(b"+PONG")
        return False

    def _ask(self, command: bytes) -> bytes:
        with socket.create_connection((HOST, self.port), 2) as connection:
            connection.sendall(command)
            return connection.recv(256)


@contextlib.contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Start `redis-server` from the PATH; RuntimeError when it does not answer."""
    program = shutil.which("redis-server")
    if program is None:
        raise RuntimeError("redis-server is not installed")
    with tempfile.TemporaryDirectory(prefix="wslint-redis-", ignore_cleanup_errors=True) as folder:
        for _ in range(5):
            server = RedisServer(free_port())
            options = {"bind": HOST, "port": str(server.port), "dir": folder, "save": "", "appendonly": "no"}
            process = subprocess.Popen(
                [program, *(word for name, value in options.items() for word in (f"--{name}", value))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            try:
                if _answers(process, server):
                    yield server
                    return
            finally:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        raise RuntimeError("redis-server does not start")


def _answers(process: subprocess.Popen[bytes], server: RedisServer) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if server.alive():
            return process.poll() is None
        time.sleep(0.05)
    return False
