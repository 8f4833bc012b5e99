"""What the arguments of one call mean for a function: whether they fit, and which tests of them skip code."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import below, contains, holds
from wslint.stack.code.bindings import ends
from wslint.stack.code.callees import Body
from wslint.stack.code.values import Frame


def fits(node: m.FunctionDef, frame: Frame) -> bool:
    """Are all required parameters given? Otherwise the call ends in a TypeError before anything is asked."""
    return all(
        param.name in frame.arguments or param.default is not None or param.kind in ("*", "**") for param in node.params
    )


def optional(body: Body) -> Iterator[tuple[m.If, bool | None]]:
    """The tests of parameters that a caller may leave out, each with its outcome for what is given."""
    names = {param.name for param in body.node.params if param.default is not None}
    for found in body.nodes():
        if isinstance(found, m.If) and any(
            isinstance(one, m.Name) and one.id in names for one in (found.test, *below(found.test))
        ):
            yield found, _outcome(found.test, body.frame)


def _outcome(test: m.Expr, frame: Frame) -> bool | None:
    """What a test of one argument comes to when that is a literal."""
    match test:
        case m.UnaryOp(op="not", operand=operand):
            inner = _outcome(operand, frame)
            return None if inner is None else not inner
        case m.Compare(left=left, op="is" | "is not" as op, right=m.Constant(value=None)):
            given = _literal(left, frame)
            return None if given is None else (given.value is None) is (op == "is")
        case _:
            given = _literal(test, frame)
            return None if given is None else bool(given.value)


def _literal(expr: m.Expr, frame: Frame) -> m.Constant | None:
    bound = frame.arguments.get(expr.id) if isinstance(expr, m.Name) else None
    return bound.expr if bound is not None and isinstance(bound.expr, m.Constant) else None


def may_skip(node: m.Node, test: m.If, outcome: bool | None) -> bool:
    """May a test keep a node from being run?"""
    if contains(test.span, node.span):
        if node is test or contains(test.test.span, node.span):
            return False
        return outcome is None or outcome is not holds(test.body, node)
    if (test.span.end_line, test.span.end_column) > (node.span.line, node.span.column):
        return False
    return (ends(test.body) and outcome is not False) or (ends(test.orelse) and outcome is not True)
