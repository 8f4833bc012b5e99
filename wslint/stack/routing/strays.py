"""Routers that have no answer for a path that no route was made for."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import below
from wslint.knowledge.channels import SCOPE_KEYS, URL_ROUTER
from wslint.stack.code.languages import NoAnswer
from wslint.stack.model import Stack
from wslint.stack.routing.application import Application, Router, Wrapper
from wslint.stack.routing.route_paths import paths_of

STRAYS = ("socketcluster/", "wp-login.php", "ws")
"""Paths that browser extensions and scanners ask for; the first is that of a known one."""


def open_ended(stack: Stack) -> Iterator[Router]:
    """The routers of a "websocket" entry that surely have no route for the paths of strangers."""
    seen: set[frozenset[int]] = set()
    for application in stack.applications:
        for mount in application.mounts if _is_served(stack, application) else ():
            if mount.protocol != "websocket" or not mount.routers:
                continue
            router = mount.routers[0]
            routes = frozenset(id(route.call) for route in router.routes)  # of one list, whichever router it is in
            if routes in seen:
                continue
            seen.add(routes)
            if not any(map(_may_answer, mount.wrappers)) and _refuses(stack, router):
                yield router


def _is_served(stack: Stack, application: Application) -> bool:
    """Does a setting or a command name it, or none of its project?"""
    own = [found for found in stack.applications if found.module.root == application.module.root]
    named = [found for found in own if any(kind != "module" for kind, _ in found.named_by)]
    return not application.in_tests and not application.vendored and (not named or application in named)


def _refuses(stack: Stack, router: Router) -> bool:
    """Is there surely a path of strangers that no route takes?"""
    if not router.complete or not router.routes or stack.values.dotted(router.call.func, router.frame) != URL_ROUTER:
        return False
    languages = [paths_of(route) for route in router.routes]
    try:
        return any(all(taken is not None and not taken.takes(path) for taken in languages) for path in STRAYS)
    except NoAnswer:
        return False


def _may_answer(wrapper: Wrapper) -> bool:
    """May a wrapper catch what the router raises, or refuse strangers? Those of Channels and of Sentry do not."""
    if wrapper.dotted is not None:
        return wrapper.dotted not in SCOPE_KEYS and not wrapper.dotted.startswith("sentry_sdk.")
    if wrapper.cls is None or not wrapper.cls.linked:
        return True
    methods = [method for name, method in wrapper.cls.methods.items() if name != "__init__"]
    return any(_may_refuse(node) for method in methods for node in below(method.node))


def _may_refuse(node: m.Node) -> bool:
    """Is this a `try`, a `with`, a `raise`, or the word with which a middleware refuses a client?"""
    return isinstance(node, (m.Try, m.With, m.Raise)) or (
        isinstance(node, m.Constant) and node.value == "websocket.close"
    )
