"""What is wrong with the TLS options of a Redis layer's hosts: each becomes an argument of redis-py's connection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.knowledge.redis import NO_KEYWORDS, TLS_FLAGS, TLS_PORTS
from wslint.location import Location
from wslint.stack.code.values import Literal
from wslint.stack.layers.hosts import Host, host_of, hosts_of
from wslint.stack.layers.layers import Layer
from wslint.stack.model import Stack
from wslint.stack.settings.environment import Option

REDISS = "write rediss:// in the address"
_OWN_WAY = frozenset({"sentinels", "master_name", "connection_class"})
"""Host options with which the others go somewhere else."""


@dataclass(eq=False)
class TlsFault:
    """One option or URL that does not work: what is said of the layer, how to mend it, and what is raised.

    `mended` is the text that takes its place, where there is one.
    """

    location: Location
    what: str
    hint: str
    raised: str
    mended: str | None = None


def tls_faults(stack: Stack, layer: Layer) -> Iterator[TlsFault]:
    """The faults of every host that a layer can have."""
    for option in layer.options.get("hosts", ()):
        for host in hosts_of(stack, option).hosts:
            if host.kind == "url":
                yield from _of_url(stack, host)
            elif host.kind == "dict" and host.keys is not None and not _OWN_WAY & set(host.keys):
                yield from _of_dict(stack, host.keys)


def _of_dict(stack: Stack, keys: Mapping[str, tuple[Option, ...]]) -> Iterator[TlsFault]:
    addresses = [host_of(stack, one.expr, one.frame) for one in keys.get("address", ())]
    for address in addresses:
        yield from _of_url(stack, address)
    plain = all(_is_plain(stack, address) for address in addresses) if addresses else "host" in keys
    for name, option in ((name, option) for name, options in keys.items() for option in options):
        if name in NO_KEYWORDS:
            what = f'has the host option "{name}", which redis-py does not take'
            hint = REDISS if plain else f'take "{name}" out; rediss:// turns TLS on'
            yield TlsFault(option.key_location, what, hint, _refused(name))
        elif plain and name.startswith("ssl_"):
            yield TlsFault(
                option.key_location, f'has "{name}" for a host that does not use TLS', REDISS, _refused(name)
            )
        elif name == "ssl_cert_reqs":
            value = stack.values.one(option.expr, option.frame)
            if isinstance(value, Literal) and isinstance(value.value, str) and value.value not in TLS_FLAGS:
                flag = value.value.lower().removeprefix("cert_")
                written = flag in TLS_FLAGS and isinstance(option.expr, m.Constant)
                yield _flag(option.location, value.value, f'"{flag}"' if written else None)


def _of_url(stack: Stack, host: Host) -> Iterator[TlsFault]:
    written = _written(stack, host)
    service = next((name for name, url in TLS_PORTS.items() if written and all(map(url.match, written))), None)
    if service is not None:
        what = f"has a plain redis:// URL for the TLS port of {service}"
        raised = "redis.exceptions.ConnectionError: Connection closed by server"
        yield TlsFault(host.location, what, "write rediss://", raised)
        return
    for name, text in re.findall(r"[?&](\w+)=([^&#]*)", host.text):
        if name in NO_KEYWORDS or (name.startswith("ssl_") and _is_plain(stack, host)):
            hint = "take it out; rediss:// turns TLS on" if name in NO_KEYWORDS else "write rediss://"
            what = f"has `{name}=` in its URL, which the connection does not take"
            yield TlsFault(host.location, what, hint, _refused(name))
        elif name == "ssl_cert_reqs" and text and text not in TLS_FLAGS:
            yield _flag(host.location, text, None)


def _flag(location: Location, text: str, mended: str | None) -> TlsFault:
    what = f'has ssl_cert_reqs "{text}", which redis-py does not know'
    raised = f"RedisError: Invalid SSL Certificate Requirements Flag: {text}"
    return TlsFault(location, what, 'write "none", "optional" or "required"', raised, mended)


def _refused(name: str) -> str:
    return f"TypeError: AbstractConnection.__init__() got an unexpected keyword argument '{name}'"


def _is_plain(stack: Stack, host: Host) -> bool:
    """Is a URL written with the scheme that uses no TLS? What the environment holds is unknown, its default too."""
    return all(text.startswith("redis://") for text in _written(stack, host))


def _written(stack: Stack, host: Host) -> list[str]:
    """A URL as the code writes it, with a star for what it does not say."""
    patterns = stack.texts.of(host.expr, host.frame)
    return ["".join(part if isinstance(part, str) else "*" for part in pattern.parts) for pattern in patterns]
