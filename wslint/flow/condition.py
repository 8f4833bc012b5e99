"""Tests as keys: what a condition says of a name, an attribute or a comparison, so that asking twice is noticed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.flow.state import UNSURE, State, Truth, Unsure
from wslint.stack.model import Consumer

_OWN = re.compile(r"self\.\w+")


def outer_facts(state: State, before: list[State]) -> frozenset[tuple[str, bool | None]]:
    """Facts of the caller that a helper cannot have changed, and facts about attributes."""
    local = {fact for earlier in before for fact in earlier.facts if "." not in fact[0]}
    return frozenset(fact for fact in state.facts if "." in fact[0] or fact in local)


def compared(value: Truth, right: bool | None, same: bool) -> Truth:
    if isinstance(value, Unsure):
        return UNSURE
    if right is None:
        return (value is None) is same
    if value is None:
        return not same
    return UNSURE if value is right and right is True else (value is right) is same


def text(node: m.Expr) -> str | None:
    """An expression as a key: names, attributes, subscripts and comparisons with literals; None for others."""
    match node:
        case m.Name():
            return node.id
        case m.Attribute():
            inner = text(node.value)
            return None if inner is None else f"{inner}.{node.attr}"
        case m.Constant():
            return repr(node.value)
        case m.Subscript():
            inner, index = text(node.value), text(node.index)
            return None if inner is None or index is None else f"{inner}[{index}]"
        case m.Compare():
            left, right = text(node.left), text(node.right)
            return None if left is None or right is None else f"{left} {node.op} {right}"
        case _:
            return None


def mentions(key: str, name: str) -> bool:
    return bool(re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", key))


def repeated_tests(node: m.FunctionDef) -> frozenset[str]:
    """Keys worth remembering: what is tested more than once, and names that are tested at all after being assigned."""
    counts: dict[str, int] = {}
    for found in within(node.body):
        test = found.test if isinstance(found, (m.If, m.While, m.Conditional, m.Assert)) else None
        for key in tested(test) if test is not None else ():
            counts[key] = counts.get(key, 0) + 1
        for place in _bound(found):
            bound = text(place)
            if bound is not None:
                counts[bound] = counts.get(bound, 0) + 1
    return frozenset(key for key, count in counts.items() if count > 1)


def _bound(node: m.Node) -> tuple[m.Expr, ...]:
    """What a statement binds or returns."""
    match node:
        case m.Assign():
            return node.targets
        case m.Walrus():
            return (node.target,)
        case m.Return() if node.value is not None:
            return (node.value,)
        case _:
            return ()


def tested(test: m.Expr) -> Iterator[str]:
    match test:
        case m.UnaryOp(op="not"):
            yield from tested(test.operand)
        case m.BoolOp():
            yield from tested(test.left)
            yield from tested(test.right)
        case m.Walrus():
            yield from tested(test.target)
        case m.Compare(right=m.Constant(value=None | bool())):
            yield from tested(test.left)
            key = text(test)
            if key is not None:
                yield key
        case _:
            key = text(test)
            if key is not None:
                yield key


def own_tests(consumer: Consumer) -> frozenset[str]:
    """Attributes of the consumer that some method tests (`self.admitted`), as keys."""
    found: set[str] = set()
    for method in consumer.methods.values():
        for node in within(method.node.body):
            test = node.test if isinstance(node, (m.If, m.While, m.Conditional)) else None
            found.update(key for key in (tested(test) if test is not None else ()) if _OWN.fullmatch(key))
    return frozenset(found)


def defaults(consumer: Consumer) -> frozenset[tuple[str, bool | None]]:
    """What tested attributes are before connect(), by the class's own constants."""
    facts: set[tuple[str, bool | None]] = set()
    for key in own_tests(consumer):
        name = key.partition(".")[2]
        for cls in consumer.cls.ancestry:
            bindings = cls.scope_inside.bindings.get(name)
            if bindings:
                value = bindings[-1].value
                if len(bindings) == 1 and isinstance(value, m.Constant):
                    facts.add((key, None if value.value is None else bool(value.value)))
                break
    return frozenset(facts)
