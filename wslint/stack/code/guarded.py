"""Is an exception that a line raises caught around it: by `try`, `suppress()` or a context manager of the project?"""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import below, contains, within
from wslint.stack.code.values import CallValue, ClassValue, Display, ExternalValue, Frame, FunctionValue, Values

BROAD = frozenset({"builtins.Exception", "builtins.BaseException"})
NOT_JSON = BROAD | {
    "builtins.ValueError",
    "json.JSONDecodeError",
    "json.decoder.JSONDecodeError",
    "orjson.JSONDecodeError",
    "simplejson.JSONDecodeError",
    "simplejson.errors.JSONDecodeError",
    "ujson.JSONDecodeError",
    "requests.exceptions.JSONDecodeError",
}
"""What catches the failure of `json.loads(text)` on text that is no JSON."""
NO_KEY = BROAD | {"builtins.KeyError", "builtins.LookupError"}
"""What catches the failure of `value["key"]` when the key is not there."""
WRONG_TYPE = BROAD | {"builtins.TypeError"}
GONE = BROAD | {"builtins.OSError", "builtins.IOError", "builtins.RuntimeError"}
"""What catches that which daphne and uvicorn raise for a word to a socket that is closed."""
NO_ATTRIBUTE = BROAD | {"builtins.AttributeError"}
ROW_ERRORS = frozenset({"DoesNotExist", "MultipleObjectsReturned"})
"""The exceptions that each model has for its own rows."""


def is_caught(body: tuple[m.Stmt, ...], node: m.Node, names: frozenset[str], frame: Frame, values: Values) -> bool:
    """Does something around a node of a function's body catch one of these exceptions, or may it?

    A handler that ends by raising the same exception again does not count.
    """
    return any(catches(block, names, frame, values) for block in _around(body, node, values))


def handles(handler: m.Handler, names: frozenset[str], frame: Frame, values: Values) -> bool:
    """Is a handler for one of these exceptions, or may it be?"""
    return handler.exception is None or _is_one(handler.exception, names, frame, values)


def swallows(decorator: m.Expr, frame: Frame, values: Values) -> bool:
    """May a decorator catch what its function raises? One of the project does when it has a `try`."""
    target = decorator.func if isinstance(decorator, m.Call) else decorator
    value = values.one(target, frame)
    if isinstance(value, ExternalValue):
        return value.dotted not in _TRANSPARENT
    return not isinstance(value, FunctionValue) or _tries(value.node)


def _around(body: tuple[m.Stmt, ...], node: m.Node, values: Values) -> Iterator[m.Try | m.With]:
    """The `try` and `with` blocks whose body holds a node."""
    return (block for block in _blocks(body, values) if any(contains(one.span, node.span) for one in block.body))


def _blocks(body: tuple[m.Stmt, ...], values: Values) -> list[m.Try | m.With]:
    """The `try` and `with` blocks of a function's body, found once."""
    known: dict[int, tuple[tuple[m.Stmt, ...], list[m.Try | m.With]]] = values.__dict__.setdefault("_guards", {})
    if id(body) not in known:
        known[id(body)] = body, [block for block in within(body) if isinstance(block, (m.Try, m.With))]
    return known[id(body)][1]


def catches(block: m.Try | m.With, names: frozenset[str], frame: Frame, values: Values) -> bool:
    """Does a block catch one of these exceptions for good, or may it?"""
    if isinstance(block, m.With):
        return any(_suppresses(item.value, names, frame, values) for item in block.items)
    handler = next((one for one in block.handlers if handles(one, names, frame, values)), None)
    return handler is not None and not raises_again(handler)


def _is_one(exception: m.Expr, names: frozenset[str], frame: Frame, values: Values) -> bool:
    if isinstance(exception, m.Sequence):
        return any(_is_one(item, names, frame, values) for item in exception.items)
    for value in values.of(exception, frame):
        match value:
            case ExternalValue(dotted=dotted):
                if dotted in names:
                    return True
            case Display(node=m.Sequence() as node):
                if _is_one(node, names, value.frame, values):
                    return True
            case ClassValue():
                pass  # an exception of the project is never raised by the language
            case _:
                if not _is_of_rows(exception) or any(map(_ends_for_rows, names)):
                    return True
    return False


def _is_of_rows(exception: m.Expr) -> bool:
    """Is it `Model.DoesNotExist` or the like, which nothing but a query raises?"""
    return isinstance(exception, m.Attribute) and exception.attr in ROW_ERRORS


def _ends_for_rows(name: str) -> bool:
    return name.rpartition(".")[2] in ROW_ERRORS | {"ObjectDoesNotExist"}


def raises_again(handler: m.Handler) -> bool:
    """Does a handler end by raising the same exception again?"""
    match handler.body[-1] if handler.body else None:
        case m.Raise(exception=None):
            return True
        case m.Raise(exception=m.Name(id=name)):
            return name == handler.name
        case _:
            return False


def _suppresses(item: m.Expr, names: frozenset[str], frame: Frame, values: Values) -> bool:
    """Does a context manager swallow exceptions, or may it?"""
    func = item.func if isinstance(item, m.Call) else item
    for value in values.of(func, frame):
        match value:
            case ExternalValue(dotted="contextlib.suppress") if isinstance(item, m.Call):
                if any(_is_one(arg.value, names, frame, values) for arg in item.args):
                    return True
            case FunctionValue():
                if _tries(value.node):
                    return True
            case ClassValue(cls=cls) | CallValue(callee=ClassValue(cls=cls)):
                if cls.defines("__exit__") or cls.defines("__aexit__"):
                    return True
            case _:
                pass
    return False


def _tries(node: m.Node) -> bool:
    return any(isinstance(inner, m.Try) and inner.handlers for inner in below(node))


_TRANSPARENT = frozenset(
    {
        "asgiref.sync.async_to_sync",
        "asgiref.sync.sync_to_async",
        "channels.db.database_sync_to_async",
        "builtins.staticmethod",
        "builtins.classmethod",
        "builtins.property",
        "typing.override",
        "typing_extensions.override",
        "abc.abstractmethod",
        "django.db.transaction.atomic",
    }
)
"""Decorators that let exceptions through."""
