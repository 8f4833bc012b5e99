from __future__ import annotations

from collections.abc import Iterator

from wslint.knowledge.channels import GET_CHANNEL_LAYER
from wslint.rule import Finding, Level, Rule
from wslint.stack import Stack
from wslint.stack.code.at_import import calls_at_import, is_read


class LayerAtImport(Rule):
    """The channel layer is got while a module is imported, and kept.

    Why: `get_channel_layer()` gives the layer of the settings as they are when it is called. A layer in a module's
    variable, a class's attribute or a parameter's default stays what it was when the module was imported.

    See: a test with `override_settings(CHANNEL_LAYERS=…)` sends into the old layer and hears nothing; with no layer for
    that alias the name is None for good, `AttributeError: 'NoneType' object has no attribute 'group_send'`.

    Mend: call `get_channel_layer()` where you send. Channels keeps one layer for each alias, so that it costs nothing.

    Bad:
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer

        channel_layer = get_channel_layer()

        def notify(text):
            async_to_sync(channel_layer.group_send)("chat", {"type": "chat.message", "text": text})

    Good:
        from asgiref.sync import async_to_sync
        from channels.layers import get_channel_layer

        def notify(text):
            async_to_sync(get_channel_layer().group_send)("chat", {"type": "chat.message", "text": text})
    """

    code = "WS416"
    name = "layer-at-import"
    level = Level.INFO

    def stack(self, stack: Stack) -> Iterator[Finding]:
        for found in calls_at_import(stack, GET_CHANNEL_LAYER):
            if is_read(stack, found):
                yield self.finding(
                    found.frame.at(found.call),
                    "the channel layer is got while the module is imported, and kept from then on",
                    hint="call get_channel_layer() in the function that sends; it costs nothing",
                    symptom="a test that overrides CHANNEL_LAYERS sends into the old layer and hears nothing",
                    symbol=found.name,
                )
