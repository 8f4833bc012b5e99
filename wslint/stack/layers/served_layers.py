"""Which backends the channel layers of a file's project have where it is served."""

from __future__ import annotations

from wslint.discover import mentions
from wslint.stack.layers.memory_layers import choices, served
from wslint.stack.model import Stack


def served_backends(stack: Stack, path: str) -> frozenset[str | None]:
    """The backends of all layers in the settings that servers run with; None in it is one that cannot be read."""
    settings = stack.settings_for(path)
    modules = served(stack, settings) if settings is not None else ()
    return frozenset(choice.backend for module in modules for choice in choices(stack, module))


def says_capacity(stack: Stack) -> bool:
    """Do the settings choose how much a channel holds? Then somebody has thought of it."""
    modules = [module.path for settings in stack.settings for module in settings.modules]
    return bool(mentions(stack.tree, (b"capacity",), modules))
