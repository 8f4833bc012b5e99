"""What was loaded before it is read on the event loop: in a thread, by the function it comes from, by an assignment."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import below, within
from wslint.stack.code.values import Frame, FunctionValue, SelfValue
from wslint.stack.database.orm import Orm
from wslint.stack.database.orm_kinds import Instance, heads

MAX_STEPS = 4
"""Through how many calls an argument is followed back."""


class Loaded:
    """The answers for one stack; in doubt something is loaded."""

    def __init__(self, orm: Orm) -> None:
        self.orm = orm
        self.stack = orm.stack
        self.values = orm.values

    def is_assigned(self, node: m.Attribute, frame: Frame) -> bool:
        """Is the attribute a target itself, or set somewhere in the function?"""
        for found in within(frame.scope.body):
            if isinstance(found, (m.Assign, m.Delete)):
                for target in found.targets:
                    if target is node or (isinstance(target, m.Attribute) and target.attr == node.attr):
                        return True
        return False

    def is_joined(self, base: Instance, node: m.Attribute, frame: Frame) -> bool:
        """May the related object be loaded already?"""
        if base.joined is None or node.attr in heads(base.joined):
            return True
        if any(_mentions(touched.scope.body, node.attr) for touched in base.touched):
            return True
        if base.of_scope and any(_mentions(code, node.attr) for code in self._beside(frame)):
            return True
        return any(
            self._read_inside(node.attr, home)
            or (isinstance(expr, m.Name) and self.given_to_thread(expr.id, home))
            or self._touched_elsewhere(expr, home, node.attr, frame)
            for expr, home in _origins(node.value, frame)
        )

    def _read_inside(self, attr: str, frame: Frame) -> bool:
        """Do functions nested in one, which may run in a thread, read an attribute so called?"""
        inner = (found for found in within(frame.scope.body) if isinstance(found, (m.Lambda, m.FunctionDef)))
        return any(_mentions((found,), attr) for found in inner)

    def _beside(self, frame: Frame) -> Iterator[tuple[m.Node, ...]]:
        """Code that has the user of the connection in its hands too: middleware, plain methods of the consumer."""
        for made in self.stack.middleware:
            if made.authenticates:
                yield made.cls.module.facts.body
        for method in frame.owner.methods.values() if frame.owner is not None else ():
            if not method.node.is_async:
                yield method.node.body

    def _touched_elsewhere(self, held: m.Expr, home: Frame, attr: str, frame: Frame) -> bool:
        """May a plain method of the consumer have loaded it for an object that the consumer keeps (`self.held`)?"""
        if not isinstance(held, m.Attribute) or not isinstance(held.value, m.Name):
            return False
        owner = self.values.one(held.value, home)
        if not isinstance(owner, SelfValue) or self.orm.schema.of_class(owner.cls) is not None:
            return False
        return any(
            _may_load(method.node, held.attr, attr)
            for method in owner.cls.methods.values()
            if not method.node.is_async and method.node is not frame.scope.node
        )

    def given_to_thread(self, name: str, frame: Frame) -> bool:
        """Does a call give a variable to a function which runs in a thread?"""
        scope = frame.scope
        for node in within(scope.body):
            if not isinstance(node, m.Call) or not any(
                isinstance(arg.value, m.Name) and arg.value.id == name for arg in node.args
            ):
                continue
            value = self.values.one(node.func, frame)
            if self.orm.wrapped(node, frame) is not None:
                return True
            if isinstance(value, FunctionValue) and self.orm.runs_in_thread(value):
                return True
        return False


def _origins(expr: m.Expr, frame: Frame) -> Iterator[tuple[m.Expr, Frame]]:
    """An expression, and what it is in those who gave it as an argument."""
    for _ in range(MAX_STEPS):
        yield expr, frame
        bound = frame.arguments.get(expr.id) if isinstance(expr, m.Name) else None
        if bound is None or bound.expr is None:
            return
        expr, frame = bound.expr, bound.frame


def _mentions(body: tuple[m.Node, ...], attr: str) -> bool:
    return any(isinstance(node, m.Attribute) and node.attr == attr for root in body for node in (root, *below(root)))


def _may_load(function: m.FunctionDef, held: str, attr: str) -> bool:
    """Does a function read `self.held.attr`, or give `self.held` to something that may?"""
    for node in (inner for statement in function.body for inner in (statement, *below(statement))):
        match node:
            case m.Attribute(value=m.Attribute(attr=found), attr=read) if found == held and read == attr:
                return True
            case m.Call(args=args) if any(
                isinstance(arg.value, m.Attribute) and arg.value.attr == held and not arg.keyword for arg in args
            ):
                return True
            case m.FString(parts=parts) if any(isinstance(part, m.Attribute) and part.attr == held for part in parts):
                return True
    return False
