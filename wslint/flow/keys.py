"""Expressions as keys: what a condition says of a name, an attribute or a comparison, so that asking twice is noticed.

In a key the consumer is always called `self`, whatever the method calls its first parameter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import children, within
from wslint.flow.truth import Sure

HIDDEN = "*"
"""Among what an expression looks at: something that a method of the consumer hides."""


def is_own(fact: tuple[str, Sure]) -> bool:
    """Is a fact about the consumer, and not about a local name of one method?"""
    return fact[0].startswith("self.")


def mentions(key: str, name: str) -> bool:
    return name in key and bool(re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", key))


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


class Keys:
    """The keys of one function, in which the consumer has a name (or none)."""

    def __init__(self, self_name: str | None) -> None:
        self.self_name = self_name

    def text(self, node: m.Expr) -> str | None:
        """Names, attributes, subscripts and comparisons with literals; None for others."""
        match node:
            case m.Name():
                if node.id == self.self_name:
                    return "self"
                return "self'" if node.id == "self" else node.id
            case m.Attribute():
                inner = self.text(node.value)
                return None if inner is None else f"{inner}.{node.attr}"
            case m.Constant():
                return repr(node.value)
            case m.Subscript():
                inner, index = self.text(node.value), self.text(node.index)
                return None if inner is None or index is None else f"{inner}[{index}]"
            case m.Compare():
                left, right = self.text(node.left), self.text(node.right)
                return None if left is None or right is None else f"{left} {node.op} {right}"
            case m.Walrus():
                return self.text(node.target)
            case _:
                return None

    def tested(self, test: m.Expr) -> Iterator[str]:
        """The keys that a test asks about."""
        test, _ = positive(test)
        match test:
            case m.BoolOp():
                yield from self.tested(test.left)
                yield from self.tested(test.right)
            case m.Compare(right=m.Constant()):
                yield from self.tested(test.left)
                key = self.text(test)
                if key is not None:
                    yield key
            case _:
                key = self.text(test)
                if key is not None:
                    yield key

    def repeated(self, node: m.FunctionDef) -> dict[str, int]:
        """Keys worth remembering, with the last line that asks about them: tested twice, or tested after binding."""
        counts: dict[str, int] = {}
        last: dict[str, int] = {}
        for found in within(node.body):
            keys = [key for test in tests(found) for key in self.tested(test)]
            keys += [key for key in map(self.text, _bound(found)) if key is not None]
            for key in keys:
                counts[key] = counts.get(key, 0) + 1
                last[key] = max(last.get(key, 0), found.span.line)
        return {key: last[key] for key, count in counts.items() if count > 1}

    def paths(self, node: m.Node) -> frozenset[str]:
        """What an expression looks at: names, attributes, items; HIDDEN for a method of the consumer."""
        found: set[str] = set()
        work: list[m.Node] = [node]
        while work:
            current = work.pop()
            if isinstance(current, (m.Name, m.Attribute, m.Subscript)):
                key = self.text(current)
                if key is not None:
                    found.add(key)
                    continue
            if isinstance(current, m.Call):
                func = current.func
                if isinstance(func, m.Attribute):
                    key = self.text(func.value)
                    found.add(HIDDEN if key == "self" else key or HIDDEN)
                work.extend(arg.value for arg in current.args)
                if not isinstance(func, (m.Name, m.Attribute)):
                    work.append(func)
            else:
                work.extend(children(current))
        return frozenset(found - {"self"})

    def computed(self, node: m.FunctionDef) -> dict[str, frozenset[str]]:
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
                for key in self.paths(target):
                    found[key] = found.get(key, frozenset()) | self.paths(value)
        return found


def tests(node: m.Node) -> tuple[m.Expr, ...]:
    """The tests that a node makes."""
    match node:
        case m.If() | m.While() | m.Conditional() | m.Assert():
            return (node.test,)
        case m.Match():
            made = (test for case in node.cases for test in (compared_to(node.subject, case), case.guard))
            return (node.subject, *(test for test in made if test is not None))
        case m.Generator():
            return node.tests
        case _:
            return ()


def compared_to(subject: m.Expr, case: m.Case) -> m.Compare | None:
    """`case "literal"` as a comparison."""
    pattern = case.pattern
    return m.Compare(pattern.span, subject, "==", pattern) if isinstance(pattern, m.Constant) else None


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


def correlated(left: frozenset[str], right: frozenset[str], computed: dict[str, frozenset[str]]) -> bool:
    """May two conditions depend on one another: do they look at one thing, directly or through what was computed?"""
    left, right = _closure(left, computed), _closure(right, computed)
    if not left or not right:
        return False
    if HIDDEN in left or HIDDEN in right:
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
