"""Edits that make a middleware hand a connection on, or end where it has refused it."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.location import Edit
from wslint.stack.code.edits import has_own_lines
from wslint.stack.code.values import Frame

CLOSE = 'await send({"type": "websocket.close"})'


def await_call(call: m.Call, function: m.FunctionDef, frame: Frame) -> Edit | None:
    return Edit(frame.at(call.span.begin), "await ") if function.is_async else None


def missing_arguments(call: m.Call, missing: tuple[str, ...], function: m.FunctionDef, frame: Frame) -> Edit | None:
    """Hand on what the function was given; only where the scope is there and the names are the usual ones."""
    names = {param.name for param in function.params}
    if not call.args or any(arg.keyword is not None for arg in call.args) or not names.issuperset(missing):
        return None
    return Edit(frame.at(call.args[-1].span.end), "".join(f", {name}" for name in missing))


def return_behind(close: m.Call, function: m.FunctionDef, frame: Frame) -> Edit | None:
    statement = _own_statement(close, function)
    if not isinstance(statement, m.ExpressionStatement):
        return None
    return Edit(frame.at(statement.span.end), f"\n{_indent(statement)}return")


def close_before(end: m.Node, function: m.FunctionDef, frame: Frame) -> Edit | None:
    if not isinstance(end, m.Return) or _own_statement(end, function) is None:
        return None
    if not function.is_async or function.params[-1].name != "send":
        return None
    return Edit(frame.at(end.span.begin), f"{CLOSE}\n{_indent(end)}")


def _own_statement(node: m.Node, function: m.FunctionDef) -> m.Stmt | None:
    """The simple statement on lines of its own that a node is, or that awaits it."""
    for found in within(function.body):
        match found:
            case m.ExpressionStatement(value=m.Await(value=awaited)):
                wanted = awaited is node
            case _:
                wanted = found is node
        if wanted and isinstance(found, m.Stmt):
            return found if has_own_lines(found, function) else None
    return None


def _indent(node: m.Node) -> str:
    return " " * (node.span.column - 1)
