"""Every function of the files that matter, and every call in it with what becomes of its result."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import children
from wslint.stack import model as d
from wslint.stack.code.classes import Class
from wslint.stack.code.link import Module
from wslint.stack.code.scope import Scope, scopes
from wslint.stack.code.values import Values


def call_uses(scope: Scope) -> tuple[d.CallUse, ...]:
    """The calls that run with a scope's own statements (lambdas and nested definitions left out)."""
    return _uses_of(scope)[0]


def deferred_uses(scope: Scope) -> tuple[d.CallUse, ...]:
    """The calls in lambdas without parameters (`on_commit(lambda: …)`), whose names mean what they mean around them."""
    return _uses_of(scope)[1]


def _uses_of(scope: Scope) -> tuple[tuple[d.CallUse, ...], tuple[d.CallUse, ...]]:
    found: tuple[tuple[d.CallUse, ...], tuple[d.CallUse, ...]] | None = scope.__dict__.get("call_uses")
    if found is None:
        lambdas: list[m.Lambda] = []
        own = tuple(_uses([(node, ()) for node in reversed(scope.body)], lambdas))
        deferred: list[d.CallUse] = []
        for node in lambdas:  # grows while it is read: lambdas in lambdas
            deferred.extend(_uses([(node.body, (node,))], lambdas))
        found = scope.__dict__["call_uses"] = own, tuple(deferred)
    return found


def _uses(work: list[tuple[m.Node, tuple[m.Node, ...]]], lambdas: list[m.Lambda]) -> Iterator[d.CallUse]:
    """The calls below some nodes; lambdas without parameters are put aside."""
    while work:
        node, parents = work.pop()
        if isinstance(node, m.Call):
            yield _use(node, parents)
        if isinstance(node, m.Lambda):
            if not node.params:
                lambdas.append(node)
            continue
        if isinstance(node, (m.FunctionDef, m.ClassDef)):
            inner: list[m.Node] = list(node.decorators)
            if isinstance(node, m.ClassDef):
                inner.extend(base.value for base in node.bases)
        else:
            inner = list(children(node))
        chain = (*parents, node)
        work.extend((child, chain) for child in reversed(inner))


def _use(node: m.Call, parents: tuple[m.Node, ...]) -> d.CallUse:
    usage, outer = "other", None
    for parent in reversed(parents):
        if isinstance(parent, (m.Conditional, m.BoolOp, m.Walrus)):
            continue
        match parent:
            case m.Await():
                usage = "awaited"
            case m.ExpressionStatement():
                usage = "dropped"
            case m.Return() | m.Lambda():
                usage = "returned"
            case m.Assign() | m.AugmentedAssign():
                usage = "assigned"
            case m.Argument():
                usage = "argument"
            case _:
                pass
        break
    for parent in reversed(parents):
        if isinstance(parent, m.Call):
            outer = parent
            break
        if not isinstance(parent, (m.Argument, m.Attribute)):
            break
    return d.CallUse(node, usage, outer, parents)


def functions(module: Module, values: Values) -> Iterator[tuple[d.FunctionUse, Scope]]:
    """The functions and methods of a module."""
    for scope in scopes(module):
        if isinstance(scope.node, m.FunctionDef):
            yield _function(scope, values), scope


def _function(scope: Scope, values: Values) -> d.FunctionUse:
    node = scope.node
    assert isinstance(node, m.FunctionDef)
    frame = values.frame(scope)
    parent = scope.parent.node if scope.parent is not None else None
    return d.FunctionUse(
        location=frame.at(node.name_span),
        node=node,
        frame=frame,
        owner=frame.owner,
        consumer=None,
        calls=call_uses(scope),
        nested_in=parent if isinstance(parent, (m.FunctionDef, m.ClassDef)) else None,
    )


def classes(module: Module, values: Values) -> Iterator[Class]:
    """The classes of a module, nested ones included."""
    for scope in scopes(module):
        if isinstance(scope.node, m.ClassDef) and scope.parent is not None:
            yield values.cls(scope.node, scope.parent)
