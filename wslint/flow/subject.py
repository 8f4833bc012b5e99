"""The consumer that is walked, and what its code says whatever the path: asked once, kept for every walk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from wslint.facts import model as m
from wslint.facts.walk import below, within
from wslint.flow.decorators import Decorated
from wslint.flow.holders import NO_SELF, Holders
from wslint.flow.keys import Keys, tests
from wslint.flow.truth import Sure, literal_truth
from wslint.stack.code.classes import Method
from wslint.stack.code.values import Values
from wslint.stack.model import Consumer, Stack

END = 1 << 60
"""A line behind every other."""


@dataclass(eq=False)
class Code:
    """A function body as it is read with the consumer under one name."""

    keys: Keys
    asked: dict[str, int]
    """Keys that some test asks again, with the last line that does."""
    computed: dict[str, frozenset[str]]
    flags: frozenset[str]
    """The parameters that are tested."""
    generates: bool
    outward: frozenset[str]
    """Names around it that it binds (`nonlocal`)."""
    nested: dict[str, m.FunctionDef]


class Subject:
    """A consumer under study."""

    def __init__(self, stack: Stack, consumer: Consumer) -> None:
        self.stack = stack
        self.consumer = consumer
        self.values: Values = stack.values
        self.holders = Holders(self.values, consumer)
        self.sends = _sends_by_call(stack)
        self.runs: dict[int, Decorated] = {}
        self.steps = 0  # of all walks together
        self._touching: dict[int, bool] = {}
        self._codes: dict[tuple[int, str | None], Code] = {}

    def code(self, node: m.FunctionDef, self_name: str | None) -> Code:
        key = (id(node), self_name)
        found = self._codes.get(key)
        if found is None:
            keys = Keys(self_name)
            inner = list(within(node.body))
            found = self._codes[key] = Code(
                keys,
                {**keys.repeated(node), **dict.fromkeys(self.flags, END)},
                keys.computed(node),
                frozenset(key for one in inner for test in tests(one) for key in keys.tested(test))
                & {param.name for param in node.params},
                any(isinstance(one, m.Yield) for one in inner),
                frozenset(name for one in inner if isinstance(one, m.Scoped) for name in one.names),
                {one.name: one for one in inner if isinstance(one, m.FunctionDef)},
            )
        return found

    def touches(self, node: m.FunctionDef) -> bool:
        """May a function, or what it calls, do something to the socket? By the words in it."""
        if id(node) not in self._touching:
            self._touching[id(node)] = self._touches(node)
        return self._touching[id(node)]

    def _touches(self, node: m.FunctionDef) -> bool:
        work, seen = [node], {node}
        while work:
            for found in below(work.pop()):
                match found:
                    case m.Attribute(attr=name) if name in _ACTS:
                        return True
                    case m.Attribute(attr=name):
                        method = self.consumer.method(name)
                        if method is not None and method.node not in seen:
                            seen.add(method.node)
                            work.append(method.node)
                    case m.Argument(value=m.Name(id="self")) | m.Raise():
                        return True
                    case _:
                        pass
        return False

    @cached_property
    def flags(self) -> frozenset[str]:
        """Attributes that the consumer sets and that some method tests (`self.admitted`), as keys."""
        asked: set[str] = set()
        for method in self.consumer.methods.values():
            keys = Keys(self_name_of(method))
            for node in within(method.node.body):
                asked.update(key for test in tests(node) for key in keys.tested(test))
        return frozenset(asked & {f"self.{name}" for name in self.consumer.cls.instance_assignments})

    @cached_property
    def defaults(self) -> frozenset[tuple[str, Sure]]:
        """What the flags are before connect(), by the class's own constants."""
        facts: set[tuple[str, Sure]] = set()
        for key in self.flags:
            name = key.partition(".")[2]
            for cls in self.consumer.cls.ancestry:
                bindings = cls.scope_inside.bindings.get(name)
                if bindings:
                    value = bindings[-1].value
                    if len(bindings) == 1 and isinstance(value, m.Constant):
                        facts.add((key, literal_truth(value)))
                    break
        return frozenset(facts)


def self_name_of(method: Method) -> str | None:
    """The name of the consumer in a method; None for a static or class method."""
    params = method.node.params
    static = any(isinstance(found, m.Name) and found.id in NO_SELF for found in method.node.decorators)
    return params[0].name if params and not static and params[0].kind.startswith("positional") else None


_ACTS = frozenset({"accept", "close", "base_send", "send", "dispatch", "connect", "getattr"})


def _sends_by_call(stack: Stack) -> dict[int, str]:
    found: dict[int, str] | None = stack.__dict__.get("sends_by_call")
    if found is None:
        found = stack.__dict__["sends_by_call"] = {
            id(send.call): "channel_send" if send.method == "send" else send.method for send in stack.sends
        }
    return found
