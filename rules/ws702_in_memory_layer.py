from __future__ import annotations

from collections.abc import Iterator

from wslint.rule import Finding, Level, Location, Related, Rule
from wslint.stack import Settings, SettingsModule, facts
from wslint.stack.execution.beside import others
from wslint.stack.layers.layer_uses import layer_uses
from wslint.stack.layers.layers import SETTING
from wslint.stack.layers.memory_layers import Choice, choices, served


class InMemoryLayer(Rule):
    """InMemoryChannelLayer is what the served settings choose, and one process is not all there is.

    Why: the groups and messages of this layer are objects in the memory of one process. A second worker, a replica, a
    Celery worker or a management command has a layer of its own, which is empty.

    See: nothing fails. Of a broadcast with four workers about half of the clients hear something; what a task or a
    command sends reaches nobody, `group_send` returns as always, and no log says so.

    Mend: use `channels_redis.core.RedisChannelLayer` (or another layer that processes share) where the project is
    served, and keep InMemoryChannelLayer for tests and development.

    Bad:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "chat"]
        CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        # chat/tasks.py
        from asgiref.sync import async_to_sync
        from celery import shared_task
        from channels.layers import get_channel_layer

        @shared_task
        def announce(text):
            async_to_sync(get_channel_layer().group_send)("chat", {"type": "chat.message", "text": text})

    Good:
        # config/settings.py
        INSTALLED_APPS = ["daphne", "chat"]
        CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [{"address": "redis://redis:6379/0", "socket_timeout": None}]},
            },
        }
        # chat/tasks.py
        from asgiref.sync import async_to_sync
        from celery import shared_task
        from channels.layers import get_channel_layer

        @shared_task
        def announce(text):
            async_to_sync(get_channel_layer().group_send)("chat", {"type": "chat.message", "text": text})
    """

    code = "WS702"
    name = "in-memory-layer"
    level = Level.WARNING

    def settings(self, settings: Settings) -> Iterator[Finding]:
        stack = settings.stack
        used = {use.alias for use in layer_uses(stack) if stack.settings_for(use.location.path) is settings}
        told: set[Location] = set()
        for module in served(stack, settings):
            for choice in _surely_in_memory(settings, module):
                if choice.alias in used and choice.option.location not in told:
                    told.add(choice.option.location)
                    yield self._found(settings, module, choice)

    def _found(self, settings: Settings, module: SettingsModule, choice: Choice) -> Finding:
        beside = list(others(settings, module))
        if beside:
            reason = f"and {beside[0][0]} in another process"
            if "workers" in beside[0][0]:
                reason = f"and {beside[0][0]}"
        elif module.purpose == "production":
            reason = "in settings for production"
        else:
            reason = "whose groups end at this process"
        return self.finding(
            choice.option.location,
            f'channel layer "{choice.alias}" is InMemoryChannelLayer, {reason}',
            hint="use channels_redis.core.RedisChannelLayer where the project is served",
            symptom="group_send reaches only the sockets of its own process: other clients hear nothing, and no error "
            "or log tells of it",
            level=Level.WARNING if beside or module.purpose == "production" else Level.INFO,
            symbol=choice.alias,
            related=[Related(location, f"{what}") for what, location in beside[:3]],
        )


def _surely_in_memory(settings: Settings, module: SettingsModule) -> Iterator[Choice]:
    """The layers that have this backend whatever the conditions and the environment are."""
    if not module.complete or any(
        setting.conditional or isinstance(setting.frame.scope.node, facts.ClassDef) for setting in module.get(SETTING)
    ):
        return
    if any(conditional and SETTING in base.names for base, _, conditional in module.stars):
        return
    found = list(choices(settings.stack, module))
    for choice in found:
        if all(other.is_memory for other in found if other.alias == choice.alias):
            yield choice
