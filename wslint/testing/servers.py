"""A fixture's case on a real ASGI server, and a real client that tells what it saw.

A proof gets a `Running` and returns one or several `Saw`. The server works in a copy of the case, in an environment
of its own, on a free loopback port; it is always stopped, and everything it wrote is kept for the report.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
KINDS = ("daphne", "uvicorn", "uvicorn-wsproto", "runserver", "none")
START_SECONDS = 30.0
STOP_SECONDS = 4.0
COMMAND_SECONDS = 60.0
PORT_IN_USE = ("address already in use", "port is already in use", "errno 98", "errno 48")
# Daphne looks after its application once a second, so a traceback can be this late in its log.
SETTLE_SECONDS = {"daphne": 1.2, "runserver": 1.2}


@dataclass
class Saw:
    """What the client saw of one connection, request or command."""

    status: int | None = None
    """HTTP status of a refused handshake or of `Running.http`."""
    opened: bool = False
    frames: list[str | bytes] = field(default_factory=list)
    close_code: int | None = None
    """As a browser tells it: 1006 = dropped without a close frame, None = no close seen."""
    close_reason: str = ""
    subprotocol: str | None = None
    seconds: float = 0.0
    """From the first byte to the close, the refusal or the end of the wait."""
    error: str = ""
    """Text of a handshake that failed, or of the request that got no answer."""
    log: str = ""
    """What the server wrote meanwhile."""
    body: str = ""
    returncode: int | None = None
    output: str = ""

    @property
    def still_open(self) -> bool:
        return self.opened and self.close_code is None


class Running:
    """One case of a fixture on one kind of server, and the means to drive it."""

    def __init__(
        self,
        case: str,
        path: Path,
        server: str,
        log_path: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.case = case
        self.path = path
        self.server = server
        self.environment = dict(environment)
        self.port = 0
        self.started = server == "none"
        self._log_path = log_path
        self._processes: list[subprocess.Popen[bytes]] = []

    def url(self, path: str) -> str:
        return f"ws://{HOST}:{self.port}{path}"

    def log(self) -> str:
        """All the output of the server, and of what `background` started, so far."""
        return self._log_since(0)

    async def websocket(
        self,
        path: str,
        *,
        send: Iterable[str | bytes | float] = (),
        wait: float = 1.5,
        origin: str | None = "http://localhost",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        subprotocols: Sequence[str] = (),
        open_timeout: float = 8.0,
        close: int | None = None,
        until: str | None = None,
        settle: float | None = None,
    ) -> Saw:
        """Open a socket, send frames (numbers are pauses in seconds), listen for `wait` seconds or until it closes.

        With `until` the client also stops listening at the first text frame that contains it. A socket that is then
        still open is closed by the client, with the code `close` when one is given. `settle` is how long the server
        gets to write its log afterwards.
        """
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed, InvalidStatus
        from websockets.typing import Origin, Subprotocol

        saw = Saw()
        log_start = self._log_size()
        begin = time.monotonic()
        try:
            connection = await connect(
                self.url(path),
                origin=None if origin is None else Origin(origin),
                additional_headers=list(headers.items() if isinstance(headers, Mapping) else headers),
                subprotocols=[Subprotocol(name) for name in subprotocols] or None,
                open_timeout=open_timeout,
                ping_interval=None,
                proxy=None,
            )
        except InvalidStatus as refusal:
            saw.status = refusal.response.status_code
            saw.body = bytes(refusal.response.body or b"").decode(errors="replace")
            saw.error = str(refusal)
        except Exception as failure:
            saw.error = f"{type(failure).__name__}: {failure}"
        else:
            saw.opened = True
            saw.subprotocol = connection.subprotocol

            async def listen() -> bool:
                try:
                    while True:
                        frame = await connection.recv()
                        saw.frames.append(frame)
                        if until is not None and isinstance(frame, str) and until in frame:
                            return False
                except ConnectionClosed:
                    return True

            listening = asyncio.create_task(listen())
            with contextlib.suppress(ConnectionClosed):
                for item in send:
                    if isinstance(item, (int, float)):
                        await asyncio.sleep(item)
                    else:
                        await connection.send(item)
            done, _ = await asyncio.wait({listening}, timeout=wait)
            saw.seconds = time.monotonic() - begin
            if done and listening.result():
                await connection.wait_closed()
                saw.close_code = connection.close_code
                saw.close_reason = connection.close_reason or ""
            else:
                listening.cancel()
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(connection.close(close or 1000), 3)
        saw.seconds = saw.seconds or time.monotonic() - begin
        await asyncio.sleep(SETTLE_SECONDS.get(self.server, 0.3) if settle is None else settle)
        saw.log = self._log_since(log_start)
        return saw

    async def http(
        self,
        path: str,
        method: str = "GET",
        *,
        headers: Mapping[str, str] | None = None,
        body: str | bytes | None = None,
        timeout: float = 10.0,
    ) -> Saw:
        """One HTTP request; redirects are not followed."""
        saw = Saw()
        log_start = self._log_size()
        begin = time.monotonic()

        def request() -> None:
            connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout)
            try:
                connection.request(method, path, body=body, headers=dict(headers or {}))
                response = connection.getresponse()
                saw.status = response.status
                saw.body = response.read().decode(errors="replace")
            except (OSError, http.client.HTTPException) as failure:
                saw.error = f"{type(failure).__name__}: {failure}"
            finally:
                connection.close()

        await asyncio.to_thread(request)
        saw.seconds = time.monotonic() - begin
        await asyncio.sleep(0.1)
        saw.log = self._log_since(log_start)
        return saw

    async def manage(self, *arguments: str, env: Mapping[str, str] | None = None) -> Saw:
        """Run a management command of the case to its end."""
        return await self._command([*self._manage(), *arguments], env)

    async def python(self, code: str, env: Mapping[str, str] | None = None) -> Saw:
        """Run Python code in the case's folder and environment to its end."""
        return await self._command([sys.executable, "-c", code], env)

    def background(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        """Run `python <arguments>` beside the server until the drive is over; its output goes to the log."""
        self._spawn([sys.executable, *arguments], env)

    async def _command(self, command: Sequence[str], env: Mapping[str, str] | None) -> Saw:
        saw = Saw()
        log_start = self._log_size()
        begin = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.path,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
            saw.output = output.decode(errors="replace")
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()
            saw.error = f"no end after {COMMAND_SECONDS:.0f} s"
        saw.returncode = process.returncode
        saw.seconds = time.monotonic() - begin
        saw.log = self._log_since(log_start)
        return saw

    def _start(self, target: str) -> None:
        for _ in range(5):
            self.port = free_port()
            log_start = self._log_size()
            server = self._spawn(self._server_command(target))
            self.started = _answers(server, self.port)
            if self.started:
                return
            _stop(server)
            said = self._log_since(log_start).lower()
            if not any(text in said for text in PORT_IN_USE):
                return

    def _server_command(self, target: str) -> list[str]:
        kind, _, implementation = self.server.partition("-")
        if kind == "daphne":
            return [sys.executable, "-m", "daphne", "-b", HOST, "-p", str(self.port), target]
        if kind == "uvicorn":
            chosen = ["--ws", implementation] if implementation else []
            return [sys.executable, "-m", "uvicorn", "--host", HOST, "--port", str(self.port), *chosen, target]
        if kind == "runserver":
            return [*self._manage(), "runserver", "--noreload", f"{HOST}:{self.port}"]
        raise ValueError(f"unknown server {self.server!r}; known: {', '.join(KINDS)}")

    def _manage(self) -> list[str]:
        if (self.path / "manage.py").exists():
            return [sys.executable, "manage.py"]
        return [sys.executable, "-m", "django"]

    def _spawn(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        with self._log_path.open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=self.path,
                env={**self.environment, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def _stop(self) -> None:
        for process in reversed(self._processes):
            _stop(process)

    def _log_size(self) -> int:
        return self._log_path.stat().st_size

    def _log_since(self, start: int) -> str:
        return self._log_path.read_bytes()[start:].decode(errors="replace")


@contextlib.contextmanager
def running(
    case: Path,
    server: str,
    *,
    target: str = "config.asgi:application",
    settings: str | None = "config.settings",
    redis_url: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """A copy of `case` on a server of the given kind, stopped at the end.

    `started` is False when the server exited, or answered to nobody within 30 seconds.
    """
    with tempfile.TemporaryDirectory(prefix="wslint-proof-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "project")
        shutil.copytree(case, path, ignore=shutil.ignore_patterns("__pycache__"))
        log_path = Path(folder, "server.log")
        log_path.touch()
        variables = _environment(path, settings, redis_url) | dict(environment or {})
        run = Running(case.name, path, server, log_path, variables)
        try:
            if server != "none":
                run._start(target)
            yield run
        finally:
            run._stop()


def free_port() -> int:
    """A loopback port nobody listens on, outside the range from which the kernel gives ports to clients."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


def _environment(path: Path, settings: str | None, redis_url: str | None) -> dict[str, str]:
    kept = ("PATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT", "LD_LIBRARY_PATH")
    variables = {name: os.environ[name] for name in kept if name in os.environ}
    variables |= {
        "HOME": str(path.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }
    if settings is not None:
        variables["DJANGO_SETTINGS_MODULE"] = settings
    if redis_url is not None:
        variables["REDIS_URL"] = redis_url
    return variables


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Whether the process takes connections on the port before it exits or the time is up."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        try:
            socket.create_connection((HOST, port), 0.5).close()
        except OSError:
            time.sleep(0.05)
        else:
            # A process that lost the race for its port is about to exit while the winner answers.
            time.sleep(0.05)
            return process.poll() is None
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()
