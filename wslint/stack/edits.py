"""Text edits that several rules need: wrap an expression in a call, import a name where a module can use it."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.location import Span
from wslint.location import Edit, Location
from wslint.stack.model import Stack


def wrap_edits(path: str, span: Span, name: str) -> list[Edit]:
    """`value` → `name(value)`."""
    start = Span(span.line, span.column, span.line, span.column)
    end = Span(span.end_line, span.end_column, span.end_line, span.end_column)
    return [Edit(Location(path, start), f"{name}("), Edit(Location(path, end), ")")]


def import_edit(stack: Stack, path: str, module: str, name: str) -> Edit | None:
    """`from module import name` after the last import of a file's top level; None when the name is bound already.

    It goes last because what an ASGI module imports of the project must stand below `get_asgi_application()`.
    """
    home = stack.modules.at(path)
    if home is None or name in home.scope.bindings:
        return None
    imports = [item for item in home.facts.body if isinstance(item, m.Import) and item.module != "__future__"]
    if not imports:
        return None
    line = imports[-1].span.end_line + 1
    at = Span(line, 1, line, 1)
    return Edit(Location(path, at), f"from {module} import {name}\n")
