from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import CORE_LAYER, MEMORY_LAYER
from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Settings, Stack
from wslint.stack.groups.membership import SocketLife, is_renewed, seconds_of, socket_life
from wslint.stack.layers.layer_uses import layer_uses
from wslint.stack.layers.layers import Layer, layers_of


class GroupExpiryTooShort(Rule):
    """A `group_expiry` that ends before the sockets do.

    Why: the layer takes a channel out of its groups `group_expiry` seconds after group_add, whether its socket is open
    or not; the default, 86400, is the total life of a socket under daphne (`--websocket_timeout`). The option is no
    time-out of idle connections or of messages (that is `expiry`).

    See: sockets that are open longer than this stay open, and hear nothing of their groups any more: no error, no log,
    no close. A reload of the page mends it for as long again.

    Mend: leave it out, or let daphne end sockets earlier than that (`--websocket_timeout`).

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {
                    "hosts": [{"address": "redis://redis:6379/0", "socket_timeout": None}],
                    "group_expiry": 900,
                },
            },
        }
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            groups = ["chat"]

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [{"address": "redis://redis:6379/0", "socket_timeout": None}]},
            },
        }
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            groups = ["chat"]
    """

    code = "WS708"
    name = "group-expiry-too-short"
    level = Level.WARNING

    def settings(self, settings: Settings) -> Iterator[Finding]:
        stack = settings.stack
        life = socket_life(settings)
        if life is None or is_renewed(stack):
            return
        grouped = {
            use.alias for use in layer_uses(stack) if use.joins and stack.settings_for(use.location.path) is settings
        }
        told: set[Location] = set()
        for module in settings.serving:
            for layer in layers_of(stack, module).layers if module.purpose != "development" else ():
                for finding in self._layer(stack, layer, life) if layer.alias in grouped else ():
                    if finding.location not in told:
                        told.add(finding.location)
                        yield finding

    def _layer(self, stack: Stack, layer: Layer, life: SocketLife) -> Iterator[Finding]:
        if not set(layer.backends(stack)) <= {CORE_LAYER, MEMORY_LAYER}:
            return
        for option in layer.options.get("group_expiry", ()):
            seconds = seconds_of(stack, option.expr, option.frame)
            if seconds is None or seconds >= life.seconds:
                continue
            said = life.process
            yield self.finding(
                option.location,
                f'channel layer "{layer.alias}" forgets who is in a group after {_shown(seconds)}, and sockets live '
                f"up to {_shown(life.seconds)}",
                hint="leave group_expiry out (86400), or end sockets earlier with daphne's --websocket_timeout",
                symptom=f"a socket that is open longer than {_shown(seconds)} stays open and hears nothing of its "
                "groups any more; no error, no log",
                symbol=layer.alias,
                related=[Related(said.location, "how long sockets live is said here")] if said is not None else [],
            )


def _shown(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds // size:g} {unit}"
    return f"{seconds:g} s"
