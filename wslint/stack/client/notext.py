"""What receive() does with text_data that fails when it is None: Channels brings a binary frame as bytes_data alone."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge.channels import JSON_LOADS
from wslint.stack.consumers.handling import Run

TEXT, BYTES = "text_data", "bytes_data"

_NEEDS_TEXT = frozenset({"builtins.len", "builtins.int", "builtins.float"})


def unguarded_uses(run: Run) -> Iterator[tuple[m.Node, str]]:
    """What fails when there is no text, with the error; not what stands behind a test of either argument."""
    return ((node, error) for node, error in _uses(run) if not _is_tested(run.node, node))


def _uses(run: Run) -> Iterator[tuple[m.Node, str]]:
    values = run.input.values
    for node in within(run.node.body):
        match node:
            case m.Call(func=func, args=(m.Argument(value=text), *_)) if _is_text(text, run):
                dotted = values.dotted(func, run.frame)
                if dotted in JSON_LOADS:
                    yield node, "TypeError: the JSON object must be str, bytes or bytearray, not NoneType"
                elif dotted in _NEEDS_TEXT:
                    yield node, "TypeError: … not 'NoneType'"
            case m.Attribute(value=owner, attr=attr) if _is_text(owner, run):
                yield node, f"AttributeError: 'NoneType' object has no attribute '{attr}'"
            case m.Subscript(value=owner) if _is_text(owner, run):
                yield node, "TypeError: 'NoneType' object is not subscriptable"
            case m.Compare(op="in" | "not in", right=right) if _is_text(right, run):
                yield node, "TypeError: argument of type 'NoneType' is not iterable"
            case _:
                pass


def _is_text(expr: m.Expr, run: Run) -> bool:
    """Is an expression text_data as it came in?"""
    if not isinstance(expr, m.Name) or expr.id != TEXT:
        return False
    bindings = run.frame.scope.reaching(TEXT, expr.span)
    return all(isinstance(binding.source, m.Parameter) for binding in bindings)


def _is_tested(function: m.FunctionDef, use: m.Node) -> bool:
    """Does the method look at either argument before, or around, a use?"""
    for node in within(function.body):
        if node.span > use.span and not isinstance(node, m.Conditional):
            continue
        tests: tuple[m.Expr, ...] = ()
        match node:
            case m.If(test=test) | m.While(test=test) | m.Assert(test=test) | m.Conditional(test=test):
                tests = (test,)
            case m.Match(subject=subject):
                tests = (subject,)
            case m.BoolOp(left=left):
                tests = (left,)
            case _:
                continue
        for found in within(tests):
            if isinstance(found, m.Name) and found.id in (TEXT, BYTES) and not _is_within(found, use):
                return True
    return False


def _is_within(name: m.Name, use: m.Node) -> bool:
    return any(found is name for found in within((use,)))
