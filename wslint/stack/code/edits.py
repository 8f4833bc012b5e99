"""Text edits that several rules need: wrap an expression in a call, import a name where a module can use it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile

from wslint.facts import model as m
from wslint.facts.walk import contains, within
from wslint.location import Edit, Location, Span
from wslint.source import Source
from wslint.stack.code.callers import Place
from wslint.stack.model import Stack


def wrap_edits(path: str, span: Span, name: str, end: str = ")") -> list[Edit]:
    """`value` → `name(value)`; `end` closes the call, further arguments included."""
    before = span.begin
    after = span.end
    return [Edit(Location(path, before), f"{name}("), Edit(Location(path, after), end)]


def import_line(stack: Stack, path: str, module: str, name: str) -> str | None:
    """`from module import name`; None when the file binds the name already."""
    home = stack.modules.at(path)
    return None if home is None or name in home.scope.bindings else f"from {module} import {name}\n"


def import_edit(stack: Stack, path: str, lines: Iterable[str], *, of_project: bool) -> Edit | None:
    """Import lines for a file; None when there is nothing to add.

    Names of packages go to the end of the leading imports. Names of the project go after the last import, for what an
    ASGI module imports of the project must stand below `get_asgi_application()`.
    """
    text = "".join(lines)
    home = stack.modules.at(path)
    if home is None or not text:
        return None
    body = [item for item in home.facts.body if not isinstance(item, m.ExpressionStatement)]
    leading = list(takewhile(lambda item: isinstance(item, m.Import), body))
    imports = [item for item in body if isinstance(item, m.Import)] if of_project else leading
    if not imports:
        return None
    if len(imports) > len(leading):
        text = text.replace("\n", "  # noqa: E402\n")
    line = imports[-1].span.end_line + 1
    return Edit(Location(path, Span(line, 1, line, 1)), text)


def is_bracketed(stack: Stack, node: m.Node, path: str) -> bool:
    """Does an expression stand in brackets of its own, so that what is put beside it would land inside them?"""
    try:
        source = Source.decode(stack.tree.read(path))
    except OSError:
        return True
    start = source.offset(node.span.line, node.span.column)
    end = source.offset(node.span.end_line, node.span.end_column)
    return source.text[:start].rstrip().endswith("(") and source.text[end:].lstrip().startswith(")")


def cut_edit(place: Place, path: str) -> Edit | None:
    """Take out a statement, a comment behind it stays; None where it shares its line with another."""
    span, at = place.statement.span, place.block.index(place.statement)
    if at and place.block[at - 1].span.end_line == span.line:
        return None
    if at + 1 < len(place.block) and place.block[at + 1].span.line == span.end_line:
        return None
    if len(place.block) == 1:
        return Edit(Location(path, span), "pass")
    return Edit(Location(path, Span(span.line, 1, span.end_line, span.end_column)), "")


def has_own_lines(statement: m.Stmt, function: m.FunctionDef) -> bool:
    """Does a statement of a function begin and end on lines that hold no other one (`if …: statement`, `;`)?"""
    span = statement.span
    lines = {span.line, span.end_line}
    others = (found for found in within(function.body) if isinstance(found, m.Stmt) and not contains(span, found.span))
    return function.span.line != span.line and all(
        lines.isdisjoint((found.span.line, found.span.end_line))
        or (found.span.line < span.line and contains(found.span, span))
        for found in others
    )
