from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from wslint.rule import Finding, Fix, Level, Related, Rule
from wslint.stack import Settings, SettingsModule, Stack
from wslint.stack.layers.layer_edit import layer_edit
from wslint.stack.layers.layer_uses import LayerUse, layer_uses
from wslint.stack.layers.layers import SETTING, layers_of
from wslint.stack.project.placed import is_example_path


class ChannelLayersMissing(Rule):
    """A channel layer is used and no settings module defines it.

    Why: `get_channel_layer()` does not complain when CHANNEL_LAYERS lacks the alias (or is missing): it gives None, and
    so is `self.channel_layer`.

    See: `AttributeError: 'NoneType' object has no attribute 'group_add'` (HTTP 500 in connect, a dropped socket later),
    `'group_send'` in views and tasks; with `groups = […]` on the consumer `InvalidChannelLayerError: BACKEND is
    unconfigured or doesn't support groups`.

    Mend: define the alias in CHANNEL_LAYERS, with channels_redis in production.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        ASGI_APPLICATION = "config.asgi.application"
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            async def connect(self):
                await self.channel_layer.group_add("chat", self.channel_name)
                await self.accept()

            async def disconnect(self, code):
                await self.channel_layer.group_discard("chat", self.channel_name)

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne"]
        ASGI_APPLICATION = "config.asgi.application"
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        # chat/consumers.py
        from channels.generic.websocket import AsyncWebsocketConsumer

        class Chat(AsyncWebsocketConsumer):
            async def connect(self):
                await self.channel_layer.group_add("chat", self.channel_name)
                await self.accept()

            async def disconnect(self, code):
                await self.channel_layer.group_discard("chat", self.channel_name)
    """

    code = "WS701"
    name = "channel-layers-missing"
    level = Level.ERROR

    def stack(self, stack: Stack) -> Iterator[Finding]:
        by_settings: dict[int, list[LayerUse]] = {}
        for use in layer_uses(stack):
            settings = stack.settings_for(use.location.path)
            if settings is not None:
                by_settings.setdefault(id(settings), []).append(use)
        for settings in stack.settings:
            defined = _defined(stack, settings)
            if defined is None:
                continue
            missing: dict[str, list[LayerUse]] = {}
            for use in by_settings.get(id(settings), []):
                if use.alias not in defined:
                    missing.setdefault(use.alias, []).append(use)
            for alias, uses in sorted(missing.items()):
                yield self._missing(alias, uses, settings, bool(defined))

    def _missing(self, alias: str, uses: list[LayerUse], settings: Settings, defined: bool) -> Finding:
        uses.sort(key=lambda use: (not use.joins, use.location))
        first = uses[0]
        lacks = f'CHANNEL_LAYERS has no "{alias}"' if defined else "no settings module defines CHANNEL_LAYERS"
        where = [Related(module.location, "this is a settings module") for module in settings.serving[:1]]
        others = [Related(use.location, "needs it too") for use in uses[1:4]]
        edit = layer_edit(settings, alias)
        return self.finding(
            first.location,
            f"{first.what} needs a channel layer, and {lacks}",
            hint=f'define CHANNEL_LAYERS["{alias}"] in the settings',
            symptom="HTTP 500 or a dropped socket: AttributeError: 'NoneType' object has no attribute 'group_add' "
            "(InvalidChannelLayerError with `groups`)",
            symbol=alias,
            related=[*others, *where],
            fix=Fix((edit,), safe=False, title=f'define CHANNEL_LAYERS["{alias}"]') if edit is not None else None,
        )


def _defined(stack: Stack, settings: Settings) -> set[str] | None:
    """The aliases that the serving settings modules define; None when that cannot be known, or nothing is served."""
    serving = [module for module in settings.serving if not is_example_path(module.path)]
    if not any({"INSTALLED_APPS", "ROOT_URLCONF"} & module.names for module in serving):
        return None
    aliases: set[str] = set()
    for module in serving:
        layers = layers_of(stack, module)
        if not module.complete or not layers.complete or _is_misspelt(module):
            return None
        aliases |= layers.aliases
    return aliases


def _is_misspelt(module: SettingsModule) -> bool:
    """Is the setting there under a wrong name? Another rule says so."""
    return SETTING not in module.names and bool(get_close_matches(SETTING, module.names, 1, 0.85))
