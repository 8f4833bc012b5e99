"""Where a frame of another shape than the code counts on raises, and nothing catches it or looks before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.location import Location
from wslint.stack.client.clientinput import Input
from wslint.stack.client.validated import is_looked_at, is_text_looked_at
from wslint.stack.code.guarded import NO_KEY, NOT_JSON
from wslint.stack.consumers.handling import Run, runs
from wslint.stack.model import Consumer, Stack


@dataclass(eq=False, frozen=True)
class Risk:
    """A place that raises: it takes `key` out of the client's JSON, or (None) decodes the client's text."""

    node: m.Call | m.Subscript
    key: str | None
    run: Run

    @property
    def location(self) -> Location:
        return self.run.at(self.node)


def risks_of(stack: Stack, consumer: Consumer) -> Iterator[Risk]:
    """The risks in all code that a frame of the client runs; not in decode_json(), for Channels' own raises too."""
    for run in runs(stack, consumer):
        if run.node.name != "decode_json":
            yield from _risks(run)


def _risks(run: Run) -> Iterator[Risk]:
    values, trace = run.input.values, run.input
    targets = {id(target) for node in within(run.node.body) for target in _targets(node)}
    for node in within(run.node.body):
        match node:
            case m.Call(args=(m.Argument(value=text), *_)) if any(
                one.root is node and not one.path for one in trace.of(node, run.frame)
            ):
                given = trace.of(text, run.frame)
                if not run.catches(node, NOT_JSON) and not any(is_text_looked_at(run, node, one) for one in given):
                    yield Risk(node, None, run)
            case m.Subscript(value=owner, index=index) if id(node) not in targets:
                key = values.constant(index, run.frame)
                if isinstance(key, str) and _may_lack(run, node, trace.of(owner, run.frame), key):
                    yield Risk(node, key, run)
            case m.Call(func=m.Attribute(value=owner, attr="pop"), args=(m.Argument(value=index),)):
                key = values.constant(index, run.frame)
                if isinstance(key, str) and _may_lack(run, node, trace.of(owner, run.frame), key):
                    yield Risk(node, key, run)
            case _:
                pass


def _may_lack(run: Run, node: m.Node, owners: tuple[Input, ...], key: str) -> bool:
    """Is an owner JSON of the client, of which nobody knows whether it has the key?"""
    found = [one for one in owners if one.form == "json"]
    if not found or run.catches(node, NO_KEY):
        return False
    return not any(is_looked_at(run, node, one, key) for one in found)


def _targets(node: m.Node) -> tuple[m.Expr, ...]:
    match node:
        case m.Assign(targets=targets) | m.Delete(targets=targets):
            return targets
        case m.AugmentedAssign(target=target):
            return (target,)
        case _:
            return ()
