"""Stacks of a few files, for tests of the engine: the files are buffers over an empty folder."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

from wslint.cache import Cache
from wslint.config import Config
from wslint.discover import discover
from wslint.facts import model as m
from wslint.facts.walk import below
from wslint.stack import model as d
from wslint.stack.build import build
from wslint.stack.code.classes import Class
from wslint.stack.code.values import (
    CallValue,
    ClassValue,
    Display,
    ExternalValue,
    Frame,
    FunctionValue,
    Literal,
    ModuleValue,
    Value,
)

EMPTY = Path(mkdtemp(prefix="wslint-stacks-"))

SETTINGS = 'INSTALLED_APPS = ["channels"]\nASGI_APPLICATION = "asgi.application"\n'


def stack_of(files: Mapping[str, str], *, packages: bool = True) -> d.Stack:
    """The stack of a project with these files; every folder gets an `__init__.py` unless told otherwise."""
    held = {"settings.py": SETTINGS, **{path: textwrap.dedent(source) for path, source in files.items()}}
    for path in list(held) if packages else ():
        folder = path.rpartition("/")[0]
        while folder:
            held.setdefault(f"{folder}/__init__.py", "")
            folder = folder.rpartition("/")[0]
    tree = discover(EMPTY, overlay={path: source.encode() for path, source in held.items()})
    return build(tree, Cache(None), Config())


def use(stack: d.Stack, path: str = "main.py") -> tuple[m.Expr, Frame]:
    """The argument of the only `use(…)` in a file, and the frame it stands in."""
    module = stack.modules.at(path)
    assert module is not None
    work: list[tuple[m.Node, Frame]] = [(node, stack.values.module_frame(module)) for node in module.facts.body]
    while work:
        node, frame = work.pop()
        if isinstance(node, m.Call) and isinstance(node.func, m.Name) and node.func.id == "use":
            return node.args[0].value, frame
        inner = frame
        if isinstance(node, (m.FunctionDef, m.ClassDef)):
            inner = stack.values.frame(frame.scope.child(node))
        work.extend((child, inner) for child in _children(node))
    raise AssertionError(f"no use(…) in {path}")


def _children(node: m.Node) -> list[m.Node]:
    from wslint.facts.walk import children

    return list(children(node))


def values(source: str | Mapping[str, str]) -> list[str]:
    """What the argument of `use(…)` in main.py can be, written down and sorted."""
    files = {"main.py": source} if isinstance(source, str) else source
    stack = stack_of(files)
    expr, frame = use(stack)
    return sorted(shown(value) for value in stack.values.of(expr, frame))


def shown(value: Value) -> str:
    """A value as a short text."""
    match value:
        case Literal():
            return repr(value.value)
        case ExternalValue():
            return value.dotted
        case ClassValue():
            return f"class {value.cls.name}"
        case FunctionValue():
            return f"function {value.name}"
        case ModuleValue():
            return f"module {value.module.name}"
        case CallValue():
            return f"{shown(value.callee)}()"
        case Display():
            return type(value.node).__name__
        case _:
            return type(value).__name__


def patterns(source: str | Mapping[str, str]) -> list[str]:
    """The texts that the argument of `use(…)` in main.py can be."""
    files = {"main.py": source} if isinstance(source, str) else source
    stack = stack_of(files)
    return sorted(map(str, stack.texts.of(*use(stack))))


def class_of(stack: d.Stack, path: str, name: str) -> Class:
    """A class by its name."""
    module = stack.modules.at(path)
    assert module is not None
    nodes = [*module.facts.body, *(inner for node in module.facts.body for inner in below(node))]
    node = next(node for node in nodes if isinstance(node, m.ClassDef) and node.name == name)
    return stack.values.cls(node, module.scope)
