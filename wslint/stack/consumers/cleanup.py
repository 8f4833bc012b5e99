"""What disconnect() of a consumer cleans up: an exception in a handler skips it, for Channels does not call it then."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import calls_within
from wslint.stack.code.callers import own_calls
from wslint.stack.code.classes import Method
from wslint.stack.code.supers import is_super
from wslint.stack.model import Consumer

_IDLE = frozenset(
    "print super getattr hasattr str repr int bool len list dict isinstance type StopConsumer "
    "async_to_sync sync_to_async database_sync_to_async "
    "debug info warning error exception format print_exc format_exc dumps "
    "get items keys values split join strip now time isoformat total_seconds".split()
)
"""Calls that clean nothing up."""

_OWN_IDLE = frozenset({"disconnect", "websocket_disconnect", "close", "send", "send_json"})
"""Those that clean nothing up when they are the consumer's own: an upstream socket's close() does."""

_LOGGERS = frozenset({"logger", "logging", "log", "LOGGER"})
_WORDS = {"group_discard": "group_discard", "cancel": "cancelling of a task"}


def cleanup_of(consumer: Consumer) -> str:
    """In a word, what would be cleaned up when the client leaves; "" when nothing."""
    names = set(_names(consumer))
    for name, word in _WORDS.items():
        if name in names:
            return word
    if consumer.cls.defines("groups"):
        return "leaving of the groups"
    return "cleanup" if names else ""


def _names(consumer: Consumer) -> Iterator[str]:
    """The names of what disconnect() calls, in the methods of the consumer that it calls too."""
    found = [method for name in ("disconnect", "websocket_disconnect") if (method := consumer.method(name))]
    for method in found:  # grows while it is read
        followed = list(own_calls(consumer.cls, method))
        found += [called for _, called in followed if called not in found]
        for call in calls_within(method.node.body):
            if not any(call is one for one, _ in followed) and (name := _called(call, method)):
                yield name


def _called(call: m.Call, method: Method) -> str:
    """The name of what a call runs, in `async_to_sync(self.layer.group_discard)(…)` too; "" when that is idle."""
    func = call.func
    if isinstance(func, m.Call) and func.args:
        func = func.args[0].value
    match func:
        case m.Attribute(value=m.Name(id=owner)) if owner in _LOGGERS:
            return ""
        case m.Attribute(attr=name, value=owner) if name in _OWN_IDLE and _is_own(owner, method):
            return ""
        case m.Attribute(attr=name) | m.Name(id=name):
            return "" if name in _IDLE else name
        case _:
            return ""


def _is_own(owner: m.Expr, method: Method) -> bool:
    """Is it `self` or `super()`?"""
    params = method.node.params
    return is_super(owner) or (isinstance(owner, m.Name) and bool(params) and params[0].name == owner.id)
