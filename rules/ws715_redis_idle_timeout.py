from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.knowledge.channels import CORE_LAYER
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Literal, Packages, Stack, Value, facts
from wslint.stack.code.places import after, before, between
from wslint.stack.layers.hosts import Host, host_of, hosts_of
from wslint.stack.layers.layers import Layer, layers_of


class RedisIdleTimeout(Rule):
    """redis-py 8 drops every idle consumer of the core Redis layer after five seconds.

    Why: redis-py 8 made `socket_timeout` default to 5 seconds (before: none). channels-redis waits for messages with
    one blocking read, admits redis-py 8 and sets no timeout of its own, so an idle connection's read times out.

    See: `redis.exceptions.TimeoutError: Timeout reading from …` about 5 s after a client connects and hears nothing;
    the socket is closed with 1011 (daphne) or dropped, 1006 in the browser (uvicorn). Clients that reconnect do so
    for ever.

    Mend: `redis<8` in the requirements, or `"socket_timeout": None` for each host.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": ["redis://localhost:6379/0"]},
            },
        }
        # requirements.txt
        channels-redis==4.3.0
        redis==8.1.0

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [{"address": "redis://localhost:6379/0", "socket_timeout": None}]},
            },
        }
        # requirements.txt
        channels-redis==4.3.0
        redis==8.1.0
    """

    code = "WS715"
    name = "redis-idle-timeout"
    level = Level.WARNING

    def stack(self, stack: Stack) -> Iterator[Finding]:
        level = _level(stack.packages)
        if level is None:
            return
        seen: set[Location] = set()
        for settings in stack.settings:
            for module in settings.modules:
                for layer in layers_of(stack, module).layers:
                    finding = self._layer(stack, layer, level)
                    if finding is not None and finding.location not in seen:
                        seen.add(finding.location)
                        yield finding

    def _layer(self, stack: Stack, layer: Layer, level: Level) -> Finding | None:
        if layer.backends(stack) != (CORE_LAYER,):
            return None
        if "hosts" not in layer.options:
            backend = layer.entries["BACKEND"][0].location
            return self._finding(layer, backend, level) if layer.complete else None
        for option in layer.options["hosts"]:
            idle = [host for host in hosts_of(stack, option).hosts if _times_out(stack, host)]
            if idle:
                fix = _fix(idle)
                return self._finding(layer, option.location, level, fix)
        return None

    def _finding(self, layer: Layer, location: Location, level: Level, fix: Fix | None = None) -> Finding:
        which = "redis-py 8 is installed" if level is Level.ERROR else "the requirements admit redis-py 8"
        return self.finding(
            location,
            f'channel layer "{layer.alias}" has no `socket_timeout` and {which}, which times out after 5 s',
            hint='pin `redis<8`, or give each host `"socket_timeout": None`',
            symptom="every idle websocket is closed after 5 s (1011 under daphne, 1006 under uvicorn): "
            "redis.exceptions.TimeoutError: Timeout reading from …",
            level=level,
            symbol=layer.alias,
            fix=fix,
        )


CAPPING_EXTRAS = ("celery", "kombu")
"""Their `redis` extra held redis-py below 8 until kombu 5.7."""


def _level(packages: Packages) -> Level | None:
    """Error when redis-py 8 is what gets installed, warning when it may be, None when it surely is not or unknown."""
    if not packages.brought("channels-redis") or packages.surely_below("channels-redis", "4"):
        return None
    if packages.surely_at_least("redis", "8"):
        return Level.ERROR
    if packages.admits("redis", "8.1") is False or packages.capped_below("redis", "8"):
        return None
    for name in CAPPING_EXTRAS:
        for _, requirement in packages.named(name):
            if "redis" in requirement.extras and packages.admits(name, "5.7") is False:
                return None
    return Level.WARNING


def _times_out(stack: Stack, host: Host) -> bool:
    """Does the host surely have no socket_timeout of its own that is None or longer than the layer's wait of 5 s?"""
    match host.kind:
        case "pair":
            return True
        case "url":
            return _url_times_out(host.text)
        case "dict" if host.keys is not None and not {"sentinels", "master_name"} & set(host.keys):
            given = host.keys.get("socket_timeout")
            if given is not None:
                return all(_is_short(stack.values.one(option.expr, option.frame)) for option in given)
            addresses = [host_of(stack, option.expr, option.frame) for option in host.keys.get("address", ())]
            return all(_url_times_out(address.text) for address in addresses)
        case _:
            return False


def _url_times_out(url: str) -> bool:
    given = re.search(r"[?&]socket_timeout=(\d+(?:\.\d+)?)", url)
    return "socket_timeout" not in url if given is None else float(given[1]) <= 5


def _is_short(value: Value) -> bool:
    return isinstance(value, Literal) and isinstance(value.value, (int, float)) and value.value <= 5


def _fix(hosts: list[Host]) -> Fix | None:
    """Every guilty host as a dict with a socket_timeout."""
    edits = [_edits(host) for host in hosts]
    if not all(edits):
        return None
    title = "wait for messages without a time limit"
    return Fix(tuple(edit for group in edits for edit in group), safe=False, title=title)


NO_TIMEOUT = '"socket_timeout": None'


def _edits(host: Host) -> tuple[Edit, ...]:
    expr, frame, keys = host.expr, host.frame, host.keys or {}
    match expr:
        case facts.Dict(items=items) if items:
            if "socket_timeout" in keys:
                return tuple(Edit(option.location, "None") for option in keys["socket_timeout"])
            return (Edit(after(items[-1].value, frame), f", {NO_TIMEOUT}"),)
        case facts.Call(args=args) if host.kind == "dict" and args:
            if "socket_timeout" in keys:
                return tuple(Edit(option.location, "None") for option in keys["socket_timeout"])
            return (Edit(after(args[-1], frame), ", socket_timeout=None"),)
        case facts.Sequence(items=(name, port)):
            return (
                Edit(between(before(expr, frame), before(name, frame)), '{"host": '),
                Edit(between(after(name, frame), before(port, frame)), ', "port": '),
                Edit(between(after(port, frame), after(expr, frame)), f", {NO_TIMEOUT}}}"),
            )
        case _ if host.kind == "url":
            return (Edit(before(expr, frame), '{"address": '), Edit(after(expr, frame), f", {NO_TIMEOUT}}}"))
    return ()
