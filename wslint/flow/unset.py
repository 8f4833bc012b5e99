"""Attributes of a consumer that a path reads without having set them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import below, calls_within, contains, within
from wslint.flow.occurrence import Flow, Occurrence
from wslint.flow.state import CLOSED, State
from wslint.stack.code.classes import Class, assignments
from wslint.stack.model import Consumer

BY_NAME = frozenset({"setattr", "__dict__", "vars"})
"""Names with which attributes are set that cannot be seen."""


def is_readable(consumer: Consumer) -> bool:
    """Are all attributes of a consumer set where one can see it?"""
    if not consumer.is_websocket or not consumer.complete or consumer.is_abstract or consumer.dispatches_itself:
        return False
    return not any(
        (isinstance(node, m.Name) and node.id in BY_NAME) or (isinstance(node, m.Attribute) and node.attr in BY_NAME)
        for cls in consumer.cls.ancestry
        for node in below(cls.node)
    )


def unset_reads(consumer: Consumer, flow: Flow) -> Iterator[tuple[Occurrence, tuple[State, ...]]]:
    """The reads of a flow that may come before the attribute is set, with the states in which it is not.

    Left out are attributes that the project sets nowhere, or has a default for, and reads whose failure is caught.
    """
    nested = _set_in_nested(consumer.cls)
    for read in flow.of("read"):
        if read.guarded or read.name not in consumer.cls.instance_assignments or read.name in nested:
            continue
        if has_default(consumer.cls, read.name):
            continue
        missing = tuple(state for state in read.before if not state.has(read.name) and not state.doubtful)
        if missing:
            yield read, missing


def has_default(cls: Class, name: str) -> bool:
    """Does a class or a project base of it define an attribute? An annotation alone does not."""
    return any(
        not (isinstance(binding.source, m.Assign) and binding.source.value is None)
        for base in cls.ancestry
        for binding in base.scope_inside.bindings.get(name, ())
    )


def leaves_before(function: m.FunctionDef, node: m.Node) -> bool:
    """Does a function return before a node on some condition, which may be the one that matters?"""
    return any(
        isinstance(found, m.Return) and found.span < node.span and not contains(found.span, node.span)
        for found in within(function.body)
    )


@dataclass(frozen=True)
class Failure:
    """A read at which some paths of a flow end, and the later ones that would fail there as well."""

    read: Occurrence
    start: State
    """A beginning of the flow that ends there; the socket is closed if that can be."""
    others: tuple[Occurrence, ...]


def failures(consumer: Consumer, flow: Flow) -> Iterator[Failure]:
    """Where a flow surely fails on an attribute: for each way to begin it, the read that comes first as it runs."""
    sure: dict[str, Occurrence] = {}
    for read, _ in sorted(unset_reads(consumer, flow), key=lambda found: found[0].order):
        if not read.conditions and not leaves_before(read.method.node, read.node):
            sure.setdefault(read.name, read)
    firsts: dict[str, list[State]] = {}
    later: dict[str, set[str]] = {}
    for start in flow.starts:
        failing = [name for name in sure if not start.has(name)]
        if failing and not start.doubtful:
            firsts.setdefault(failing[0], []).append(start)
            later.setdefault(failing[0], set()).update(failing[1:])
    for name, starts in firsts.items():
        start = max(starts, key=lambda state: state.socket == CLOSED)
        others = [sure[other] for other in sure if other in later[name] and other not in firsts]
        yield Failure(sure[name], start, tuple(others))


def handed_over(cls: Class) -> frozenset[str]:
    """Methods that are arguments of some call: tasks, callbacks."""
    return frozenset(
        node.attr
        for method in cls.methods.values()
        for call in calls_within(method.node.body)
        for argument in call.args
        for node in within((argument.value,))
        if isinstance(node, m.Attribute) and node.attr in cls.methods
    )


def asks_first(flow: Flow, read: Occurrence) -> bool:
    """Does a test on the way ask the consumer something: its user, its state, one of its methods?"""
    tests = list(read.conditions)
    for method, node in ((flow.method, read.outer), (read.method, read.node)):
        for found in within(method.node.body):
            if isinstance(found, m.If) and found.span < node.span and _leaves(found):
                tests.append(found.test)
    bodies = (flow.method.node, read.method.node)
    return any(_asks(test, bodies) for test in tests)


def _leaves(node: m.If) -> bool:
    arms = (*node.body, *node.orelse)
    return any(isinstance(inner, (m.Return, m.Raise, m.Jump)) for inner in within(arms))


def _asks(test: m.Node, functions: tuple[m.FunctionDef, ...]) -> bool:
    """Does a test look at the consumer, directly or through what was computed before?"""
    selves = {function.params[0].name for function in functions if function.params}
    bound: dict[str, list[m.Expr]] = {}
    for function in functions:
        for _, target, value in assignments(function.body):
            if isinstance(target, m.Name) and value is not None:
                bound.setdefault(target.id, []).append(value)
    work: list[m.Node] = [test]
    seen: set[str] = set()
    while work:
        for node in within((work.pop(),)):
            if isinstance(node, m.Name) and node.id not in seen:
                if node.id in selves:
                    return True
                seen.add(node.id)
                work.extend(bound.get(node.id, ()))
    return False


def _set_in_nested(cls: Class) -> frozenset[str]:
    """Attributes that functions inside methods set: when those run is not followed."""
    return frozenset(
        target.attr
        for base in cls.ancestry
        for method in base.own_methods.values()
        for inner in within(method.node.body)
        if isinstance(inner, m.FunctionDef)
        for node in below(inner)
        if isinstance(node, (m.Assign, m.AugmentedAssign))
        for target in (node.targets if isinstance(node, m.Assign) else (node.target,))
        if isinstance(target, m.Attribute)
    )
