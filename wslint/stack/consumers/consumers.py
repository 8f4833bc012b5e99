"""Which classes are consumers, and of what kind."""

from __future__ import annotations

from wslint.knowledge import channels as known
from wslint.stack.code.classes import NEUTRAL_BASES, Class
from wslint.stack.model import Consumer
from wslint.stack.project.outside import Outside


def consumer(cls: Class, mounted: bool, outside: Outside) -> Consumer | None:
    """The consumer that a class is, by its bases; `mounted` says that some route uses it with as_asgi()."""
    externals = cls.externals
    library = any(name.startswith(known.LIBRARY_CONSUMER_PACKAGES) for name in externals)
    channels = [name for name in externals if name in known.CHANNELS_CONSUMERS]
    if not channels and (mounted or library):
        inherited = [base for name in externals for base in outside.ancestors(name)]
        channels = [name for name in inherited if name in known.CHANNELS_CONSUMERS]
    if not channels and not library and not (mounted and (not cls.linked or externals)):
        return None
    complete = cls.linked and all(
        name in known.CHANNELS_CONSUMERS or name in NEUTRAL_BASES or name.startswith("typing.") for name in externals
    )
    return Consumer(cls, _kind(channels), _is_async(channels), complete and bool(channels))


def _kind(channels: list[str]) -> str:
    if any(name in known.JSON_WEBSOCKET for name in channels):
        return "json"
    if any(name in known.GENERIC_WEBSOCKET for name in channels):
        return "websocket"
    if any(name in known.HTTP_CONSUMERS for name in channels):
        return "http"
    return "raw" if channels else "library"


def _is_async(channels: list[str]) -> bool | None:
    if any(
        name in known.ASYNC_WEBSOCKET or name in known.HTTP_CONSUMERS or name.endswith(".AsyncConsumer")
        for name in channels
    ):
        return True
    return False if channels else None
