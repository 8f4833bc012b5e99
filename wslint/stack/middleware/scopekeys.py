"""Which keys of the scope a consumer surely needs: read without a guard, and set by nobody of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.location import Location
from wslint.stack.code.guarded import NO_KEY, is_caught
from wslint.stack.code.reach import Code
from wslint.stack.middleware.gates import keys_of
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.model import Consumer

ORDER = ("websocket_connect", "connect", "http_request", "handle", "receive", "receive_json")
"""Methods in the order in which a connection runs them."""


@dataclass(eq=False, frozen=True)
class Read:
    """The first unguarded `scope["key"]` of a consumer or a middleware."""

    key: str
    location: Location


def sure_reads(consumer: Consumer, guards: Guards) -> Iterator[Read]:
    """One read per key. A key that the consumer tests for, gets with a default or sets itself is left out."""
    return sure_reads_of(guards.consumer_code(consumer.cls), guards)


def sure_reads_of(codes: list[Code], guards: Guards) -> Iterator[Read]:
    """The same for any code that a connection runs."""
    reads: dict[str, tuple[int, Read]] = {}
    optional: set[str | None] = set()
    for code in codes:
        optional |= _tested(code)
    for kind, key, node, code in keys_of(codes, guards.stack):
        if kind != "read":
            optional.add(key)
        elif key is None:
            continue
        elif not is_caught(code.node.body, node, NO_KEY, code.frame, guards.stack.values):
            rank = ORDER.index(code.node.name) if code.node.name in ORDER else len(ORDER)
            if key not in reads or rank < reads[key][0]:
                reads[key] = (rank, Read(key, code.at(node)))
        else:
            optional.add(key)
    if None in {key for kind, key, _, _ in keys_of(codes, guards.stack) if kind == "write"}:
        return
    yield from (read for key, (_, read) in sorted(reads.items()) if key not in optional)


def _tested(code: Code) -> set[str | None]:
    """Keys of `"key" in scope`."""
    return {
        node.left.value
        for node in code.nodes()
        if isinstance(node, m.Compare)
        and node.op in ("in", "not in")
        and is_scope(node.right)
        and isinstance(node.left, m.Constant)
        and isinstance(node.left.value, str)
    }
