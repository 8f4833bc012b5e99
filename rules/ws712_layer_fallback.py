from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Settings, Stack
from wslint.stack.layers.memory_layers import served
from wslint.stack.settings.fallbacks import Fallback, http_fallbacks, memory_fallbacks


class LayerFallback(Rule):
    """On an exception the served settings go on with InMemoryChannelLayer, or the application without websockets.

    Why: what failed once at start (Redis not up yet, a package that is not installed, a typo in an import) decides for
    as long as the process lives. Each process decides for itself, and none is told that it is alone.

    See: the server starts as if all were well. With the memory layer, what other processes send reaches nobody and no
    error tells of it; without the websocket part every handshake ends in HTTP 500, `ValueError: Django can only handle
    ASGI/HTTP connections, not websocket.`

    Mend: let it fail: a process that does not start is restarted and seen. Choose the memory layer by a setting of the
    development machine (DEBUG, an environment variable), not by an exception.

    Bad:
        # config/settings.py
        import os
        import redis

        INSTALLED_APPS = ["daphne", "chat"]
        REDIS_URL = os.environ["REDIS_URL"]
        try:
            redis.Redis.from_url(REDIS_URL).ping()
            CHANNEL_LAYERS = {
                "default": {
                    "BACKEND": "channels_redis.core.RedisChannelLayer",
                    "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
                },
            }
        except redis.RedisError:
            CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

    Good:
        # config/settings.py
        import os

        INSTALLED_APPS = ["daphne", "chat"]
        REDIS_URL = os.environ["REDIS_URL"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
            },
        }
    """

    code = "WS712"
    name = "layer-fallback"
    level = Level.WARNING

    def settings(self, settings: Settings) -> Iterator[Finding]:
        told: set[Location] = set()
        for module in served(settings.stack, settings):
            for fallback in memory_fallbacks(settings.stack, module):
                if fallback.location not in told:
                    told.add(fallback.location)
                    yield self._goes_on(
                        fallback,
                        f'channel layer "{fallback.name}" falls back to InMemoryChannelLayer when an exception is '
                        "raised",
                        "let the start fail, or choose the memory layer by a setting of the development machine",
                        "group_send reaches only the sockets of its own process, and no error tells of it until the "
                        "process is restarted",
                    )

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for application in stack.applications:
            if application.in_tests or application.vendored or not stack.consumers:
                continue
            for fallback in http_fallbacks(stack, application):
                yield self._goes_on(
                    fallback,
                    f"`{fallback.name}` goes on without websockets when an exception is raised",
                    "let the start fail",
                    "every websocket handshake ends in HTTP 500: ValueError: Django can only handle ASGI/HTTP "
                    "connections, not websocket.",
                )

    def _goes_on(self, fallback: Fallback, message: str, hint: str, symptom: str) -> Finding:
        return self.finding(
            fallback.location,
            message,
            hint=hint,
            symptom=f"the server starts, {symptom}",
            symbol=fallback.name,
            related=[Related(fallback.handler, "the exception ends here")],
        )
