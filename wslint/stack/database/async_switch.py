"""Where a server gets DJANGO_ALLOW_ASYNC_UNSAFE, which turns off Django's test for the ORM on the event loop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.knowledge.orm import UNSAFE_SWITCH
from wslint.location import Location
from wslint.stack.code.link import Module
from wslint.stack.code.scope import scopes
from wslint.stack.code.values import Literal
from wslint.stack.model import Stack
from wslint.stack.project.placed import is_test_path, is_vendored_path
from wslint.stack.settings.environment import Option, environment_default
from wslint.stack.settings.fallbacks import around, is_at_home
from wslint.stack.settings.settings import purpose_of
from wslint.stack.settings.variables import variable_sets

SERVERS = frozenset({"daphne", "uvicorn", "hypercorn", "granian", "gunicorn", "uwsgi", "runserver"})
_ALONE = re.compile(r"notebook|jupyter|ipython|ipykernel|shell|e2e|playwright|test", re.IGNORECASE)
"""Words of places where one person works with the ORM and nothing else runs on the loop."""


@dataclass(eq=False)
class Switch:
    """One place that sets the variable, and the text it is set to."""

    location: Location
    text: str


def unsafe_switches(stack: Stack) -> Iterator[Switch]:
    """Every place that turns the test off in a server: code that servers import, and their commands' environment."""
    for path in sorted(mentions(stack.tree, (UNSAFE_SWITCH.encode(),), list(stack.files))):
        module = stack.modules.at(path)
        if module is not None and not is_vendored_path(path) and not _is_alone(module):
            yield from _in_code(stack, module)
    for process in stack.processes:
        command = process.command
        text = dict(command.environment).get(UNSAFE_SWITCH)
        if not text or command.source == "hint" or command.program not in SERVERS:
            continue
        if not process.in_tests and not _ALONE.search(f"{process.path} {command.service or ''}"):
            yield Switch(process.location, text)


def _in_code(stack: Stack, module: Module) -> Iterator[Switch]:
    for scope in scopes(module):
        if _is_undone(scope.body):
            continue
        frame = stack.values.frame(scope)
        for node, option in variable_sets(stack, scope.body, frame, UNSAFE_SWITCH):
            text = _text(stack, option)
            if text and not _is_for_one(module, node):
                yield Switch(frame.at(node), text)


def _text(stack: Stack, option: Option) -> str:
    """The text that is set, or the default when the environment may say otherwise; empty when off or unknown."""
    value = stack.values.one(option.expr, option.frame)
    default = environment_default(value, stack)
    if default is not None:
        value = stack.values.one(default.expr, default.frame)
        if isinstance(value, Literal) and str(value.value).lower() in ("false", "0", "none"):
            return ""
    return str(value.value) if isinstance(value, Literal) and value.value not in (None, False) else ""


def _is_alone(module: Module) -> bool:
    """Tests, development settings, commands and notebooks: no server runs this."""
    return (
        is_test_path(module.path)
        or purpose_of(module) in ("test", "development")
        or "/management/commands/" in f"/{module.path}"
        or _ALONE.search(module.path) is not None
    )


def _is_for_one(module: Module, node: m.Node) -> bool:
    """Does a condition ask for a notebook, a shell, DEBUG or the like?"""
    for outer in around(module.facts.body, node.span):
        if isinstance(outer, m.If):
            texts = (one for one in within((outer.test,)) if isinstance(one, m.Constant))
            if is_at_home(outer.test) or any(_ALONE.search(str(text.value)) for text in texts):
                return True
    return False


def _is_undone(body: tuple[m.Stmt, ...]) -> bool:
    """Does the same code take the variable away again?"""
    for node in within(body):
        match node:
            case m.Call(func=m.Attribute(attr="pop"), args=[first, *_]):
                if isinstance(first.value, m.Constant) and first.value.value == UNSAFE_SWITCH:
                    return True
            case m.Delete(targets=targets):
                indices = (target.index for target in targets if isinstance(target, m.Subscript))
                if any(isinstance(index, m.Constant) and index.value == UNSAFE_SWITCH for index in indices):
                    return True
            case _:
                pass
    return False
