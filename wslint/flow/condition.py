"""Tests as keys: what a condition says of a name, an attribute or a comparison, so that asking twice is noticed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import children, within
from wslint.flow.state import UNSURE, Exactly, Sure, Truth, Unsure
from wslint.stack.model import Consumer

_OWN = re.compile(r"self\.\w+")


def is_own(fact: tuple[str, Sure]) -> bool:
    """Is a fact about the consumer, and not about a local name of one method?"""
    return fact[0].startswith("self.")


def compared(value: Truth, right: bool | str | int | float | None, same: bool) -> Truth:
    """What `value == right` (or `!=`, when not `same`) is."""
    if isinstance(value, Unsure):
        return UNSURE
    if isinstance(value, Exactly):
        return (value.literal == right and isinstance(right, str) is isinstance(value.literal, str)) is same
    if right is None:
        return (value is None) is same
    if value is None:
        return not same
    if isinstance(right, bool):
        return UNSURE if value is right and right is True else (value is right) is same
    return UNSURE if value else (not same if right else UNSURE)


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


def literal_truth(node: m.Constant) -> Sure:
    """What a literal is as a value."""
    value = node.value
    return value if value is None or isinstance(value, bool) else Exactly(value)


def mentions(key: str, name: str) -> bool:
    return bool(re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", key))


def repeated_tests(node: m.FunctionDef) -> dict[str, int]:
    """Keys worth remembering, with the last line that asks about them: tested twice, or tested after being bound."""
    counts: dict[str, int] = {}
    last: dict[str, int] = {}
    for found in within(node.body):
        test = found.test if isinstance(found, (m.If, m.While, m.Conditional, m.Assert)) else None
        keys = list(tested(test)) if test is not None else []
        keys += [key for key in map(text, _bound(found)) if key is not None]
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
            last[key] = max(last.get(key, 0), found.span.line)
    return {key: last[key] for key, count in counts.items() if count > 1}


def positive(test: m.Expr) -> tuple[m.Expr, bool]:
    """A test without its negation, and whether it was negated: `a not in b` is not `a in b`."""
    match test:
        case m.UnaryOp(op="not"):
            inner, negated = positive(test.operand)
            return inner, not negated
        case m.Compare(op=op) if op in _OPPOSITES:
            return m.Compare(test.span, test.left, _OPPOSITES[op], test.right), True
        case m.Attribute(attr="is_anonymous"):
            return m.Attribute(test.span, test.value, "is_authenticated", test.attr_span), True
        case _:
            return test, False


_OPPOSITES = {"not in": "in", "is not": "is", "!=": "==", ">=": "<", ">": "<="}


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
    """The keys that a test asks about."""
    test, _ = positive(test)
    match test:
        case m.BoolOp():
            yield from tested(test.left)
            yield from tested(test.right)
        case m.Walrus():
            yield from tested(test.target)
        case m.Compare(right=m.Constant()):
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


def defaults(consumer: Consumer) -> frozenset[tuple[str, Sure]]:
    """What tested attributes are before connect(), by the class's own constants."""
    facts: set[tuple[str, Sure]] = set()
    for key in own_tests(consumer):
        name = key.partition(".")[2]
        if name not in consumer.cls.instance_assignments:
            continue  # configuration for subclasses and users, not a flag of this connection
        for cls in consumer.cls.ancestry:
            bindings = cls.scope_inside.bindings.get(name)
            if bindings:
                value = bindings[-1].value
                if len(bindings) == 1 and isinstance(value, m.Constant):
                    facts.add((key, literal_truth(value)))
                break
    return frozenset(facts)


def paths(node: m.Node) -> frozenset[str]:
    """What an expression looks at: names, attributes, items; `*` for a method of the consumer, which hides it."""
    found: set[str] = set()
    work: list[m.Node] = [node]
    while work:
        current = work.pop()
        if isinstance(current, (m.Name, m.Attribute, m.Subscript)):
            key = text(current)
            if key is not None:
                found.add(key)
                continue
        if isinstance(current, m.Call):
            func = current.func
            if isinstance(func, m.Attribute):
                key = text(func.value)
                found.add("*" if key == "self" else key or "*")
            work.extend(arg.value for arg in current.args)
            if not isinstance(func, (m.Name, m.Attribute)):
                work.append(func)
        else:
            work.extend(children(current))
    return frozenset(found - {"self"})


def sources(node: m.FunctionDef) -> dict[str, frozenset[str]]:
    """What each name or attribute that a function binds was computed from."""
    found: dict[str, frozenset[str]] = {}
    for bound in within(node.body):
        match bound:
            case m.Assign() if bound.value is not None:
                targets, value = bound.targets, bound.value
            case m.Walrus():
                targets, value = (bound.target,), bound.value
            case m.For():
                targets, value = (bound.target,), bound.iterable
            case _:
                continue
        for target in targets:
            for key in paths(target):
                found[key] = found.get(key, frozenset()) | paths(value)
    return found


def correlated(left: frozenset[str], right: frozenset[str], computed: dict[str, frozenset[str]]) -> bool:
    """May two conditions depend on one another: do they look at one thing, directly or through what was computed?"""
    left, right = _closure(left, computed), _closure(right, computed)
    if not left or not right:
        return False
    if "*" in left or "*" in right:
        return True
    return any(_overlap(a, b) for a in left for b in right)


def _closure(start: frozenset[str], computed: dict[str, frozenset[str]]) -> frozenset[str]:
    found = set(start)
    work = list(start)
    while work:
        for key in computed.get(work.pop(), ()):
            if key not in found:
                found.add(key)
                work.append(key)
    return frozenset(found)


def _overlap(a: str, b: str) -> bool:
    shorter, longer = sorted((a, b), key=len)
    return longer == shorter or (longer.startswith(shorter) and longer[len(shorter)] in ".[")
