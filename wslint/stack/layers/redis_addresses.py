"""Which Redis databases caches and channel layers use; two that are written alike are the same one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.location import Location
from wslint.stack.code.lists import Lists
from wslint.stack.code.text import Hole
from wslint.stack.code.values import CallValue, Display, Frame, Unknown
from wslint.stack.layers.hosts import hosts_of
from wslint.stack.layers.layers import Layer, dict_entries
from wslint.stack.model import SettingsModule, Stack
from wslint.stack.settings.environment import environment_default, environment_value

REDIS_CACHES = frozenset({"django.core.cache.backends.redis.RedisCache", "django_redis.cache.RedisCache"})
"""Cache backends whose `clear()` is FLUSHDB, whatever KEY_PREFIX is."""

_URL = re.compile(
    r"""(?: rediss?:// (?: (?: [^@/⟨] | ⟨[^⟩]+⟩ )* @ )?
            (?P<host> (?: [^:/?⟨] | ⟨[^⟩]+⟩ )+ )
            (?: : (?P<port> (?: [^/?⟨] | ⟨[^⟩]+⟩ )+ ) )?
          | (?P<variable> ⟨[^⟩]+⟩ ) )
        (?: / (?P<db> [^/?]* ) )?""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Address:
    """A Redis server as it is written, and the number of the database; `location` is where that stands."""

    server: str
    db: str
    location: Location

    def is_same(self, other: Address) -> bool:
        return (self.server, self.db) == (other.server, other.db)


def layer_addresses(stack: Stack, layer: Layer) -> Iterator[Address]:
    """The databases that a channel layer surely uses."""
    for option in layer.options.get("hosts", ()):
        for host in hosts_of(stack, option).hosts:
            if host.kind == "url":
                yield from _addresses(stack, host.expr, host.frame)
            elif host.keys is not None:
                for address in host.keys.get("address", ()):
                    yield from _addresses(stack, address.expr, address.frame)


def cache_addresses(stack: Stack, module: SettingsModule) -> Iterator[tuple[str, Address]]:
    """The databases that Django's caches surely use, with the cache's alias."""
    for setting in module.get("CACHES"):
        if setting.parents:
            continue
        for alias, options in dict_entries(stack, setting.expr, setting.frame)[0].items():
            for cache in options:
                entries, complete = dict_entries(stack, cache.expr, cache.frame)
                backends = {stack.values.constant(each.expr, each.frame) for each in entries.get("BACKEND", ())}
                if not complete or not backends or not backends <= REDIS_CACHES:
                    continue
                more = [key for each in entries.get("OPTIONS", ()) for key in _keys(stack, each.expr, each.frame)]
                if any(key in ("db", "DB", "?") for key in more):
                    continue
                for location in entries.get("LOCATION", ()):
                    for address in _listed(stack, location.expr, location.frame):
                        yield alias, address


def _keys(stack: Stack, expr: m.Expr, frame: Frame) -> list[str]:
    found, complete = dict_entries(stack, expr, frame)
    return [*found, *([] if complete else ["?"])]


def _listed(stack: Stack, expr: m.Expr, frame: Frame) -> Iterator[Address]:
    if isinstance(stack.values.one(expr, frame), Display) and not isinstance(expr, m.FString):
        for item, inner in Lists(stack.values).of(expr, frame).items:
            yield from _addresses(stack, item, inner)
    yield from _addresses(stack, expr, frame)


def _addresses(stack: Stack, expr: m.Expr, frame: Frame) -> Iterator[Address]:
    patterns = stack.texts.of(expr, frame)
    parts = (
        [part if isinstance(part, str) else _variable(stack, part) for part in patterns[0].parts]
        if patterns
        else [None]
    )
    if len(patterns) != 1 or None in parts:
        return
    found = _URL.fullmatch("".join(filter(None, parts)))
    if found is not None:
        host = "localhost" if found["host"] == "127.0.0.1" else found["host"]
        server = found["variable"] or f"{host}:{found['port'] or '6379'}"
        yield Address(server, found["db"] or ("" if found["variable"] else "0"), frame.at(expr))


def _variable(stack: Stack, hole: Hole) -> str | None:
    """What fills a part of a text: an environment variable, or an expression that cannot be read."""
    value = hole.value
    match value:
        case CallValue(node=m.Call(args=(m.Argument(value=m.Constant(value=name)), *_))) if environment_value(value):
            default = environment_default(value, stack)
            text = "" if default is None else stack.values.constant(default.expr, default.frame)
            return f"⟨{name} or {text}⟩"
        case Unknown(node=m.Subscript(index=m.Constant(value=name))) if environment_value(value):
            return f"⟨{name} or ⟩"
        case CallValue(node=node, frame=frame) if frame.scope.node is None:  # one call in a function is many values
            return f"⟨{id(node)}⟩"
        case _ if isinstance(hole.expr, m.Name) and hole.frame is not None and hole.frame.scope.node is None:
            return f"⟨{hole.expr.id} of {hole.frame.path}⟩"
        case _:
            return None
