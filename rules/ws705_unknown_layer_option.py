from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from wslint.knowledge.channels import CORE_LAYER, MEMORY_LAYER, PUBSUB_LAYER
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Display, Stack, facts
from wslint.stack.code.places import after, before
from wslint.stack.layers.layers import Layer, layers_of
from wslint.stack.settings.environment import Option, is_text


class UnknownLayerOption(Rule):
    """A channel layer is configured with a key that nothing reads, or that its backend refuses.

    Why: the dict of a layer has BACKEND and CONFIG (and TEST_CONFIG), and CONFIG becomes the keyword arguments of the
    backend. No check is made at start; the layer is made for the first connection. Keys beside CONFIG are never read.

    See: every websocket connection of the layer ends in HTTP 500: `TypeError: RedisChannelLayer.__init__() got an
    unexpected keyword argument 'host'`, `InvalidChannelLayerError: ROUTING key found`, `ValueError:
    symmetric_encryption_keys must be a list`. `hosts` beside CONFIG, or `OPTIONS` instead of it, silently mean
    localhost:6379; the pub/sub layer silently ignores unknown keys such as `capacity`. InMemoryChannelLayer with
    `channel_capacity` raises `ValueError: too many values to unpack` at the first send (Channels 4.2 and later).

    Mend: put the options into CONFIG, with the names that the backend takes.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "OPTIONS": {"hosts": [("redis", 6379)]},
            },
        }

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [("redis", 6379)]},
            },
        }
    """

    code = "WS705"
    name = "unknown-layer-option"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        seen: set[Location] = set()
        for settings in stack.settings:
            for module in settings.modules:
                for layer in layers_of(stack, module).layers:
                    for finding in self._judge(stack, layer):
                        if finding.location not in seen:
                            seen.add(finding.location)
                            yield finding

    def _judge(self, stack: Stack, layer: Layer) -> Iterator[Finding]:
        backends = _written_backends(stack, layer)
        if not backends or not backends <= OPTIONS.keys():
            return
        for name, values in layer.entries.items():
            for value in values:
                yield from self._entry(layer, name, value, backends)
        taken = frozenset().union(*(OPTIONS[backend] for backend in backends))
        for name, values in layer.options.items():
            for value in values:
                if name not in taken:
                    yield self._option(layer, name, value, backends, taken)
                elif name == "symmetric_encryption_keys" and MEMORY_LAYER not in backends:
                    if all(is_text(found, stack) for found in stack.values.of(value.expr, value.frame)):
                        yield self._keys(layer, value)
                elif name == "channel_capacity" and backends == {MEMORY_LAYER}:
                    yield from self._capacity(stack, layer, value)

    def _entry(self, layer: Layer, name: str, value: Option, backends: set[str]) -> Iterator[Finding]:
        if name == "ROUTING":
            yield self._wrong(
                layer,
                value,
                "has a ROUTING key, which Channels 1 had",
                "remove it; ProtocolTypeRouter and URLRouter do the routing",
                f"{REFUSED}: InvalidChannelLayerError: ROUTING key found for {layer.alias}",
            )
        elif name in ENTRIES or MEMORY_LAYER in backends:
            return
        elif name in OPTIONS[CORE_LAYER]:
            symptom = "the layer uses localhost:6379, whatever stands there" if name == "hosts" else "it has no effect"
            fix = None if "CONFIG" in layer.entries else _moved(value)
            what = f'has "{name}" beside CONFIG, where nothing reads it'
            yield self._wrong(layer, value, what, f'put "{name}" into CONFIG', symptom, fix)
        elif name.upper() in ("OPTIONS", "CONFIG", "CONFIGS"):
            fix = None if "CONFIG" in layer.entries else _renamed(value, "CONFIG")
            yield self._wrong(
                layer,
                value,
                f'has "{name}", which nothing reads; the options of a layer stand in CONFIG',
                "name it CONFIG",
                "the layer uses localhost:6379 and default options",
                fix,
            )

    def _option(self, layer: Layer, name: str, value: Option, backends: set[str], taken: frozenset[str]) -> Finding:
        nearest = get_close_matches(name.lower(), sorted(taken), 1, 0.8)
        unused = [near for near in nearest if near not in layer.options]
        fix = _renamed(value, unused[0]) if unused else None
        shown = " or ".join(sorted(backend.rpartition(".")[2] for backend in backends))
        hint = f'write "{nearest[0]}"' if nearest else f"it takes {', '.join(sorted(taken))}"
        what = f'has the option "{name}", which {shown} does not take'
        if PUBSUB_LAYER in backends:
            level = Level.ERROR if nearest == ["hosts"] else Level.WARNING
            symptom = "it is silently ignored" + ("; the layer uses localhost:6379" if nearest == ["hosts"] else "")
            return self._wrong(layer, value, what, hint, symptom, fix, level)
        return self._wrong(
            layer, value, what, hint, f"{REFUSED}: TypeError: got an unexpected keyword argument '{name}'", fix
        )

    def _keys(self, layer: Layer, value: Option) -> Finding:
        fix = Fix((Edit(before(value.expr, value.frame), "["), Edit(after(value.expr, value.frame), "]")), safe=True)
        return self._wrong(
            layer,
            value,
            'has a string as "symmetric_encryption_keys"',
            "make it a list of keys",
            f"{REFUSED}: ValueError: symmetric_encryption_keys must be a list",
            fix,
        )

    def _capacity(self, stack: Stack, layer: Layer, value: Option) -> Iterator[Finding]:
        found = stack.values.of(value.expr, value.frame)
        filled = all(isinstance(one, Display) and isinstance(one.node, facts.Dict) and one.node.items for one in found)
        if found and filled and stack.packages.surely_at_least("channels", "4.2"):
            yield self._wrong(
                layer,
                value,
                'has "channel_capacity", which InMemoryChannelLayer cannot read since Channels 4.2',
                'use "capacity"',
                "the first send ends in ValueError: too many values to unpack",
            )

    def _wrong(
        self,
        layer: Layer,
        value: Option,
        what: str,
        hint: str,
        symptom: str,
        fix: Fix | None = None,
        level: Level | None = None,
    ) -> Finding:
        return self.finding(
            value.key_location,
            f'channel layer "{layer.alias}" {what}',
            hint=hint,
            symptom=symptom,
            symbol=layer.alias,
            fix=fix,
            level=level,
        )


REFUSED = "every websocket connection of this layer ends in HTTP 500"
ENTRIES = frozenset({"BACKEND", "CONFIG", "TEST_CONFIG"})
OPTIONS = {
    CORE_LAYER: frozenset(
        "hosts prefix expiry group_expiry capacity channel_capacity symmetric_encryption_keys random_prefix_length "
        "serializer_format".split()
    ),
    PUBSUB_LAYER: frozenset(
        "hosts prefix on_disconnect on_reconnect symmetric_encryption_keys serializer_format channel_layer".split()
    ),
    MEMORY_LAYER: frozenset("expiry group_expiry capacity channel_capacity".split()),
}


def _written_backends(stack: Stack, layer: Layer) -> set[str]:
    """The backends of a layer; none when one is not written out (a default of the environment is one of several)."""
    patterns = [
        pattern for option in layer.entries.get("BACKEND", ()) for pattern in stack.texts.of(option.expr, option.frame)
    ]
    literals = {pattern.literal for pattern in patterns if pattern.literal is not None}
    return literals if all(pattern.literal is not None for pattern in patterns) else set()


def _renamed(value: Option, name: str) -> Fix | None:
    """Another key; `hosts` only where its value is a list already."""
    if not isinstance(value.key, facts.Constant) or (name == "hosts" and not isinstance(value.expr, facts.Sequence)):
        return None
    return Fix((Edit(value.key_location, f'"{name}"'),), safe=True, title=f'name it "{name}"')


def _moved(value: Option) -> Fix | None:
    """`"hosts": […]` → `"CONFIG": {"hosts": […]}`."""
    if not isinstance(value.key, facts.Constant):
        return None
    edits = (Edit(before(value.key, value.frame), '"CONFIG": {'), Edit(after(value.expr, value.frame), "}"))
    return Fix(edits, safe=True, title="put it into CONFIG")
