"""Edits that take a query off the event loop: its asynchronous form where Django has one, else a thread."""

from __future__ import annotations

from collections.abc import Iterable

from wslint.facts import model as m
from wslint.facts.walk import children
from wslint.location import Edit
from wslint.stack.code.callees import Body
from wslint.stack.code.edits import import_edit, import_line
from wslint.stack.code.places import after, before, between
from wslint.stack.code.values import Frame
from wslint.stack.database.queries import LAZY, MANAGED, Query
from wslint.stack.model import Stack

THREAD = "database_sync_to_async"


def asynchronous(stack: Stack, query: Query, body: Body) -> tuple[str, tuple[Edit, ...]] | None:
    """(what it does, the edits) for a query that stands in a coroutine function; None when there is no plain way."""
    if not body.is_async or (query.steps and query.steps[0].frame is not body.frame):
        return None
    node = query.steps[0].call if query.steps else query.node
    parents = _parents(body, node)
    if any(isinstance(parent, m.Comprehension) for parent in parents) and not isinstance(parents[-1], m.Generator):
        return None
    has_form = query.since is not None and not stack.packages.surely_below("django", ".".join(map(str, query.since)))
    if query.steps:
        return _in_thread(stack, node, body.frame, parents)
    if query.does == LAZY:
        return _read(query, body.frame, parents) if has_form else None
    if query.does == MANAGED and isinstance(node, m.Call):
        if has_form and isinstance(node.func, m.Attribute):
            return _asynchronous_call(node.func, node, body.frame, parents)
        return _in_thread(stack, node, body.frame, parents)
    return None


def evaluated(query: Query) -> tuple[Edit, ...]:
    """`return queryset` → `return list(queryset)`, for a queryset that leaves a thread to be iterated."""
    crossing = query.crossing
    if crossing is None or query.does != LAZY or not crossing.returned:
        return ()
    start, end = before(crossing.expr, crossing.frame), after(crossing.expr, crossing.frame)
    return Edit(start, "list("), Edit(end, ")")


def _read(query: Query, frame: Frame, parents: tuple[m.Node, ...]) -> tuple[str, tuple[Edit, ...]] | None:
    """A queryset that is read: `async for`, an asynchronous comprehension, `aexists()`."""
    parent = parents[-1] if parents else None
    node, subject = query.node, query.subject
    match parent:
        case m.For() if parent.iterable is node:
            return "read it with `async for`", (Edit(before(parent, frame), "async "),)
        case m.Generator() if parent.iterable is node:
            return _async_comprehension(parent, parents[-2], frame)
        case m.If() | m.While() | m.UnaryOp() if isinstance(subject, (m.Name, m.Attribute, m.Call)) and node is subject:
            edits = Edit(before(node, frame), "await "), Edit(after(node, frame), ".aexists()")
            return "ask it with `await ….aexists()`", edits
    if isinstance(node, m.Call) and node is not subject and isinstance(node.func, m.Name):
        if node.func.id in ("list", "set") and len(node.args) == 1:
            left, right = "[]" if node.func.id == "list" else "{}"
            start = between(before(node, frame), before(subject, frame))
            end = between(after(subject, frame), after(node, frame))
            return "read it with `async for`", (Edit(start, f"{left}one async for one in "), Edit(end, right))
        if node.func.id == "len" and len(node.args) == 1:
            start = between(before(node, frame), before(subject, frame))
            end = between(after(subject, frame), after(node, frame))
            opened, closed = _brackets(node, parents)
            return "count it with `await ….acount()`", (
                Edit(start, f"{opened}await "),
                Edit(end, f".acount(){closed}"),
            )
    return None


def _async_comprehension(
    generator: m.Generator, comprehension: m.Node, frame: Frame
) -> tuple[str, tuple[Edit, ...]] | None:
    """`[x for x in rows]` → `[x async for x in rows]`, where nothing but ` for ` stands before the variable."""
    assert isinstance(comprehension, m.Comprehension)
    if comprehension.generators[0] is not generator or comprehension.kind == "generator":
        return None
    left, right = after(comprehension.element, frame), before(generator.target, frame)
    if (left.span.line, left.span.column + len(" for ")) != (right.span.line, right.span.column):
        return None
    return "read it with `async for`", (Edit(between(left, right), " async for "),)


def _in_thread(
    stack: Stack, node: m.Expr, frame: Frame, parents: tuple[m.Node, ...]
) -> tuple[str, tuple[Edit, ...]] | None:
    """`f(x)` → `await database_sync_to_async(f)(x)`, with the import."""
    if not isinstance(node, m.Call) or not isinstance(node.func, (m.Name, m.Attribute)):
        return None
    line = import_line(stack, frame.path, "channels.db", THREAD)
    found = import_edit(stack, frame.path, [line], of_project=False) if line is not None else None
    if line is not None and found is None:
        return None
    opened, closed = _brackets(node, parents)
    awaited = "" if parents and isinstance(parents[-1], m.Await) else "await "
    edits = [
        Edit(before(node, frame), f"{opened}{awaited}{THREAD}("),
        Edit(after(node.func, frame), ")"),
        *([Edit(after(node, frame), closed)] if closed else []),
        *([found] if found is not None else []),
    ]
    return "run it in a thread", tuple(edits)


def _asynchronous_call(
    func: m.Attribute, node: m.Call, frame: Frame, parents: tuple[m.Node, ...]
) -> tuple[str, tuple[Edit, ...]]:
    opened, closed = _brackets(node, parents)
    awaited = "" if parents and isinstance(parents[-1], m.Await) else "await "
    name = frame.at(func.attr_span.begin)
    edits = [Edit(name, "a")]
    if awaited:
        edits.append(Edit(before(node, frame), f"{opened}{awaited}"))
    if closed:
        edits.append(Edit(after(node, frame), closed))
    return f"`await` its asynchronous form, `a{func.attr}()`", tuple(edits)


def _brackets(node: m.Expr, parents: tuple[m.Node, ...]) -> tuple[str, str]:
    """What must stand around `await node` where more is done with it."""
    parent = parents[-1] if parents else None
    match parent:
        case m.Attribute() | m.Subscript() if parent.value is node:
            return "(", ")"
        case m.Call() if parent.func is node:
            return "(", ")"
        case _:
            return "", ""


def _parents(body: Body, node: m.Node) -> tuple[m.Node, ...]:
    """The nodes above one in a function, outermost first."""

    def down(above: tuple[m.Node, ...], found: Iterable[m.Node]) -> tuple[m.Node, ...] | None:
        for child in found:
            if child is node:
                return above
            if not isinstance(child, (m.FunctionDef, m.ClassDef, m.Lambda)):
                deeper = down((*above, child), children(child))
                if deeper is not None:
                    return deeper
        return None

    roots = body.node.body if isinstance(body.node, m.FunctionDef) else ()
    return down((), iter(roots)) or ()
