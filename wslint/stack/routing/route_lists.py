"""Lists of websocket routes that a project keeps, whether a router uses them yet or not."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import below
from wslint.knowledge.channels import PATH_FUNCTIONS
from wslint.stack.code.values import Frame
from wslint.stack.model import Stack, is_test_path


def route_lists(stack: Stack, root: str) -> Iterator[tuple[str, str]]:
    """The module and name of every list of routes that mount consumers."""
    for path in sorted(stack.files):
        module = stack.modules.at(path)
        if module is None or module.root != root or is_test_path(path):
            continue
        frame = stack.values.module_frame(module)
        for name, bindings in module.scope.bindings.items():
            listed = bindings[-1].value
            if isinstance(listed, m.Sequence) and any(_mounts(stack, item, frame) for item in listed.items):
                yield module.name, name


def _mounts(stack: Stack, item: m.Expr, frame: Frame) -> bool:
    return (
        isinstance(item, m.Call)
        and stack.values.dotted(item.func, frame) in PATH_FUNCTIONS
        and any(isinstance(node, m.Attribute) and node.attr == "as_asgi" for node in below(item))
    )
