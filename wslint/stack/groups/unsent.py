"""Which event handlers no send of the project can mean."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cached_property

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.stack.code.classes import Method
from wslint.stack.code.fetched import may_be_fetched
from wslint.stack.code.text import Pattern
from wslint.stack.model import Consumer, Send, Stack


class Sent:
    """The types of all events that the project sends, its tests included."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    @cached_property
    def _sends(self) -> list[Send]:
        sends = [send for send in self.stack.sends if send.method in ("group_send", "send") and send.event is not None]
        seen_through = {id(send.call) for send in sends if send.through is not None}
        return [send for send in sends if not (send.through is None and id(send.call) in seen_through)]

    @property
    def is_known(self) -> bool:
        """Does the project send events, and is the type of each known, in part at least?"""
        return bool(self._sends) and all(not pattern.unknown for pattern in self._patterns)

    @cached_property
    def _patterns(self) -> list[Pattern]:
        """What the types of events are that are not plain texts."""
        return [pattern for send in self._sends for pattern in _patterns(self.stack, send)]

    @cached_property
    def handled(self) -> frozenset[str]:
        """The methods that the types name which are plain texts."""
        return frozenset(
            re.sub(r"\W", "_", kind) for send in self._sends if send.event for kind in send.event.types if kind
        )

    def lacks(self, consumer: Consumer, method: Method) -> bool:
        """Is a handler's event surely never sent, nor the method called, and no sender misspells it (WS401, WS403)?"""
        name = method.name
        if name in self.handled or may_be_fetched(consumer.cls, name, self.stack.texts):
            return False
        wanted = Pattern((name,), method.node, method.frame)
        if any(pattern.could_equal(wanted) or pattern.could_equal(_dotted(wanted)) for pattern in self._patterns):
            return False
        consumers = self.stack.consumers
        lost = [kind for kind in self.handled if not any(one.handles(kind) is not False for one in consumers)]
        return not get_close_matches(name, lost, n=1, cutoff=0.75) and not self._is_written(method)

    def _is_written(self, method: Method) -> bool:
        """Does any Python file say the name but to define it, with underscores or with dots?"""
        name = method.name.encode()
        said = re.compile(rb"(?<!\w)(def\s+)?" + name.replace(b"_", b"[_.]") + rb"(?!\w)")
        sources = mentions(self.stack.tree, [name, name.replace(b"_", b".")]).values()
        return any(not defined for source in sources for defined in said.findall(source))


def reads_parameter(method: Method) -> bool:
    """Does a method take something out of its parameter as out of a dict (`event["key"]`, `event.get(…)`)?"""
    name = method.node.params[1].name
    return any(
        (isinstance(node, m.Subscript) and _is(node.value, name))
        or (isinstance(node, m.Attribute) and node.attr == "get" and _is(node.value, name))
        for node in within(method.node.body)
    )


def _is(node: m.Node, name: str) -> bool:
    return isinstance(node, m.Name) and node.id == name


def _patterns(stack: Stack, send: Send) -> list[Pattern]:
    event = send.event
    if event is None or (None not in event.types and event.types):
        return []
    if event.type_node is None:
        return [] if event.complete else [Pattern((), event.node, event.frame)]
    return [pattern for pattern in stack.texts.of(event.type_node, event.frame) if pattern.literal is None]


def _dotted(pattern: Pattern) -> Pattern:
    return Pattern((str(pattern).replace("_", "."),), pattern.node, pattern.frame)
