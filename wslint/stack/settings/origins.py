"""The lists of origins that settings hold, and what in them is a web origin (RFC 6454: scheme, host, port)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.location import Location, Span
from wslint.stack.code.lists import Lists
from wslint.stack.code.text import Texts
from wslint.stack.code.values import CallValue, Display, Frame, Literal, Values, argument
from wslint.stack.model import Placed, Setting, Settings, SettingsModule, Stack, is_test_path, is_vendored_path

CORS_LISTS = ("CORS_ALLOWED_ORIGINS", "CORS_ORIGIN_WHITELIST")
CORS_REGEXES = ("CORS_ALLOWED_ORIGIN_REGEXES", "CORS_ORIGIN_REGEX_WHITELIST")
CORS_ALLOW_ALL = ("CORS_ALLOW_ALL_ORIGINS", "CORS_ORIGIN_ALLOW_ALL")
"""Settings of django-cors-headers, each with the name it had before 3.5."""

OPAQUE_ORIGINS = frozenset({"null", "file://"})
"""What browsers send from sandboxes and files; django-cors-headers takes both."""

_END = Span(1 << 60, 1, 1 << 60, 1)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ENVIRONMENT = frozenset({"os.environ.get", "os.getenv"})


class Origin(NamedTuple):
    """Scheme, host and port as a browser compares them."""

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port in (None, _DEFAULT_PORTS.get(self.scheme)) else f":{self.port}"
        return f"{self.scheme}://{shown}{port}"


class Entry(NamedTuple):
    """One text of a list and where it stands."""

    text: str
    location: Location


@dataclass(eq=False)
class OriginList(Placed):
    """A list in one settings module; `location` is the value given last.

    `entries` are the texts that can be read, `complete` says that there are no others; `from_environment`: the
    entries are the defaults of a value that the environment may replace.
    """

    name: str
    location: Location
    module: SettingsModule
    frame: Frame
    entries: tuple[Entry, ...]
    complete: bool
    from_environment: bool
    value: m.Expr

    @property
    def origins(self) -> frozenset[Origin]:
        return frozenset(origin for entry in self.entries if (origin := origin_of(entry.text)) is not None)


def origin_of(text: str) -> Origin | None:
    """The origin of a URL; None when the text has no scheme or host."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname:
        return None
    return Origin(parts.scheme, parts.hostname, port or _DEFAULT_PORTS.get(parts.scheme))


def origin_lists(settings: Settings, names: tuple[str, ...]) -> Iterator[OriginList]:
    """The lists that the project's settings modules define under these names; those for tests left out."""
    for module in settings.serving:
        for name in names:
            own = module.own.get(name, ())
            for frame in {id(setting.frame): setting.frame for setting in own}.values():
                yield _read(name, own, module, frame, settings.stack.values)


def texts_of(setting: Setting, values: Values) -> Iterator[Entry]:
    """The texts that a setting surely or by default is: a literal, a default of an environment variable."""
    for value in values.of(setting.expr, setting.frame):
        if isinstance(value, Literal) and isinstance(value.value, str):
            yield Entry(value.value, value.frame.at(value.node))
        elif isinstance(value, (CallValue, Display)):
            yield from _default(value.node, value.frame, values)


def cors_is_decided_in_code(stack: Stack) -> bool:
    """Does a receiver of check_request_enabled, or a subclass of CorsMiddleware, let origins in?"""
    found = mentions(stack.tree, (b"check_request_enabled", b"CorsMiddleware)"))
    return any(not is_test_path(path) and not is_vendored_path(path) for path in found)


def _read(name: str, own: tuple[Setting, ...], module: SettingsModule, frame: Frame, values: Values) -> OriginList:
    last = [setting for setting in own if setting.frame is frame][-1]
    at_end = m.Name(_END, name)
    lists, texts = Lists(values), Texts(values)
    items = lists.of(at_end, frame)
    entries: list[Entry] = []
    complete = items.complete
    for expr, inner in items.items:
        literals = [pattern.literal for pattern in texts.of(expr, inner)]
        entries.extend(Entry(text, inner.at(expr)) for text in literals if text is not None)
        complete = complete and None not in literals
    from_environment = False
    for value in values.of(at_end, frame):
        if isinstance(value, (CallValue, Display)) and not isinstance(value.node, m.Sequence):
            found = list(_default(value.node, value.frame, values))
            entries.extend(found)
            from_environment = from_environment or bool(found) or isinstance(value, CallValue)
            complete = False
    return OriginList(name, last.location, module, frame, tuple(entries), complete, from_environment, last.expr)


def _default(expr: m.Expr, frame: Frame, values: Values, depth: int = 0) -> Iterator[Entry]:
    """The texts that a value from the environment has when the variable is not set."""
    if depth > 8:
        return
    match expr:
        case m.Call(func=m.Attribute(attr="split", value=inner)):
            given = argument(expr, 0, "sep")
            mark = "," if given is None else values.constant(given, frame)
            for entry in _default(inner, frame, values, depth + 1):
                parts = entry.text.split(mark if isinstance(mark, str) and mark else ",")
                yield from (Entry(part.strip(), entry.location) for part in parts if part.strip())
        case m.Call(func=m.Attribute(attr="strip" | "rstrip" | "lower", value=inner)):
            yield from _default(inner, frame, values, depth + 1)
        case m.Call() if values.dotted(expr.func, frame) in _ENVIRONMENT:
            yield from _texts(argument(expr, 1, "default"), frame, values)
        case m.Call() if values.dotted(expr.func, frame) in _PASSING and expr.args:
            yield from _default(expr.args[-1].value, frame, values, depth + 1)
        case m.Call():
            given = argument(expr, 1 << 30, "default")
            separated = _is_list_reader(expr)
            for entry in _texts(given, frame, values):
                parts = entry.text.split(",") if separated else [entry.text]
                yield from (Entry(part.strip(), entry.location) for part in parts if part.strip())
        case m.Comprehension(generators=(generator, *_)):
            yield from _default(generator.iterable, frame, values, depth + 1)
        case m.BoolOp(op="or"):
            yield from _default(expr.right, frame, values, depth + 1)
        case m.Constant(value=str()):
            yield from _texts(expr, frame, values)
        case m.Name():
            for value in values.of(expr, frame):
                if isinstance(value, (CallValue, Display, Literal)):
                    yield from _default(value.node, value.frame, values, depth + 1)
        case _:
            return


def _is_list_reader(call: m.Call) -> bool:
    """`env.list(…)`, `config(…, cast=Csv())`: one text, many entries."""
    if isinstance(call.func, m.Attribute) and call.func.attr in ("list", "tuple", "get_list"):
        return True
    cast = argument(call, 1 << 30, "cast")
    return cast is not None


def _texts(expr: m.Expr | None, frame: Frame, values: Values) -> Iterator[Entry]:
    if expr is None:
        return
    for value in values.of(expr, frame):
        if isinstance(value, Literal) and isinstance(value.value, str):
            yield Entry(value.value, value.frame.at(value.node))
        elif isinstance(value, Display) and isinstance(value.node, m.Sequence):
            for item in value.node.items:
                text = values.constant(item, value.frame)
                if isinstance(text, str):
                    yield Entry(text, value.frame.at(item))


_PASSING = frozenset({"builtins.list", "builtins.tuple", "builtins.filter", "builtins.map", "builtins.set"})
"""Calls that hand on the items of their last argument."""
