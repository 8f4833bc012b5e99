"""Tokens that stay valid and come in the URL of the handshake, which servers write down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.location import Location
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.middleware.passages import Passage, passages, passages_from, uses_of
from wslint.stack.model import Stack
from wslint.stack.tokens.tokenfailures import decode_risk, lookup_risk

_PARAMETER = re.compile(r"^(\w+_)?(token|jwt|auth|access|key)=?$", re.IGNORECASE)
_ONCE = re.compile(
    r"ticket|one_?time|single_?use|short|otp|nonce|redeem|consume_|connection_?token|ws_?token", re.IGNORECASE
)
"""Names of what is valid for one connection."""

_SPENT = frozenset({"delete", "adelete", "pop", "getdel"})
"""Methods that take a token out of where it is kept."""


@dataclass(eq=False)
class QueryToken:
    """Where the query string is read, by whom, and what the token in it is given to."""

    location: Location
    reader: str
    judge: Location


def query_tokens(stack: Stack) -> Iterator[QueryToken]:
    """The middleware in use and the consumers that take a lasting token from the query string."""
    for gate in Guards.of(stack).gates:
        if uses_of(gate, stack):
            yield from _taken(gate.name, passages(gate))
    for consumer in stack.consumers:
        connect = consumer.method("connect")
        if connect is not None and not consumer.in_tests and not consumer.vendored and not consumer.is_abstract:
            yield from _taken(consumer.name, passages_from(connect.node, connect.frame, stack.values))


def _taken(reader: str, found: list[Passage]) -> Iterator[QueryToken]:
    read = next((passage.at(node) for passage in found for node in within(passage.node.body) if _reads(node)), None)
    judge = next((place for passage in found if (place := _judge(passage)) is not None), None)
    if read is None or judge is None or _ONCE.search(reader) or any(map(_is_spent, found)):
        return
    if any(_PARAMETER.match(text) for passage in found for text in _texts(passage)):
        yield QueryToken(read, reader, judge)


def _reads(node: m.Node) -> bool:
    """`scope["query_string"]`, `scope.get("query_string", b"")`"""
    match node:
        case m.Subscript(value=value, index=m.Constant(value="query_string")):
            return is_scope(value)
        case m.Call(func=m.Attribute(value=value, attr="get"), args=[first, *_]):
            return is_scope(value) and isinstance(first.value, m.Constant) and first.value.value == "query_string"
        case _:
            return False


def _judge(passage: Passage) -> Location | None:
    """The call that proves a token which outlives the connection: a JWT, a row of a table of tokens."""
    for call in (node for node in within(passage.node.body) if isinstance(node, m.Call)):
        if any(arg.keyword in ("audience", "max_age") for arg in call.args):
            continue
        risk = decode_risk(call, passage)
        if risk is None:
            risk = lookup_risk(call, passage)
            if risk is not None and not risk.failure.error.endswith("Token.DoesNotExist"):
                continue
        if risk is not None and risk.failure.error != "BadSignature":
            return risk.location
    return None


def _is_spent(passage: Passage) -> bool:
    """Is what is read good for one connection: taken away once it was used, or named so?"""
    return (
        _ONCE.search(passage.node.name) is not None
        or any(
            isinstance(node, m.Call) and isinstance(node.func, m.Attribute) and node.func.attr in _SPENT
            for node in within(passage.node.body)
        )
        or any(_ONCE.search(text) for text in _texts(passage))
    )


def _texts(passage: Passage) -> Iterator[str]:
    for node in within(passage.node.body):
        if isinstance(node, m.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, m.Bytes):
            yield node.value.decode("latin-1") if isinstance(node.value, bytes) else str(node.value)
