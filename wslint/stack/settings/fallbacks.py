"""What code does when something raised: values that are bound or returned in a handler, or by a flag set in one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import below, children, contains, within
from wslint.knowledge.channels import GET_ASGI_APPLICATION
from wslint.location import Location, Span
from wslint.stack.code.values import CallValue, Frame, FunctionValue
from wslint.stack.layers.memory_layers import choices
from wslint.stack.model import Application, SettingsModule, Stack

_AT_HOME = re.compile(r"debug|\bdev|_dev|develop|local|test|(^|_)ci($|_)", re.IGNORECASE)


@dataclass(eq=False)
class Fallback:
    """What a program goes on with, where that is written, and where the exception ends."""

    name: str
    location: Location
    handler: Location


def memory_fallbacks(stack: Stack, module: SettingsModule) -> Iterator[Fallback]:
    """The layers of a settings module that an exception turns into InMemoryChannelLayer, by their alias."""
    found = list(choices(stack, module))
    for choice in found:
        others = [other for other in found if other.alias == choice.alias and not other.is_memory]
        if not choice.is_memory or not others:
            continue
        setting, option = choice.setting, choice.option
        for node, frame in ((option.expr, option.frame), (setting.expr, setting.frame)):
            handler = handler_of(node, frame, stack)
            if handler is not None:
                yield Fallback(choice.alias, frame.at(node), frame.at(handler))
                break
        else:
            for home, handler in (
                (other.setting.frame, tried(other.setting.expr, other.setting.frame)) for other in others
            ):
                if handler is not None and not setting.conditional:
                    yield Fallback(choice.alias, option.location, home.at(handler))
                    break


def http_fallbacks(stack: Stack, application: Application) -> Iterator[Fallback]:
    """The bindings of an application, in a handler, that leave it without websockets."""
    module = application.module
    frame = stack.values.module_frame(module)
    bindings = module.scope.bindings.get(application.name, ())
    for expr in (binding.value for binding in bindings if binding.value is not None and len(bindings) > 1):
        value = stack.values.one(expr, frame)
        if not isinstance(value, CallValue) or value.dotted not in GET_ASGI_APPLICATION:
            continue
        handler = handler_of(expr, frame, stack)
        if handler is not None and not _is_optional(module.facts.body, handler):
            yield Fallback(application.name, frame.at(expr), frame.at(handler))


def around(body: Iterable[m.Node], span: Span) -> list[m.Node]:
    """The nodes that hold a place, outermost first."""
    found: list[m.Node] = []
    nodes = list(body)
    while True:
        inner = next((node for node in nodes if contains(node.span, span)), None)
        if inner is None:
            return found
        found.append(inner)
        nodes = children(inner)


def handler_of(node: m.Node, frame: Frame, stack: Stack) -> m.Handler | None:
    """The handler that decides for a value: it stands in one, or under a condition that one has settled.

    None where the author's own machine is meant: under a test of DEBUG or the like, or when others get the error.
    """
    outer = around(frame.module.facts.body, node.span)
    if _is_at_home(outer, node.span):
        return None
    for place, one in reversed(list(enumerate(outer))):
        if isinstance(one, m.Handler):
            attempt = outer[place - 1]
            is_idle = isinstance(attempt, m.Try) and not _may_raise(attempt.body, frame, stack)
            return None if is_idle or _raises_elsewhere(one) else one
        if isinstance(one, m.If) and bool(around(one.body, node.span)) is _is_negated(one.test):
            settled = next(_settling(one.test, frame, stack), None)
            if settled is not None:
                return None if _raises_elsewhere(settled) else settled
    return None


def tried(node: m.Node, frame: Frame) -> m.Handler | None:
    """The handler that lets a program go on without a value that a try was to make."""
    outer = around(frame.module.facts.body, node.span)
    if _is_at_home(outer, node.span):
        return None
    for one in outer:
        if isinstance(one, m.Try) and one.handlers and around(one.body, node.span):
            return None if any(_raises_elsewhere(handler) for handler in one.handlers) else one.handlers[0]
    return None


def is_at_home(test: m.Expr) -> bool:
    """Does a condition ask for DEBUG, a development machine or tests?"""
    for node in (test, *below(test)):
        text = last_name(node)
        if isinstance(node, m.Constant) and isinstance(node.value, str):
            text = node.value
        if _AT_HOME.search(text):
            return True
    return False


def _is_negated(test: m.Expr) -> bool:
    return isinstance(test, m.UnaryOp) and test.op == "not"


def _is_at_home(outer: list[m.Node], span: Span) -> bool:
    """Does a place run on the author's own machine: under `if DEBUG:`, or in the other arm of `if not DEBUG:`?"""
    return any(
        isinstance(one, m.If) and is_at_home(one.test) and bool(around(one.body, span)) is not _is_negated(one.test)
        for one in outer
    )


def _raises_elsewhere(handler: m.Handler) -> bool:
    """`if not DEBUG: raise` in a handler, or a handler that always raises."""
    return any(isinstance(node, m.Raise) for node in within(handler.body))


def _settling(test: m.Expr, frame: Frame, stack: Stack) -> Iterator[m.Handler]:
    """The handlers in which the flag that a condition tests is put to false, here or in the function it calls."""
    asked = test.operand if isinstance(test, m.UnaryOp) and test.op == "not" else test
    if isinstance(asked, m.Name):
        scope = frame.scope.owner(asked.id)
        for binding in scope.bindings[asked.id] if scope is not None else ():
            value = binding.value
            if scope is not None and isinstance(value, m.Constant) and not value.value:
                yield from (one for one in around(scope.body, value.span) if isinstance(one, m.Handler))
            elif isinstance(value, m.Call):
                yield from _failing(value, frame, stack)
    elif isinstance(asked, m.Call):
        yield from _failing(asked, frame, stack)


def _failing(call: m.Call, frame: Frame, stack: Stack) -> Iterator[m.Handler]:
    """The handlers of a function in which it answers no."""
    for found in stack.values.of(call.func, frame):
        if isinstance(found, FunctionValue) and isinstance(found.node, m.FunctionDef):
            for node in within(found.node.body):
                if isinstance(node, m.Handler) and any(_returns_false(inner) for inner in within(node.body)):
                    yield node


def _returns_false(node: m.Node) -> bool:
    return isinstance(node, m.Return) and isinstance(node.value, m.Constant) and not node.value.value


def _may_raise(body: Iterable[m.Stmt], frame: Frame, stack: Stack) -> bool:
    """Can statements raise? Not where all they do is make texts and dicts, and ask the environment for a variable."""
    for node in within(body):
        match node:
            case m.Call(func=func):
                if stack.values.dotted(func, frame) not in ("os.environ.get", "os.getenv"):
                    return True
            case m.Import() | m.Subscript() | m.BinaryOp() | m.Raise() | m.Await():
                return True
            case _:
                pass
    return False


def _is_optional(body: tuple[m.Stmt, ...], handler: m.Handler) -> bool:
    """Does the try ask whether Channels is installed?"""
    outer = [one for one in around(body, handler.span) if isinstance(one, m.Try)]
    return any(
        isinstance(node, m.Import) and f"{node.module or ''}.".startswith("channels.")
        for node in (outer[-1].body if outer else ())
    )
