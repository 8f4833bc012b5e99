"""What the project's own code puts into environment variables."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.stack.code.values import Frame
from wslint.stack.layers.layers import dict_entries
from wslint.stack.model import Stack
from wslint.stack.settings.environment import Option

_SETS = ("os.environ.setdefault", "os.putenv")


def variable_sets(stack: Stack, body: tuple[m.Stmt, ...], frame: Frame, name: str) -> Iterator[tuple[m.Node, Option]]:
    """The nodes of a body that set an environment variable, each with what it is set to."""
    for node in within(body):
        match node:
            case m.Call(func=func, args=args):
                called = stack.values.dotted(func, frame)
                if called in _SETS and len(args) > 1 and stack.values.constant(args[0].value, frame) == name:
                    yield node, Option(args[1].value, frame)
                for arg in args if called == "os.environ.update" else ():
                    if arg.keyword == name:
                        yield node, Option(arg.value, frame)
                    elif arg.keyword is None:
                        for option in dict_entries(stack, arg.value, frame)[0].get(name, ()):
                            yield node, option
            case m.Assign(targets=targets, value=value) if value is not None:
                for target in targets:
                    if not isinstance(target, m.Subscript) or stack.values.constant(target.index, frame) != name:
                        continue
                    if stack.values.dotted(target.value, frame) == "os.environ":
                        yield node, Option(value, frame)
            case _:
                pass
