from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import CORE_LAYER, PUBSUB_LAYER
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Stack, facts
from wslint.stack.code.places import after, before, between
from wslint.stack.layers.hosts import Host, Hosts, host_of, hosts_of
from wslint.stack.layers.layers import Layer, layers_of
from wslint.stack.settings.environment import Option


class WrongLayerHosts(Rule):
    """The `hosts` of a Redis channel layer have a form that channels-redis cannot read.

    Why: `hosts` is a list, and each entry is a URL with a scheme, a (host, port) pair or a dict. Nothing checks it when
    the process starts; the layer is made for the first connection, and any other form raises there.

    See: every websocket connection of that layer is refused with HTTP 500, consumers that use no group included:
    `ValueError: You must pass a list of Redis hosts, even if there is only one.` (a str), `ValueError: Redis URL must
    specify one of the following schemes` (no `redis://`, or None), `AttributeError: 'int' object has no attribute
    'decode'` (a flat pair; AssertionError in channels-redis 3), `Error -2 connecting to redis://…: Name or service not
    known` (a URL inside a pair).

    Mend: `"hosts": ["redis://localhost:6379/0"]`, `[("localhost", 6379)]` or `[{"address": "redis://localhost:6379"}]`.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": "redis://localhost:6379"},
            },
        }

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": ["redis://localhost:6379"]},
            },
        }
    """

    code = "WS704"
    name = "wrong-layer-hosts"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[Location] = set()
        for settings in stack.settings:
            for module in settings.modules:
                for layer in layers_of(stack, module).layers:
                    for option in layer.options.get("hosts", ()):
                        for finding in self._judge(stack, layer, option):
                            if finding.location not in seen:
                                seen.add(finding.location)
                                yield finding

    def _judge(self, stack: Stack, layer: Layer, option: Option) -> Iterator[Finding]:
        backends = set(layer.backends(stack))
        if not backends or not backends <= {CORE_LAYER, PUBSUB_LAYER}:
            return
        hosts = hosts_of(stack, option)
        if hosts.text:
            yield self._wrong(layer, option.location, "is a string where a list is wanted", NO_LIST, _wrapped(option))
        elif _is_flat(hosts):
            what = "is one flat pair where a list of pairs is wanted"
            error = "AssertionError" if stack.packages.surely_below("channels-redis", "4") else NO_URL
            yield self._wrong(layer, option.location, what, error, _wrapped(option))
        else:
            for host in hosts.hosts:
                yield from self._host(stack, layer, host, only_pubsub=backends == {PUBSUB_LAYER})

    def _host(self, stack: Stack, layer: Layer, host: Host, *, only_pubsub: bool) -> Iterator[Finding]:
        is_4_0 = stack.packages.surely_at_least("channels-redis", "4") and stack.packages.surely_below(
            "channels-redis", "4.1"
        )
        match host.kind:
            case "none":
                yield self._wrong(layer, host.location, "holds None", NO_SCHEME)
            case "number":
                yield self._wrong(layer, host.location, "holds a number", NO_URL)
            case "url" if host.without_scheme:
                yield self._wrong(layer, host.location, _schemeless(host), NO_SCHEME, _schemed(host))
            case "pair" if "://" in host.start:
                what = "holds a URL inside a (host, port) pair"
                yield self._wrong(layer, host.location, what, NO_SUCH_NAME, _joined(host))
            case "pair" if is_4_0 and (host.sequence == "list" or only_pubsub):
                yield self._wrong(
                    layer, host.location, "holds a pair, which channels-redis 4.0 cannot read here", NO_URL
                )
            case "dict":
                yield from self._dict(stack, layer, host)

    def _dict(self, stack: Stack, layer: Layer, host: Host) -> Iterator[Finding]:
        keys = host.keys or {}
        for address in keys.get("address", ()):
            inner = host_of(stack, address.expr, address.frame)
            if inner.kind == "pair" and stack.packages.surely_at_least("channels-redis", "4"):
                what = "has a pair as address, which channels-redis 4 cannot read"
                yield self._wrong(layer, inner.location, what, NO_URL)
            elif inner.kind == "url" and inner.without_scheme:
                yield self._wrong(layer, inner.location, _schemeless(inner), NO_SCHEME, _schemed(inner))
        if "host" in keys and stack.packages.surely_below("channels-redis", "4"):
            what = 'has a "host" key, which channels-redis 3 does not know'
            yield self._wrong(layer, host.location, what, "TypeError: got an unexpected keyword argument 'host'")

    def _wrong(self, layer: Layer, location: Location, what: str, error: str, fix: Fix | None = None) -> Finding:
        return self.finding(
            location,
            f'`hosts` of channel layer "{layer.alias}" {what}',
            hint='a list of URLs, pairs or dicts: ["redis://localhost:6379/0"] or [("localhost", 6379)]',
            symptom=f"every websocket connection of this layer ends in HTTP 500: {error}",
            symbol=layer.alias,
            fix=fix,
        )


NO_LIST = "ValueError: You must pass a list of Redis hosts, even if there is only one."
NO_SCHEME = "ValueError: Redis URL must specify one of the following schemes (redis://, rediss://, unix://)"
NO_URL = "AttributeError: object has no attribute 'decode'"
NO_SUCH_NAME = "ConnectionError: Name or service not known"


def _schemeless(host: Host) -> str:
    return f'holds "{host.start}", which has no scheme'


def _is_flat(hosts: Hosts) -> bool:
    """`("localhost", 6379)` where `[("localhost", 6379)]` is meant."""
    return (
        hosts.complete
        and [host.kind for host in hosts.hosts[1:]] == ["number"]
        and hosts.hosts[0].kind in ("url", "unknown")
        and "://" not in hosts.hosts[0].start
    )


def _wrapped(option: Option) -> Fix:
    """A list around a string, or around the pair that a flat tuple or list is."""
    expr, frame = option.expr, option.frame
    if isinstance(expr, facts.Sequence):
        first, last = expr.items[0], expr.items[-1]
        edits = (
            Edit(between(before(expr, frame), before(first, frame)), "[("),
            Edit(between(after(last, frame), after(expr, frame)), ")]"),
        )
    else:
        edits = (Edit(before(expr, frame), "["), Edit(after(expr, frame), "]"))
    return Fix(edits, safe=True, title="make it a list")


def _schemed(host: Host) -> Fix | None:
    """`"localhost:6379"` → `"redis://localhost:6379"`, where it is written as one literal."""
    if not isinstance(host.expr, facts.Constant) or not host.start or "://" in host.start:
        return None
    return Fix((Edit(host.location, f'"redis://{host.start}"'),), safe=True, title="add the scheme")


def _joined(host: Host) -> Fix | None:
    """`("redis://localhost", 6379)` → `"redis://localhost:6379"`."""
    if not isinstance(host.expr, facts.Sequence) or len(host.expr.items) != 2:
        return None
    url, port = host.expr.items
    if not isinstance(url, facts.Constant) or not isinstance(port, facts.Constant) or host.start.count(":") != 1:
        return None
    scheme, _, rest = host.start.partition("://")
    name, slash, path = rest.partition("/")
    return Fix((Edit(host.location, f'"{scheme}://{name}:{port.value}{slash}{path}"'),), safe=True, title="one URL")
