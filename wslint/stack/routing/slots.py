"""Where an ASGI application is expected, and what is put there."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import within
from wslint.knowledge import channels as known
from wslint.stack.code.lists import Lists
from wslint.stack.code.values import argument
from wslint.stack.model import App, NameRouter, Stack, Wrapper
from wslint.stack.routing.apps import Apps

COMMUNICATORS = tuple(
    f"channels.testing.{module}{name}Communicator"
    for module, name in (
        ("", "Websocket"),
        ("websocket.", "Websocket"),
        ("", "Http"),
        ("http.", "Http"),
        ("", "Application"),
        ("application.", "Application"),
    )
)
"""Test clients of Channels; their first argument is an application."""


def application_slots(stack: Stack) -> Iterator[tuple[App, ...]]:
    """What is given (several: alternatives) wherever Channels calls an application, test clients included."""
    for route in stack.routes:
        yield route.targets
    for protocol_router in stack.protocol_routers:
        yield from protocol_router.entries.values()
        for node in protocol_router.walk():
            if isinstance(node, NameRouter):
                yield from node.entries.values()
    for wrapper in stack.wrappers:
        if calls_inner(wrapper):
            yield wrapper.inner
    for application in stack.applications:
        yield application.apps
    apps = Apps(stack.values, Lists(stack.values))
    for function in stack.functions:
        for use in function.calls:
            if not last_name(use.node.func).endswith("Communicator"):
                continue
            given = argument(use.node, 0, "application")
            if given is not None and stack.values.dotted(use.node.func, function.frame) in COMMUNICATORS:
                yield apps.of(given, function.frame)


def calls_inner(wrapper: Wrapper) -> bool:
    """Does a wrapper surely call what it wraps as an application (and not make one of it first)?"""
    if wrapper.dotted is not None:
        return wrapper.dotted in known.SCOPE_KEYS
    cls = wrapper.cls
    if cls is None:
        return False
    call, init = cls.method("__call__"), cls.method("__init__")
    if init is None:
        return cls.derives_from(known.BASE_MIDDLEWARE)
    if call is None:
        return False
    kept = {
        name
        for name, assigned in cls.instance_assignments.items()
        if all(isinstance(value, m.Name) and method is init for _, value, method in assigned)
    }
    return any(
        isinstance(node, m.Call)
        and len(node.args) == 3
        and isinstance(node.func, m.Attribute)
        and isinstance(node.func.value, m.Name)
        and node.func.attr in kept
        for node in within(call.node.body)
    )
