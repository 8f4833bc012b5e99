"""The edit that lets a consumer leave a group in disconnect()."""

from __future__ import annotations

from wslint.facts import model as m
from wslint.location import Edit, Location
from wslint.stack.code.classes import Method
from wslint.stack.code.values import argument
from wslint.stack.groups.leaving import Leaving
from wslint.stack.model import Send


def discard_edit(leaving: Leaving, join: Send) -> Edit | None:
    """`group_discard` as the first act of disconnect(), or a disconnect() of that; None where names do not reach."""
    cls, group = leaving.consumer.cls, argument(join.call, 0, "group")
    home = _method_around(leaving, join)
    if home is None or join.through is not None or not leaving.consumer.is_websocket or group is None:
        return None
    call, name = _discard(join.call), _written(group, home)
    if call is None or name is None:
        return None
    wait = "await " if home.node.is_async and join.via == "await" else ""
    line = f"{wait}{call}({name}, self.channel_name)"
    own = cls.own_methods.get("disconnect")
    if own is None:
        return None if leaving.method is not None else _new_method(home, line)
    return _first_line(own, line) if own.node.is_async == home.node.is_async else None


def _method_around(leaving: Leaving, join: Send) -> Method | None:
    methods = leaving.consumer.cls.own_methods.values()
    return next((one for one in methods if join.inside is not None and one.node is join.inside.node), None)


def _new_method(home: Method, line: str) -> Edit:
    """A disconnect() behind the method that joins."""
    span, indent = home.node.span, " " * (home.node.body[0].span.column - 1)
    if home.node.body[0].span.line == home.node.name_span.line:
        indent = " " * (span.column + 3)
    margin = " " * (span.column - 1)
    keyword = "async def" if home.node.is_async else "def"
    end = span.end
    return Edit(Location(home.path, end), f"\n\n{margin}{keyword} disconnect(self, code):\n{indent}{line}")


def _first_line(method: Method, line: str) -> Edit | None:
    body = method.node.body
    first = next((one for one in body if not _is_docstring(one)), None)
    if first is None or first.span.line == method.node.name_span.line:
        return None
    if len(body) == 1 and isinstance(first, m.Jump) and first.kind == "pass":
        return Edit(Location(method.path, first.span), line)
    span = first.span.begin
    return Edit(Location(method.path, span), f"{line}\n{' ' * (first.span.column - 1)}")


def _is_docstring(statement: m.Stmt) -> bool:
    return isinstance(statement, m.ExpressionStatement) and isinstance(statement.value, m.Constant)


def _discard(call: m.Call) -> str | None:
    """`self.channel_layer.group_add` → `self.channel_layer.group_discard`, inside `async_to_sync(…)` too."""
    func = call.func
    wrapped = ""
    if isinstance(func, m.Call) and isinstance(func.func, m.Name) and len(func.args) == 1:
        wrapped, func = func.func.id, func.args[0].value
    match func:
        case m.Attribute(attr="group_add", value=m.Attribute(attr="channel_layer", value=m.Name(id="self"))):
            plain = "self.channel_layer.group_discard"
            return f"{wrapped}({plain})" if wrapped else plain
        case _:
            return None


def _written(group: m.Expr, home: Method) -> str | None:
    """The group's name as disconnect() can say it: a text or an attribute of self."""
    match group:
        case m.Constant(value=str() as text) if text.isascii() and '"' not in text and "\\" not in text:
            return f'"{text}"'
        case m.Attribute(value=m.Name(id="self"), attr=attr):
            return f"self.{attr}"
        case _:
            return None
