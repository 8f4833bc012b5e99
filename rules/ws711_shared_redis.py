from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import CORE_LAYER, PUBSUB_LAYER
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Settings, SettingsModule
from wslint.stack.layers.layers import Layer, layers_of
from wslint.stack.layers.redis_addresses import Address, cache_addresses, layer_addresses


class SharedRedis(Rule):
    """A channel layer shares a Redis database with a cache, or counts on a database number that separates nothing.

    Why: `cache.clear()` of Django's Redis cache and of django-redis empties the whole database (FLUSHDB), whatever
    KEY_PREFIX is: the groups of RedisChannelLayer are gone too. RedisPubSubChannelLayer publishes on the server as a
    whole: only `prefix` keeps two projects apart.

    See: after `cache.clear()` every open socket stays open and hears nothing of its groups any more; or clients of one
    project get the messages of another one. No error, no log.

    Mend: give the layer a database of its own (`/1`), or a `prefix` where it is RedisPubSubChannelLayer.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "redis://redis:6379/0",
            },
        }
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [{"address": "redis://redis:6379/0", "socket_timeout": None}]},
            },
        }

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "redis://redis:6379/0",
            },
        }
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [{"address": "redis://redis:6379/1", "socket_timeout": None}]},
            },
        }
    """

    code = "WS711"
    name = "shared-redis"
    level = Level.INFO

    def settings(self, settings: Settings) -> Iterator[Finding]:
        told: set[Location] = set()
        for module in settings.serving:
            for layer in layers_of(settings.stack, module).layers:
                for finding in self._layer(settings, module, layer):
                    if finding.location not in told:
                        told.add(finding.location)
                        yield finding

    def _layer(self, settings: Settings, module: SettingsModule, layer: Layer) -> Iterator[Finding]:
        backends = layer.backends(settings.stack)
        for address in layer_addresses(settings.stack, layer):
            if backends == (CORE_LAYER,):
                for alias, cache in cache_addresses(settings.stack, module):
                    if cache.is_same(address):
                        yield self._emptied(layer, address, alias, cache)
            elif backends == (PUBSUB_LAYER,) and layer.complete and _counts_on_number(layer, address):
                yield self._published(layer, address)

    def _emptied(self, layer: Layer, address: Address, alias: str, cache: Address) -> Finding:
        return self.finding(
            address.location,
            f'channel layer "{layer.alias}" and cache "{alias}" use the same Redis database',
            hint="give the layer another database number",
            symptom="cache.clear() empties the database: open sockets stay open and hear nothing of their groups any "
            "more",
            symbol=layer.alias,
            related=[Related(cache.location, "the cache")],
        )

    def _published(self, layer: Layer, address: Address) -> Finding:
        return self.finding(
            address.location,
            f'channel layer "{layer.alias}" has database {address.db}, which keeps nothing apart in pub/sub',
            hint='set a `"prefix"` of this project in CONFIG',
            symptom="clients get what another project on this Redis server sends to a group of the same name",
            symbol=layer.alias,
        )


def _counts_on_number(layer: Layer, address: Address) -> bool:
    return "prefix" not in layer.options and address.db.isdigit() and int(address.db) > 0
