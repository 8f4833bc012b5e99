"""What disconnect() of a consumer cleans up: an exception in a handler skips it, for Channels does not call it then."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.facts.walk import calls_within
from wslint.stack.callers import own_calls
from wslint.stack.classes import Method
from wslint.stack.model import Consumer

_IDLE = frozenset(
    "print super disconnect close send send_json getattr hasattr str len isinstance async_to_sync StopConsumer "
    "debug info warning error exception format websocket_disconnect".split()
)
"""Calls that clean nothing up."""

_LOGGERS = frozenset({"logger", "logging", "log", "LOGGER"})
_WORDS = {"group_discard": "group_discard", "cancel": "cancelling of a task"}


def cleanup_of(consumer: Consumer) -> str:
    """In a word, what would be cleaned up when the client leaves; "" when nothing."""
    names = [
        name for method in _methods(consumer) for call in calls_within(method.node.body) if (name := _called(call))
    ]
    for name, word in _WORDS.items():
        if name in names:
            return word
    if consumer.cls.defines("groups"):
        return "leaving of the groups"
    return "cleanup" if names else ""


def _methods(consumer: Consumer) -> list[Method]:
    """disconnect() and the methods of the consumer that it calls."""
    found = [method for name in ("disconnect", "websocket_disconnect") if (method := consumer.method(name))]
    for method in found:  # grows while it is read
        found += [called for _, called in own_calls(consumer.cls, method) if called not in found]
    return found


def _called(call: m.Call) -> str:
    match call.func:
        case m.Attribute(value=m.Name(id=owner)) if owner in _LOGGERS:
            return ""
        case m.Attribute(attr=name) | m.Name(id=name):
            return "" if name in _IDLE else name
        case _:
            return ""
