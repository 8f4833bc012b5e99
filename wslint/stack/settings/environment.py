"""Values that come from the environment, and texts with their defaults filled in."""

from __future__ import annotations

from dataclasses import dataclass

from wslint.facts import model as m
from wslint.location import Location
from wslint.stack.code.text import Hole, Pattern
from wslint.stack.code.values import CallValue, Display, ExternalValue, Frame, Literal, Unknown, Value, argument
from wslint.stack.model import Stack


@dataclass(eq=False)
class Option:
    """One possible value of a key: the expression, where it is read, and the key's own expression."""

    expr: m.Expr
    frame: Frame
    key: m.Node | None = None

    @property
    def location(self) -> Location:
        return self.frame.at(self.expr)

    @property
    def key_location(self) -> Location:
        return self.location if self.key is None else self.frame.at(self.key)


_ENVIRONMENT = frozenset({"os.environ.get", "os.getenv", "os.environ.setdefault"})


def environment_default(value: Value | None, stack: Stack) -> Option | None:
    """The default of a value that is read from the environment (`os.environ.get`, `env(…)` …), if it has one."""
    if not isinstance(value, CallValue):
        return None
    call = value.node
    if value.dotted in _ENVIRONMENT:
        default = argument(call, 1, "default")
    elif _reads_environment(value):
        default = argument(call, 1 << 30, "default")
    else:
        return None
    return None if default is None else Option(default, value.frame)


def _reads_environment(value: CallValue) -> bool:
    """`env("X")`, `env.str("X")`, `config("X")` of django-environ, decouple, environs."""
    first = argument(value.node, 0)
    if not isinstance(first, m.Constant) or not isinstance(first.value, str):
        return False
    func = value.node.func
    written = func.value if isinstance(func, m.Attribute) else func
    return isinstance(written, m.Name) and written.id.lower() in ("env", "config", "environ")


def is_text(value: Value, stack: Stack) -> bool:
    """Is a value surely a str?"""
    match value:
        case Literal(value=str()):
            return True
        case Display(node=m.FString()):
            return True
        case Display(node=m.BinaryOp(op="+" | "%", left=left), frame=frame):
            return all(is_text(inner, stack) for inner in stack.values.of(left, frame))
        case CallValue(node=m.Call(func=m.Attribute(value=inner, attr="format")), frame=frame):
            return all(is_text(found, stack) for found in stack.values.of(inner, frame))
        case CallValue(dotted="builtins.str"):
            return True
        case CallValue() if value.dotted in _ENVIRONMENT:
            default = environment_default(value, stack)
            return default is not None and all(
                is_text(inner, stack) for inner in stack.values.of(default.expr, default.frame)
            )
        case Unknown(node=m.Subscript(value=inner)) if isinstance(inner, m.Attribute):
            return inner.attr == "environ"
        case _:
            return False


def text_with_defaults(pattern: Pattern, stack: Stack, depth: int = 0) -> str | None:
    """A pattern's text with every hole filled by the default of the environment variable; None when one has none."""
    out: list[str] = []
    for part in pattern.parts:
        text = part if isinstance(part, str) else _filled(part, stack, depth)
        if text is None:
            return None
        out.append(text)
    return "".join(out)


def start_with_defaults(pattern: Pattern, stack: Stack) -> str:
    """The text that a pattern begins with, environment defaults filled in, up to the first unknown part."""
    out: list[str] = []
    for part in pattern.parts:
        text = part if isinstance(part, str) else _filled(part, stack, 0)
        if text is None:
            break
        out.append(text)
    return "".join(out)


def _filled(hole: Hole, stack: Stack, depth: int) -> str | None:
    default = environment_default(hole.value, stack)
    if default is None or depth > 4:
        return None
    texts = {text_with_defaults(pattern, stack, depth + 1) for pattern in stack.texts.of(default.expr, default.frame)}
    return texts.pop() if len(texts) == 1 else None


def environment_value(value: Value) -> bool:
    """Is a value read from the environment, as far as can be seen?"""
    if isinstance(value, CallValue):
        return value.dotted in _ENVIRONMENT or _reads_environment(value)
    if isinstance(value, Unknown) and isinstance(value.node, m.Subscript):
        return isinstance(value.node.value, m.Attribute) and value.node.value.attr == "environ"
    return isinstance(value, ExternalValue) and value.dotted.startswith("os.environ")
