"""The code that runs with a class or function: its methods, nested functions, and the project functions they call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.location import Location, Span
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.values import Frame, FunctionValue, Value, Values

MAX_CODES = 120
"""How many functions are followed from one class; what lies further is not looked at."""


@dataclass(eq=False, frozen=True)
class Code:
    """A function and the frame that its body is read in."""

    node: m.FunctionDef
    frame: Frame

    def nodes(self) -> Iterator[m.Node]:
        """Everything that runs with it; nested functions are codes of their own."""
        return within(self.node.body)

    def at(self, node: m.Node | Span) -> Location:
        return self.frame.at(node)


def of_method(method: Method) -> Code:
    return Code(method.node, method.frame)


def of_function(function: FunctionValue, values: Values) -> Code | None:
    """The code of a project function; None for a lambda, which is read where it stands."""
    if not isinstance(function.node, m.FunctionDef):
        return None
    return Code(function.node, values.frame(function.frame.scope.child(function.node)))


def running(cls: Class) -> list[Code]:
    """The methods that an instance runs: its own, inherited ones, and those that `super()` leads to."""
    methods = list(cls.methods.values())
    seen = {id(method.node) for method in methods}
    for method in methods:
        for name in _super_calls(method):
            after = cls.method_after(method.owner, name)
            if after is not None and id(after.node) not in seen:
                seen.add(id(after.node))
                methods.append(after)
    return [of_method(method) for method in methods]


def reach(roots: Iterable[Code], values: Values, depth: int = 2, limit: int | None = MAX_CODES) -> list[Code]:
    """The roots, the functions nested in them and the project functions they call or pass on, to a depth."""
    found: list[Code] = []
    seen: set[int] = set()
    work = [(code, depth) for code in roots][::-1]
    while work and (limit is None or len(found) < limit):
        code, left = work.pop()
        if id(code.node) in seen:
            continue
        seen.add(id(code.node))
        found.append(code)
        for node in code.nodes():
            if isinstance(node, m.FunctionDef):
                work.append((Code(node, values.frame(code.frame.scope.child(node))), left))
            elif isinstance(node, m.Call) and left:
                work.extend((called, left - 1) for called in _called(node, code.frame, values))
    return found


def _called(call: m.Call, frame: Frame, values: Values) -> Iterator[Code]:
    """The project functions that a call runs, or is given to run."""
    candidates = [call.func, *(arg.value for arg in call.args if isinstance(arg.value, (m.Name, m.Attribute)))]
    for expr in candidates:
        for value in values.of(expr, frame):
            yield from _codes(value, values)


def _codes(value: Value, values: Values) -> Iterator[Code]:
    if isinstance(value, FunctionValue):
        code = of_function(value, values)
        if code is not None:
            yield code


def _super_calls(method: Method) -> Iterator[str]:
    for node in within(method.node.body):
        match node:
            case m.Attribute(value=m.Call(func=m.Name(id="super")), attr=attr):
                yield attr
            case _:
                pass
