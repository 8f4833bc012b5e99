"""How long the analysis of one big consumer takes, and how much memory: programs built to multiply paths.

    python bench/worst_case.py [CONSTRUCTION …]

For each construction it prints lines, CPU seconds of libcst's parse, of the flows of every method, and of the whole
analysis without the parse (lowering, stack, flow and all rules), and by how much the process grew at its peak.
tests/test_flow_bounds.py counts the same in states and steps.
"""

from __future__ import annotations

import resource
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import libcst

from wslint import api
from wslint.cache import Cache
from wslint.config import Config
from wslint.discover import discover
from wslint.flow import life_of
from wslint.registry import registry
from wslint.stack.build import build

HEAD = """\
import asyncio
import json
from contextlib import suppress

from channels.db import database_sync_to_async
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer

from .models import Message


class BigConsumer(AsyncWebsocketConsumer):
"""
REST = {
    "config/settings.py": """\
        SECRET_KEY = "bench"
        ALLOWED_HOSTS = ["localhost"]
        INSTALLED_APPS = ["daphne", "channels", "chat"]
        ASGI_APPLICATION = "config.asgi.application"
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        """,
    "config/asgi.py": """\
        from channels.auth import AuthMiddlewareStack
        from channels.routing import ProtocolTypeRouter, URLRouter
        from channels.security.websocket import AllowedHostsOriginValidator
        from django.core.asgi import get_asgi_application
        from django.urls import path

        from chat.consumers import BigConsumer

        routes = [path("ws/", BigConsumer.as_asgi())]
        application = ProtocolTypeRouter({
            "http": get_asgi_application(),
            "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(routes))),
        })
        """,
    "chat/models.py": """\
        from django.db import models

        class Message(models.Model):
            author = models.ForeignKey("auth.User", on_delete=models.CASCADE)
            text = models.TextField()
        """,
}


def method(name: str, body: str, arguments: str = "self") -> str:
    return f"    async def {name}({arguments}):\n{textwrap.indent(body, ' ' * 8)}\n"


def big() -> str:
    """Sixty methods, three hundred branches: a thousand lines."""
    branch = (
        'if event.get("k{k}"):\n    self.seen{k} = {k}\nelif self.flag{k}:\n'
        '    await self.send(text_data=json.dumps({{"kind": {k}}}))'
    )
    chosen = "\n".join(
        f'{"if" if n == 0 else "elif"} kind == "k{n}":\n    await self.handle{n}(data)' for n in range(60)
    )
    receive = f'try:\n    data = json.loads(text_data)\nexcept ValueError:\n    return\nkind = data["kind"]\n{chosen}'
    guard = 'if self.scope["user"].is_anonymous:\n    await self.close()\n    return\n'
    handlers = [
        method(
            f"handle{n}",
            "\n".join(branch.format(k=k + n % 7) for k in range(3)) + f"\nif event: await self.step{n % 20}(event)",
            "self, event",
        )
        for n in range(60)
    ]
    set_flag = "if event:\n    self.flag{n} = True\nawait asyncio.sleep(0)"
    steps = [method(f"step{n}", set_flag.format(n=n), "self, event") for n in range(20)]
    return "".join(
        [
            method("connect", f"{guard}await self.accept()"),
            method("receive", receive, "self, text_data=None, bytes_data=None"),
            *handlers,
            *steps,
        ]
    )


def flags() -> str:
    """Three hundred sequential tests of three hundred attributes, each twice."""
    tests = "\n".join(f"if self.flag{n}:\n    self.other{n} = {n}" for n in range(165))
    return method("connect", f"{tests}\n{tests}\nawait self.accept()")


def tries() -> str:
    """Tries with handlers and `finally`, twelve deep, twenty times."""
    body = "await self.accept()"
    for n in range(12):
        body = (
            f"try:\n{textwrap.indent(body, '    ')}\nexcept KeyError:\n    self.a{n} = 1\nfinally:\n    self.b{n} = 2"
        )
    return "".join(method(f"part{n}", body) for n in range(20)) + method(
        "connect", "\n".join(f"await self.part{n}()" for n in range(20))
    )


def finals() -> str:
    """`finally` in `finally`, fifteen deep."""
    body = "work()"
    for n in range(15):
        body = f"try:\n    if a{n}:\n        return\n    work()\nfinally:\n{textwrap.indent(body, '    ')}"
    return "".join(method(f"receive{n}" if n else "connect", body) for n in range(10))


def chain() -> str:
    """Helpers that call the next one five times, a hundred deep."""
    links = [method(f"h{n}", f"await self.h{n + 1}(event)\n" * 5, "self, event") for n in range(100)]
    return "".join(
        [method("connect", "await self.accept()\nawait self.h0({})"), *links, method("h100", "pass", "self, event")]
    )


def ring() -> str:
    """Thirty methods, each of which may call every other."""
    calls = "\n".join(f"if a{n}:\n    await self.h{n}()" for n in range(30))
    return "".join(
        [method("connect", "await self.accept()\nawait self.h0()"), *(method(f"h{n}", calls) for n in range(30))]
    )


CONSTRUCTIONS: dict[str, Callable[[], str]] = {
    function.__name__: function for function in (big, flags, tries, finals, chain, ring)
}


def measure(name: str) -> None:
    source = HEAD + CONSTRUCTIONS[name]()
    started = time.process_time()
    libcst.parse_module(source)
    parse = time.process_time() - started
    with TemporaryDirectory() as folder:
        for path, text in {**REST, "chat/consumers.py": source}.items():
            place = Path(folder, path)
            place.parent.mkdir(exist_ok=True)
            (place.parent / "__init__.py").touch()
            place.write_text(source if text is source else textwrap.dedent(text))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        report = api.check([Path(folder)])
        whole = time.process_time() - started
        stack = build(discover(Path(folder)), Cache(None), Config())
        started = time.process_time()
        for consumer in stack.consumers:
            life = life_of(stack, consumer)
            for entry in consumer.methods:
                life.method(entry)
        flow = time.process_time() - started
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert not report.internal_errors, report.internal_errors[0]
    seconds = f"parse {parse:5.2f}  flow {flow:5.2f}  all {whole - parse:5.2f} s"
    print(f"{name:8} {len(source.splitlines()):6} lines  {seconds}  memory +{grown:.0f} MB")


def main() -> None:
    registry()
    for name in sys.argv[1:] or CONSTRUCTIONS:
        measure(name)


if __name__ == "__main__":
    main()
