"""What a middleware keeps of one connection on itself, though its only instance serves all connections (M13).

Harmless as long as nothing else runs between the write and the read; so each pair is looked at for an `await`, a
thread or a later call in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import below, contains, within
from wslint.knowledge.channels import SYNC_TO_ASYNC
from wslint.location import Location
from wslint.stack.code.classes import assignments
from wslint.stack.code.values import CallValue
from wslint.stack.middleware.passages import Passage


@dataclass(eq=False, frozen=True)
class Use:
    """A write or a read of `self.attr` in a passage; `later` when a nested function reads it, whenever that is run;
    `statement` is what writes.
    """

    attr: str
    node: m.Attribute
    passage: Passage
    later: bool = False
    statement: m.Node | None = None

    @property
    def location(self) -> Location:
        return self.passage.at(self.node)


def kept(passages: list[Passage]) -> Iterator[tuple[Use, Use]]:
    """(write, read) pairs between which another connection can write; the first read of each attribute."""
    reads = [read for passage in passages for read in _reads(passage)]
    seen: set[str] = set()
    for passage in passages:
        for write in _writes(passage):
            read = next((one for one in reads if one.attr == write.attr and _is_between(write, one)), None)
            if read is not None and write.attr not in seen:
                seen.add(write.attr)
                yield write, read


def _writes(passage: Passage) -> Iterator[Use]:
    """`self.attr = …` of something that belongs to the connection."""
    params = {param.name for param in passage.node.params} & {"receive", "send"}
    for statement, target, value in assignments(passage.node.body):
        if not isinstance(target, m.Attribute) or not _is_self(target.value, passage) or value is None:
            continue
        own = isinstance(value, m.Name) and value.id in params
        if own or passage.is_of_client(value):
            yield Use(target.attr, target, passage, statement=statement)


def _reads(passage: Passage) -> Iterator[Use]:
    written = {id(target) for _, target, _ in assignments(passage.node.body)}
    here = {id(node) for node in within(passage.node.body)}
    for node in below(passage.node):
        if isinstance(node, m.Attribute) and _is_self(node.value, passage) and id(node) not in written:
            yield Use(node.attr, node, passage, later=id(node) not in here)


def _is_self(expr: m.Expr, passage: Passage) -> bool:
    params = passage.node.params
    method = passage.frame.owner is not None and bool(params)
    return method and isinstance(expr, m.Name) and expr.id == params[0].name


def _is_between(write: Use, read: Use) -> bool:
    """Can something else run after a write and before a read?"""
    writing = _way(write)
    reading = _way(read)
    for passage, wrote in writing.items():
        if passage not in reading:
            continue
        read_at = reading[passage]
        if not _is_before(wrote, read_at):
            return False
        after = [(one, node) for one, node in writing.items() if one.depth > passage.depth]
        ahead = [(one, node) for one, node in reading.items() if one.depth > passage.depth]
        return (
            read.later
            or _awaits(passage, after=wrote, before=read_at)
            or any(_is_in_thread(one) for one, _ in (*after, *ahead))
            or any(_awaits(one, after=node) for one, node in after)
            or any(_awaits(one, before=node) for one, node in ahead)
        )
    return False


def _way(use: Use) -> dict[Passage, m.Node]:
    """From the use to the entry: each passage with the node in it by which the use is reached."""
    return {passage: call or use.statement or use.node for passage, call in use.passage.way}


def _is_before(one: m.Node, other: m.Node) -> bool:
    return (one.span.end_line, one.span.end_column) <= (other.span.line, other.span.column)


def _awaits(passage: Passage, after: m.Node | None = None, before: m.Node | None = None) -> bool:
    """Is there an `await` in a function, behind one node and before another, that holds neither?"""
    for node in within(passage.node.body):
        if not isinstance(node, m.Await) or any(
            one is not None and contains(node.span, one.span) for one in (after, before)
        ):
            continue
        if (after is None or _is_before(after, node)) and (before is None or _is_before(node, before)):
            return True
    return False


def _is_in_thread(passage: Passage) -> bool:
    """Does a function run in a thread, while others run in the event loop?"""
    around = passage.frame.parent
    values = passage.values
    if around is not None and any(values.dotted(one, around) in SYNC_TO_ASYNC for one in passage.node.decorators):
        return True
    assert passage.caller is not None and passage.call is not None
    value = values.one(passage.call.func, passage.caller.frame)
    return isinstance(value, CallValue) and value.dotted in SYNC_TO_ASYNC
