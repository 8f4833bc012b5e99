from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import CORE_LAYER, PUBSUB_LAYER
from wslint.rule import Edit, Finding, Fix, Level, Location, Rule
from wslint.stack import Settings
from wslint.stack.layers.layers import Layer, layers_of
from wslint.stack.layers.redis_tls import TlsFault, tls_faults


class RedisTls(Rule):
    """TLS options that the connection to Redis does not take, or a plain URL for a port that speaks TLS only.

    Why: the keys of a host become arguments of redis-py's connection, and so do the parameters of its URL. What turns
    TLS on is the scheme `rediss://`; `ssl_…` options belong to that alone, and there is no option `ssl`.

    See: every use of the layer raises, `TypeError: AbstractConnection.__init__() got an unexpected keyword argument
    'ssl'` or `RedisError: Invalid SSL Certificate Requirements Flag: CERT_NONE`; websockets that join a group end in
    HTTP 500 or drop. A plain URL to a TLS port: `ConnectionError: Connection closed by server`.

    Mend: `{"address": "rediss://…", "ssl_cert_reqs": "required"}`; `"none"` for certificates that nobody signed.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {
                    "hosts": [{"address": "rediss://redis.example.com:6380/0", "ssl": True, "socket_timeout": None}],
                },
            },
        }

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [{"address": "rediss://redis.example.com:6380/0", "socket_timeout": None}]},
            },
        }
    """

    code = "WS713"
    name = "redis-tls"
    level = Level.ERROR

    def settings(self, settings: Settings) -> Iterator[Finding]:
        stack = settings.stack
        if stack.packages.surely_below("channels-redis", "4"):
            return
        told: set[Location] = set()
        for module in settings.modules:
            for layer in layers_of(stack, module).layers:
                backends = set(layer.backends(stack))
                if not backends or not backends <= {CORE_LAYER, PUBSUB_LAYER}:
                    continue
                for fault in tls_faults(stack, layer):
                    if fault.location not in told:
                        told.add(fault.location)
                        yield self._fault(layer, fault)

    def _fault(self, layer: Layer, fault: TlsFault) -> Finding:
        fix = None
        if fault.mended is not None:
            fix = Fix((Edit(fault.location, fault.mended),), safe=True, title=f"write {fault.mended}")
        return self.finding(
            fault.location,
            f'channel layer "{layer.alias}" {fault.what}',
            hint=fault.hint,
            symptom=f"every use of the layer raises, and websockets that join a group end in HTTP 500: {fault.raised}",
            symbol=layer.alias,
            fix=fix,
        )
