"""Which groups a consumer leaves when its client does: what disconnect() and the methods it mentions discard."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cached_property

from wslint.facts import model as m
from wslint.facts.walk import below, contains, within
from wslint.knowledge.channels import LAYER_METHODS
from wslint.stack.code.classes import Method
from wslint.stack.code.supers import is_super
from wslint.stack.code.text import Pattern
from wslint.stack.code.values import AttributeValue, Frame, SelfValue, argument
from wslint.stack.groups.groups import Groups
from wslint.stack.groups.joining import changes_groups
from wslint.stack.model import Consumer, Send, Stack

_ENDS = {
    "websocket": ("disconnect", "websocket_disconnect"),
    "json": ("disconnect", "websocket_disconnect"),
    "http": ("disconnect", "http_disconnect", "http_request", "handle"),
    "raw": ("websocket_disconnect", "http_disconnect"),
}
"""The methods that run when the client leaves, by kind of consumer; an HTTP consumer can end in its own `finally`."""

_AROUND = frozenset({"__call__", "__del__", "dispatch", "await_many_dispatch", "close"})
"""Methods around all others, where a consumer may clean up too."""


class Leaving:
    """The ways out of one consumer."""

    def __init__(self, stack: Stack, groups: Groups, consumer: Consumer) -> None:
        self.stack = stack
        self.groups = groups
        self.consumer = consumer

    @property
    def method(self) -> Method | None:
        """The project's own disconnect(), or what stands for it."""
        found = (self.consumer.method(name) for name in _ENDS.get(self.consumer.kind, ()))
        return next((method for method in found if method is not None), None)

    @cached_property
    def names(self) -> tuple[Pattern, ...]:
        """The groups that are left on the way out."""
        return tuple(
            {str(one): one for send in self._discards if self._ends(send) for one in self._names(send)}.values()
        )

    def left_in(self, join: Send) -> tuple[Pattern, ...]:
        """The names of a group that a join leads into and nothing leads out of; empty when that is not sure."""
        if not self._is_judged or self._ends(join):
            return ()
        joined = self._names(join)
        out = [name for send in self._discards if self._counts(send, join) for name in self._names(send)]
        out += [name.pattern for name in self.groups.attribute_names(self.consumer)]
        if any(one.unknown or name.unknown or one.could_equal(name) for one in out for name in joined):
            return ()
        return joined

    # --- what is told ---

    @cached_property
    def _is_judged(self) -> bool:
        """Is all of the consumer's way out to be seen, and is it wrong in no other way that another rule tells?"""
        consumer = self.consumer
        if not consumer.complete or consumer.kind not in _ENDS or changes_groups(consumer.cls):
            return False
        if consumer.kind == "raw" and consumer.method("websocket_connect") is None:
            return False  # a worker: its channel is never closed
        if any(self._ends(join) for join in self.stack.joins):
            return False  # WS415
        words = {node.attr for method in self._reached for node in below(method.node) if isinstance(node, m.Attribute)}
        calls = {node.id for method in self._reached for node in below(method.node) if isinstance(node, m.Name)}
        misspelt = any(word.startswith("group") and word not in LAYER_METHODS for word in words - {"groups"})
        return not misspelt and not calls & {"getattr", "vars"}

    def _counts(self, discard: Send, join: Send) -> bool:
        """Does a discard undo a join: on the way out, around everything, later in the same method, or who knows?"""
        inside = discard.inside
        if inside is None or inside.owner not in self.consumer.cls.ancestry:
            return inside is None or inside.owner is None or not self._is_consumer(inside.owner)
        if self._ends(discard) or inside.name in _AROUND or self.consumer.kind == "raw":
            return True
        if "disconnect" in inside.name or get_close_matches(inside.name, ("disconnect",), cutoff=0.75):
            return True  # WS309
        return join.inside is not None and join.inside.node is inside.node and join.call.span < discard.call.span

    def _is_consumer(self, cls: object) -> bool:
        return any(consumer.cls is cls for consumer in self.stack.consumers)

    # --- the way out ---

    @cached_property
    def _discards(self) -> list[Send]:
        return [send for send in self.stack.sends if send.method == "group_discard" and not send.in_tests]

    @cached_property
    def _reached(self) -> list[Method]:
        """The methods that run on the way out, and those that they mention; the ones they override too."""
        cls = self.consumer.cls
        names = [name for name in _ENDS.get(self.consumer.kind, ()) if cls.method(name) is not None]
        found: list[Method] = []
        for name in names:  # grows while it is read
            for method in self._called(name):
                found.append(method)
                names += sorted((_own_names(method) & cls.methods.keys()).difference(names))
        return found

    def _called(self, name: str) -> Iterator[Method]:
        """A method of the consumer, and those of its bases that it calls with `super()` or by the base's name."""
        for cls in self.consumer.cls.ancestry:
            method = cls.own_methods.get(name)
            if method is not None:
                yield method
                if not any(isinstance(node, m.Attribute) and node.attr == name for node in within(method.node.body)):
                    return

    def _ends(self, send: Send) -> bool:
        """Does a call on the layer stand on the way out? One through a function does where that is called."""
        place = send.location
        return any(method.path == place.path and contains(method.node.span, place.span) for method in self._reached)

    def _names(self, send: Send) -> tuple[Pattern, ...]:
        names = self.groups.names(send)
        return tuple(name.pattern for name in names if name.consumer in (None, self.consumer))


def _own_names(method: Method) -> set[str]:
    """What a method and the functions in it mention of `self` and of `super()`."""
    me = method.node.params[0].name if method.node.params else ""
    return {
        node.attr
        for node in below(method.node)
        if isinstance(node, m.Attribute)
        and (is_super(node.value) or (isinstance(node.value, m.Name) and node.value.id == me))
    }


def joins_itself(stack: Stack, call: m.Call, frame: Frame) -> bool:
    """Is it the consumer's own channel that a group_add joins, and not that of somebody else?"""
    channel = argument(call, 1, "channel")
    value = None if channel is None else stack.values.one(channel, frame)
    return isinstance(value, AttributeValue) and value.attr == "channel_name" and isinstance(value.value, SelfValue)
