"""The project code that a call runs: functions, methods of `self` as any subclass has them, constructors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.location import Location, Span
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.values import AttributeValue, ClassValue, Frame, FunctionValue, Literal, SelfValue, Value, Values

PROPERTIES = frozenset({"builtins.property", "functools.cached_property", "django.utils.functional.cached_property"})


@dataclass(eq=False, frozen=True)
class Body:
    """A function or lambda, and the frame that its body is read in."""

    node: m.FunctionDef | m.Lambda
    frame: Frame

    @property
    def name(self) -> str:
        """As its callers write it: a constructor has the name of its class."""
        if isinstance(self.node, m.Lambda):
            return "lambda"
        return self.frame.owner.name if self.node.name == "__init__" and self.frame.owner else self.node.name

    @property
    def shown(self) -> str:
        """As a sentence names it."""
        return "the lambda" if isinstance(self.node, m.Lambda) else f"{self.name}()"

    @property
    def is_async(self) -> bool:
        return isinstance(self.node, m.FunctionDef) and self.node.is_async

    @property
    def is_generator(self) -> bool:
        return any(isinstance(node, m.Yield) for node in self.nodes())

    def nodes(self) -> Iterator[m.Node]:
        """Everything that runs with it; nested functions and lambdas are bodies of their own."""
        return within(self.node.body if isinstance(self.node, m.FunctionDef) else (self.node.body,))

    def at(self, node: m.Node | Span) -> Location:
        return self.frame.at(node)


def bodies(expr: m.Expr, frame: Frame, values: Values) -> list[Body]:
    """What may run when an expression is called; empty when that is not plain to see.

    There can be several: a method of `self` may be the one of any subclass, a variable may hold this or that function.
    """
    methods = list(_methods_of_self(expr, frame, values))
    if methods:
        return [Body(method.node, method.frame) for method in methods]
    found = [_body(value, values) for value in values.of(expr, frame) if not is_of_none(value)]
    bodies = [body for body in found if body is not None]
    return bodies if len(bodies) == len(found) else []


def properties(expr: m.Attribute, frame: Frame, values: Values) -> list[Body]:
    """What runs when an attribute of `self` is read, for the class and its subclasses."""
    methods = [Body(method.node, method.frame) for method in _methods_of_self(expr, frame, values)]
    return [body for body in methods if PROPERTIES & set(decorators(body, values))]


def is_of_none(value: Value) -> bool:
    """Is it what a variable is before it is set (`client = None`), or would be looked up on that?"""
    match value:
        case Literal(value=None):
            return True
        case AttributeValue(value=owner):
            return is_of_none(owner)
        case _:
            return False


def decorators(body: Body, values: Values) -> list[str | None]:
    """The dotted names of a function's decorators; None for one that is not an import."""
    if isinstance(body.node, m.Lambda):
        return []
    outside = body.frame.parent or body.frame
    return [values.dotted(called(decorator), outside) for decorator in body.node.decorators]


def called(decorator: m.Expr) -> m.Expr:
    """`decorator` of `@decorator` and of `@decorator(option=…)`."""
    return decorator.func if isinstance(decorator, m.Call) else decorator


def _body(value: Value, values: Values) -> Body | None:
    match value:
        case FunctionValue(node=node, frame=frame):
            return Body(node, values.frame(frame.scope.child(node)))
        case ClassValue(cls=cls):
            init = cls.method("__init__")
            return None if init is None else Body(init.node, init.frame)
        case _:
            return None


def _methods_of_self(expr: m.Expr, frame: Frame, values: Values) -> Iterator[Method]:
    """The methods that `self.name`, `cls.name` or `super().name` can mean for the class and its subclasses."""
    if not isinstance(expr, m.Attribute) or frame.owner is None:
        return
    seen: set[int] = set()
    for cls in (frame.owner, *values.descendants.get(id(frame.owner), ())):
        method = _method(cls, expr, frame, values)
        if method is not None and id(method.node) not in seen:
            seen.add(id(method.node))
            yield method


def _method(cls: Class, expr: m.Attribute, frame: Frame, values: Values) -> Method | None:
    if isinstance(expr.value, m.Call) and isinstance(expr.value.func, m.Name) and expr.value.func.id == "super":
        return cls.method_after(frame.owner, expr.attr) if frame.owner is not None else None
    if isinstance(expr.value, m.Name):
        match values.one(expr.value, frame):
            case SelfValue(cls=owner) | ClassValue(cls=owner) if owner is frame.owner:
                return None if expr.attr in cls.instance_assignments else cls.method(expr.attr)
            case _:
                pass
    return None
