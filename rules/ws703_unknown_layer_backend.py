from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from wslint.knowledge.channels import CORE_LAYER, MEMORY_LAYER, PUBSUB_LAYER
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Literal, Settings, Stack
from wslint.stack.layers.layers import Layer, layers_of
from wslint.stack.settings.environment import Option

BACKENDS = {
    "channels_redis": (CORE_LAYER, PUBSUB_LAYER, "channels_redis.pubsub.RedisPubSubLoopLayer"),
    "channels": (MEMORY_LAYER, "channels.layers.BaseChannelLayer"),
}
"""The layers of Channels' own packages, by the package in their path."""

CHANNELS_1 = {"asgi_redis": CORE_LAYER, "asgi_ipc": MEMORY_LAYER, "asgiref.inmemory": MEMORY_LAYER}
"""What Channels 1 had instead; Channels 2 and later cannot use them."""

INSTALLS = ("Dockerfile", ".sh", ".yml", ".yaml", ".toml", ".txt", ".in", ".cfg", ".nix", "Makefile", "Pipfile", ".md")
"""Files that may install a package, by what their names end with."""


class UnknownLayerBackend(Rule):
    """The BACKEND of a channel layer names a class that does not exist, or a package that is not installed.

    Why: the path is imported when the first consumer asks for its layer, not when the server starts, and nothing checks
    it before. The layers are `channels_redis.core.RedisChannelLayer`, `channels_redis.pubsub.RedisPubSubChannelLayer`
    and `channels.layers.InMemoryChannelLayer`; `asgi_redis` was the package of Channels 1.

    See: the server starts, and every websocket connection, of consumers without groups too, ends in HTTP 500 with
    `InvalidChannelLayerError: Cannot import BACKEND … specified for default`.

    Mend: write the path of a layer that exists, and add its package (`channels-redis`) to the requirements.

    Bad:
        # settings.py
        INSTALLED_APPS = ["channels"]
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.RedisChannelLayer"}}

    Good:
        # settings.py
        INSTALLED_APPS = ["channels"]
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
    """

    code = "WS703"
    name = "unknown-layer-backend"
    level = Level.ERROR

    def settings(self, settings: Settings) -> Iterator[Finding]:
        if settings.stack.packages.surely_below("channels", "2"):
            return
        told: set[Location] = set()
        for module in settings.serving:
            for layer in layers_of(settings.stack, module).layers:
                for option in layer.entries.get("BACKEND", ()):
                    for finding in self._judge(settings.stack, layer, option):
                        if finding.location not in told:
                            told.add(finding.location)
                            yield finding

    def _judge(self, stack: Stack, layer: Layer, option: Option) -> Iterator[Finding]:
        for value in stack.values.of(option.expr, option.frame):
            if not isinstance(value, Literal) or not isinstance(value.value, str):
                continue
            backend = value.value
            problem = _problem(stack, backend, value.frame.module.path)
            if problem is not None:
                message, better = problem
                location = value.frame.at(value.node)
                fix = None
                if better in (CORE_LAYER, PUBSUB_LAYER, MEMORY_LAYER):
                    fix = Fix((Edit(location, f'"{better}"'),), safe=True, title=f"use {better}")
                yield self.finding(
                    location,
                    f'the BACKEND of channel layer "{layer.alias}" {message}',
                    hint=f"write `{better}`" if fix is not None else better,
                    symptom="every websocket connection ends in HTTP 500: InvalidChannelLayerError: Cannot import "
                    f"BACKEND {backend!r} specified for {layer.alias}",
                    symbol=layer.alias,
                    fix=fix,
                )


def _problem(stack: Stack, backend: str, path: str) -> tuple[str, str] | None:
    """(what is wrong with a backend, what to write or do)."""
    package = backend.partition(".")[0]
    if stack.modules.is_project(package, path):
        return _missing_in_project(stack, backend, path)
    for old, better in CHANNELS_1.items():
        if backend.startswith(f"{old}."):
            return f"is one of Channels 1: `{backend}`", better
    if package not in BACKENDS:
        return None  # some other package's layer
    if backend not in BACKENDS[package]:
        wanted = [path for path in BACKENDS[package] if path.rpartition(".")[2] == backend.rpartition(".")[2]]
        near = wanted or get_close_matches(backend, BACKENDS[package], 1, 0)
        return f"does not exist: `{backend}`", near[0]
    if package == "channels_redis" and _is_not_installed(stack):
        return "is in channels-redis, which no requirement file names", "add `channels-redis` to the requirements"
    return None


def _missing_in_project(stack: Stack, backend: str, path: str) -> tuple[str, str] | None:
    home, _, name = backend.rpartition(".")
    module = stack.modules.find(home, path)
    if module is None:
        return f"names a module that does not exist: `{home}`", "correct the path"
    scope = module.scope
    if name in scope.bindings or "*" in scope.bindings or "__getattr__" in scope.bindings:
        return None
    near = get_close_matches(name, sorted(scope.bindings), 1, 0.7)
    return f"names nothing of `{home}`: `{name}`", f"did you mean `{near[0]}`?" if near else "correct the name"


def _is_not_installed(stack: Stack) -> bool:
    """Do the requirement files name Channels and not its Redis layer, and no other file speaks of it either?"""
    packages = stack.packages
    if not packages.named("channels") or packages.brought("channels-redis"):
        return False
    for path in stack.tree.paths:
        if path.endswith(INSTALLS):
            try:
                text = stack.tree.read(path).lower()
            except (OSError, ValueError):
                return False
            if b"channels-redis" in text or b"channels_redis" in text:
                return False
    return True
