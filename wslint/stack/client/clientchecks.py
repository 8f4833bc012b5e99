"""Does the code judge a part of the client's message, in the functions that lead to the place where it is used?

It judges when it compares the part, looks it up in a table, matches it, or gives it (or what holds it) to something
that validates or decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.stack.client.clientinput import ClientInput, Input
from wslint.stack.client.validated import decides, is_validated
from wslint.stack.code.values import Frame
from wslint.stack.consumers.handling import Run

_PERMISSION = re.compile(
    r"user|perm|auth|allow|member|staff|admin|owner|access|valid|role|token|scope|joined|rooms|groups|(^|_)(can|may|is)_",
    re.IGNORECASE,
)
"""Names in a test that make it one of who may do what."""
_FORMATS = frozenset(
    "str int format strip lower upper get print debug info warning error exception dumps send send_json isinstance "
    "len group_add group_send group_discard add append discard remove".split()
)
"""Calls that are given a name and say nothing about it."""
_LOOKS_UP = frozenset({"get", "pop", "index", "fullmatch", "match"})


def is_judged(run: Run, part: Input, use: m.Node | None = None) -> bool:
    """Is a part of the message judged in a run, on the way to it, or in a function that is given it there?

    `use` is the call that is made with it in the end, which judges nothing.
    """
    return any(
        node is not use and _judges(node, frame, one.input, part) for one, _ in run.way for node, frame in nodes(one)
    )


def is_part(expr: m.Expr, frame: Frame, trace: ClientInput, part: Input) -> bool:
    """Is an expression that part, as text or as it was decoded?"""
    return any(one.root is part.root and one.path == part.path for one in trace.of(expr, frame))


def nodes(run: Run) -> Iterator[tuple[m.Node, Frame]]:
    """The nodes of a run, and those of the functions to which it gives something of the client's."""
    for node in within(run.node.body):
        yield node, run.frame
        if isinstance(node, m.Call) and run.input.is_given(node, run.frame):
            for inner, frame in run.input.entering(node, run.frame):
                yield from ((found, frame) for found in within(inner.body))


def _judges(node: m.Node, frame: Frame, trace: ClientInput, part: Input) -> bool:
    match node:
        case m.Compare(left=left, right=right):
            sides = (left, right)
            empty = any(isinstance(side, m.Constant) and not side.value for side in sides)
            return not empty and any(is_part(side, frame, trace, part) for side in sides)
        case m.Match(subject=subject):
            found = trace.of(subject, frame)
            return any(one.root is part.root and part.path[: len(one.path)] == one.path for one in found)
        case m.Subscript(index=index):
            return is_part(index, frame, trace, part)
        case m.If():
            return decides(node, frame, trace, part)
        case m.Call(func=func, args=args):
            looks_up = isinstance(func, m.Attribute) and func.attr in _LOOKS_UP
            if looks_up and any(is_part(arg.value, frame, trace, part) for arg in args):
                return True
            return is_validated(node, frame, trace, part)
        case _:
            return False


def is_permitted(run: Run, part: Input, use: m.Call) -> bool:
    """Is a part looked at, handed to something that may look at it, or the use of it up to who the client is?"""
    return is_judged(run, part) or any(
        _asks(node, one, part, call or use) for one, call in run.way for node in within(one.node.body)
    )


def _asks(node: m.Node, run: Run, part: Input, on_the_way: m.Node) -> bool:
    match node:
        case m.If(test=test) | m.Conditional(test=test) | m.Assert(test=test):
            return any(_PERMISSION.search(name) for name in _names(test))
        case m.Call(func=func, args=args) if node is not on_the_way and _name(func) not in _FORMATS:
            return any(is_part(arg.value, run.frame, run.input, part) for arg in args)
        case _:
            return False


def _names(test: m.Expr) -> Iterator[str]:
    for node in within((test,)):
        match node:
            case m.Attribute(attr=name) | m.Name(id=name):
                yield name
            case _:
                pass


def _name(func: m.Expr) -> str:
    match func:
        case m.Attribute(attr=name) | m.Name(id=name):
            return name
        case m.Call(args=(m.Argument(value=inner), *_)):
            return _name(inner)
        case _:
            return ""
