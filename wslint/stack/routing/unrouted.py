"""Consumers that a project defines and nothing of it speaks of again: no route, test, subclass, text or document."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.walk import below, contains
from wslint.stack.model import Consumer, Stack
from wslint.stack.routing.application import (
    Application,
    FunctionApp,
    Mounted,
    NameRouter,
    ProtocolRouter,
    Router,
    UnknownApp,
    Wrapper,
)

_LIBRARY = ("setup.py", "setup.cfg", "MANIFEST.in")
_ABSTRACT = re.compile(r"Base|Mixin|Abstract|Generic|Template|Example|Dummy|Mock", re.IGNORECASE)
_DYNAMIC = tuple(
    b"import_module import_string getmembers __subclasses__ __init_subclass__ autodiscover __import__ iter_modules "
    b"walk_packages entry_points globals( vars( locals(".split()
)
"""Words of code that may find a class without its name."""


def unrouted(stack: Stack) -> Iterator[tuple[Consumer, Router]]:
    """Such consumers, each with a router of its project; none where any router or application cannot be read."""
    candidates = [consumer for consumer in stack.consumers if _is_concrete(consumer)]
    if not candidates or any(name in _LIBRARY for name in (path.rpartition("/")[2] for path in stack.tree.paths)):
        return
    if not all(router.complete for router in stack.routers) or mentions(stack.tree, _DYNAMIC, sorted(stack.relevant)):
        return
    for consumer in candidates:
        router = _router_of(stack, stack.modules.root_of(consumer.path))
        if router is not None and not _is_mentioned(stack, consumer):
            yield consumer, router


def _is_concrete(consumer: Consumer) -> bool:
    """Is it made to be routed, as far as its own class says: no base, nothing that may register it?"""
    cls = consumer.cls
    return (
        consumer.is_websocket
        and consumer.complete
        and not (consumer.in_tests or consumer.vendored or consumer.mounts or consumer.subclassed)
        and not cls.node.decorators
        and all(base.keyword is None for base in cls.node.bases)
        and not _ABSTRACT.search(cls.name)
        and not cls.name.startswith("_")
        and (cls.defines("connect") or any(name.startswith(("receive", "handle")) for name in consumer.methods))
    )


def _router_of(stack: Stack, root: str) -> Router | None:
    """The websocket router of the applications of an import root, which must all be readable to the end."""
    own = [found for found in stack.applications if found.module.root == root and not found.in_tests]
    if not all(map(_is_readable, own)):
        return None
    entries = (node.entries for found in own for node in found.walk() if isinstance(node, ProtocolRouter))
    apps = (part for entry in entries for app in entry.get("websocket", ()) for part in app.walk())
    return next((part for part in apps if isinstance(part, Router) and part.routes), None)


def _is_readable(application: Application) -> bool:
    return all(
        not isinstance(node, (UnknownApp, FunctionApp))
        and (not isinstance(node, Mounted) or node.cls is not None or node.dotted is not None)
        and (not isinstance(node, (ProtocolRouter, Router, NameRouter)) or node.complete)
        and (not isinstance(node, Router) or all(route.targets for route in node.routes))
        and (not isinstance(node, Wrapper) or node.dotted is not None or node.cls is not None)
        for node in application.walk()
    )


def _is_mentioned(stack: Stack, consumer: Consumer) -> bool:
    """Does any file of the tree name the class, besides its own body and imports that keep the name?

    A comment counts: a route that is commented out was taken out on purpose.
    """
    word = re.compile(rb"(?<!\w)" + re.escape(consumer.name.encode()) + rb"(?!\w)")
    for path, source in mentions(stack.tree, (consumer.name.encode(),), stack.tree.paths).items():
        found = len(word.findall(source))
        if found and (not path.endswith(".py") or found > _accounted(stack, path, consumer, word, source)):
            return True
    return bool(stack.tree.unreadable) or bool(stack.problems)


def _accounted(stack: Stack, path: str, consumer: Consumer, word: re.Pattern[bytes], source: bytes) -> int:
    """How often the name stands in the class itself and in plain imports of a file."""
    module = stack.modules.at(path)
    if module is None or module.facts.problem is not None:
        return 0
    own = consumer.cls.node.span if path == consumer.path else None
    count = 0
    if own is not None:
        lines = source.splitlines()[own.line - 1 : own.end_line]
        count += sum(len(word.findall(line)) for line in lines)
    for node in (found for statement in module.facts.body for found in (statement, *below(statement))):
        if isinstance(node, m.Import) and (own is None or not contains(own, node.span)):
            count += sum(alias.name == consumer.name and alias.asname is None for alias in node.names)
    return count
