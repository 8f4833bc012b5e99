"""Does the code look at a part of the client's message before it takes a key out of it?

It looks when it tests for the key, sets it, gives the message (or more of it) to something that validates, or matches
it against patterns; in the function itself, in its callers before the call, or in a function that is given the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import contains, within
from wslint.stack.client.clientinput import ClientInput, Input
from wslint.stack.code.guarded import NO_KEY, NOT_JSON
from wslint.stack.code.values import ClassValue, ExternalValue, Frame
from wslint.stack.consumers.handling import Run

_VALIDATOR = re.compile(
    r"valid|check|clean|schema|seriali[sz]er|verify|ensure|require|assert|parse|normali[sz]e|struct|load|from_dict|form$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"^(builtins\.(print|len|str|repr|isinstance|type|bool|dict|list|id|hasattr|callable|enumerate|sorted)"
    r"|json\.|pprint\.|logging\.|asyncio\.)"
)
_SET_METHODS = frozenset({"issubset", "issuperset", "difference", "isdisjoint", "intersection"})
_KEY_METHODS = frozenset({"get", "pop", "setdefault", "__contains__"})


def is_looked_at(run: Run, node: m.Node, subject: Input, key: str) -> bool:
    """Is a key of a part of the message looked at before a node of a run takes it?"""
    for one, call in run.way:
        for found, frame in _before(one, call or node):
            if _looks(found, frame, run.input, subject, key) or _is_caught_before(found, one, node, subject, key):
                return True
    return False


def is_text_looked_at(run: Run, node: m.Call, subject: Input) -> bool:
    """Is a text of the client judged, or decoded once with care, before a node of a run decodes it?"""
    for one, call in run.way:
        for found, frame in _before(one, call or node):
            if isinstance(found, m.Call) and found is not node:
                given = any(_is(arg.value, frame, run.input, subject) for arg in found.args)
                if given and (_validates(found, frame, run.input) or _decodes_with_care(found, one)):
                    return True
            if isinstance(found, m.If) and decides(found, frame, run.input, subject):
                return True
    return False


def _before(run: Run, until: m.Node) -> Iterator[tuple[m.Node, Frame]]:
    """What runs before a node of a run, in functions that it calls too."""
    for found in within(run.node.body):
        around = contains(found.span, until.span)
        if around and isinstance(found, (m.Conditional, m.Comprehension)):
            yield from ((inner, run.frame) for inner in within((found,)))
        elif around and isinstance(found, m.Call):
            continue
        elif around or found.span < until.span:
            yield found, run.frame
            if isinstance(found, m.Call) and run.input.is_given(found, run.frame):
                for node, frame in run.input.entering(found, run.frame):
                    yield from ((inner, frame) for inner in within(node.body))


def _looks(node: m.Node, frame: Frame, trace: ClientInput, subject: Input, key: str) -> bool:
    values = trace.values

    def same(expr: m.Expr) -> bool:
        return _is(expr, frame, trace, subject)

    def means(expr: m.Expr) -> bool:
        text = values.constant(expr, frame)
        return text == key or not isinstance(text, (str, int))

    match node:
        case m.Compare(op="in" | "not in", left=left, right=right):
            return means(left) and same(right)
        case m.Compare(left=left, right=right) | m.BinaryOp(left=left, right=right):
            return any(isinstance(side, m.Call) and same(side) for side in (left, right))
        case m.Call(func=m.Attribute(value=owner, attr="update")) if same(owner):
            return True
        case m.Call(func=m.Attribute(value=owner, attr=attr), args=args) if args:
            if attr in _KEY_METHODS and same(owner):
                return means(args[0].value)
            if attr in _SET_METHODS and (same(owner) or same(args[0].value)):
                return True
            return is_validated(node, frame, trace, subject)
        case m.Call():
            return is_validated(node, frame, trace, subject)
        case m.Assign(targets=targets):
            return any(isinstance(one, m.Subscript) and same(one.value) and means(one.index) for one in targets)
        case m.Match(subject=matched):
            return _is(matched, frame, trace, subject, above=True)
        case m.If():
            return decides(node, frame, trace, subject)
        case _:
            return False


def _is(expr: m.Expr, frame: Frame, trace: ClientInput, subject: Input, *, above: bool = False) -> bool:
    """Is an expression the part of the message in question (`above`: or one that holds it)?"""
    return any(
        one.is_same(subject)
        or (above and one.root is subject.root and subject.path[: len(one.path)] == one.path and one.form == "json")
        for one in trace.of(expr, frame)
    )


def is_validated(call: m.Call, frame: Frame, trace: ClientInput, subject: Input) -> bool:
    given = any(_is(arg.value, frame, trace, subject, above=True) for arg in call.args)
    return given and _validates(call, frame, trace)


def _validates(call: m.Call, frame: Frame, trace: ClientInput) -> bool:
    """Does a call judge what it is given: by its name, by what it makes, or by raising?"""
    func = call.func
    name = last_name(func)
    values = trace.values.of(func, frame)
    if any(isinstance(value, ExternalValue) and _HARMLESS.match(value.dotted) for value in values):
        return False
    if any(isinstance(value, ClassValue) for value in values) or name[:1].isupper() or _VALIDATOR.search(name):
        return True
    return any(isinstance(inner, m.Raise) for node, _ in trace.entering(call, frame) for inner in within(node.body))


def decides(branch: m.If, frame: Frame, trace: ClientInput, subject: Input) -> bool:
    """`if not self.allows(message): return`"""
    if not any(isinstance(node, (m.Return, m.Raise)) for node in within((*branch.body, *branch.orelse))):
        return False
    for node in within((branch.test,)):
        if isinstance(node, m.Call) and any(_is(arg.value, frame, trace, subject, above=True) for arg in node.args):
            dotted = trace.values.dotted(node.func, frame)
            if dotted is None or not _HARMLESS.match(dotted):
                return True
    return False


def _is_caught_before(found: m.Node, run: Run, node: m.Node, subject: Input, key: str) -> bool:
    """Was the same key taken before, where its absence is caught?"""
    return (
        isinstance(found, m.Subscript)
        and found is not node
        and run.input.values.constant(found.index, run.frame) == key
        and _is(found.value, run.frame, run.input, subject)
        and run.catches(found, NO_KEY)
    )


def _decodes_with_care(call: m.Call, run: Run) -> bool:
    return any(one.root is call for one in run.input.of(call, run.frame)) and run.catches(call, NOT_JSON)
