"""The subprotocols that clients offer: where Python clients do, and where code reads the list of a handshake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import within
from wslint.location import Location
from wslint.stack.code.classes import assignments
from wslint.stack.code.guarded import BROAD, is_caught
from wslint.stack.code.lists import Lists
from wslint.stack.code.values import ClassValue, Frame, argument
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.model import Consumer, FunctionUse, Stack, is_vendored_path
from wslint.stack.project.browsers import PAGES

CLIENTS = ("WebsocketCommunicator", "connect", "create_connection", "ws_connect")
OLD_SETTING = "CHANNELS_WS_PROTOCOLS"
"""A setting of Channels 1, which no later Channels reads: who has it still expects its clients to offer these."""
NO_ITEM = BROAD | {"builtins.IndexError", "builtins.LookupError"}
ENTRIES = frozenset({"connect", "websocket_connect", "__call__", "dispatch"})
"""Functions that nobody of the project calls first."""


@dataclass(eq=False)
class Offer:
    """A Python client (a test, a script) that offers subprotocols; `consumer` is the one it connects to, if known."""

    names: tuple[str, ...]
    location: Location
    consumer: Consumer | None


def offers(stack: Stack) -> list[Offer]:
    """The offers of the project's Python clients, tests included, and of the setting that once listed them."""
    found: list[Offer] = []
    for function in stack.functions:
        for use in function.calls:
            given = argument(use.node, 1 << 30, "subprotocols")
            if given is not None and last_name(use.node.func) in CLIENTS:
                target = _target(stack, use.node, function)
                found.append(Offer(_names(stack, given, function.frame), function.at(use.node), target))
    for settings in stack.settings:
        for setting in settings.get(OLD_SETTING):
            found.append(Offer(_names(stack, setting.expr, setting.frame), setting.location, _only(stack)))
    return [offer for offer in found if offer.names]


def is_in_a_page(stack: Stack, name: str) -> bool:
    """Does a script or page that opens websockets spell a subprotocol out? What it does with it is not read."""
    spelled = [f"{quote}{name}{quote}".encode() for quote in "\"'`"]
    for path in stack.tree.paths:
        if path.endswith(PAGES) and not is_vendored_path(path):
            try:
                source = stack.tree.read(path)
            except OSError:
                return True
            if b"WebSocket" in source and any(one in source for one in spelled):
                return True
    return False


def _names(stack: Stack, given: m.Expr, frame: Frame) -> tuple[str, ...]:
    found = [stack.values.constant(expr, home) for expr, home in Lists(stack.values).of(given, frame).items]
    return tuple(name for name in found if isinstance(name, str))


def _target(stack: Stack, call: m.Call, function: FunctionUse) -> Consumer | None:
    """The consumer that a client talks to: the one it is given, else the only one there is."""
    given = argument(call, 0, "application")
    if isinstance(given, m.Call) and isinstance(given.func, m.Attribute) and given.func.attr == "as_asgi":
        value = stack.values.one(given.func.value, function.frame)
        if not isinstance(value, ClassValue):
            return None
        return next((consumer for consumer in stack.consumers if consumer.cls is value.cls), None)
    return _only(stack)


def _only(stack: Stack) -> Consumer | None:
    """The one consumer that the project mounts."""
    mounted = [consumer for consumer in stack.consumers if consumer.mounts and not consumer.in_tests]
    return mounted[0] if len(mounted) == 1 else None


# --- the list of a handshake ------------------------------------------------------------------------------------------


def is_offered_list(expr: m.Expr) -> bool:
    """Is it `scope["subprotocols"]`?"""
    match expr:
        case m.Subscript(value=owner, index=m.Constant(value="subprotocols")):
            return is_scope(owner)
        case m.Call(func=m.Attribute(value=owner, attr="get"), args=(asked, *_)):
            return is_scope(owner) and isinstance(asked.value, m.Constant) and asked.value.value == "subprotocols"
        case _:
            return False


def mentions_offer(node: m.Node) -> bool:
    """Does code say "subprotocols" anywhere?"""
    return any(_says(inner) for inner in within(node.body if isinstance(node, m.FunctionDef) else (node,)))


def first_items(stack: Stack) -> Iterator[tuple[FunctionUse, m.Subscript]]:
    """The items that are taken of the list although it may be empty."""
    for function in stack.functions:
        if function.in_tests or function.vendored or not mentions_offer(function.node):
            continue
        lists = {
            target.id
            for _, target, value in assignments(function.node.body)
            if isinstance(target, m.Name) and value is not None and is_offered_list(value)
        }
        for node in within(function.node.body):
            if not (isinstance(node, m.Subscript) and _is_number(node.index)):
                continue
            if not (is_offered_list(node.value) or (isinstance(node.value, m.Name) and node.value.id in lists)):
                continue
            if not _is_guarded(stack, function, node, lists):
                yield function, node


def _is_guarded(stack: Stack, function: FunctionUse, node: m.Node, lists: set[str]) -> bool:
    """Does a test look at the list before, or a `try` catch the failure: here, or in a caller of this name?"""
    if is_caught(function.node.body, node, NO_ITEM, function.frame, stack.values) or _tests(function.node, lists, node):
        return True
    if function.name in ENTRIES:
        return False
    for caller in stack.functions:
        for use in caller.calls:
            if last_name(use.node.func) == function.name and (
                mentions_offer(caller.node)
                or is_caught(caller.node.body, use.node, NO_ITEM, caller.frame, stack.values)
            ):
                return True
    return False


def _tests(function: m.FunctionDef, lists: set[str], node: m.Node) -> bool:
    for found in within(function.body):
        match found:
            case m.If(test=test) | m.While(test=test) | m.Conditional(test=test) | m.Assert(test=test):
                tests: tuple[m.Node, ...] = (test,)
            case m.BoolOp(left=left):
                tests = (left,)
            case m.Match(subject=subject):
                tests = (subject,)
            case _:
                continue
        for inner in within(tests):
            if inner is not node and (_says(inner) or (isinstance(inner, m.Name) and inner.id in lists)):
                return True
    return False


def _says(node: m.Node) -> bool:
    match node:
        case m.Constant(value="subprotocols"):
            return True
        case m.Name(id=name) | m.Attribute(attr=name):
            return "subprotocol" in name.lower()
        case _:
            return False


def _is_number(index: m.Expr) -> bool:
    if isinstance(index, m.UnaryOp):
        index = index.operand
    return isinstance(index, m.Constant) and isinstance(index.value, int) and not isinstance(index.value, bool)
