"""Consumers that never ask who is calling, behind a middleware that would tell them.

Asking is any look at the user, the session, or what a client brings a credential in; any word of code that checks one;
and anything that cannot be read and might: a decorator, a base of an unseen package, a middleware that refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from wslint.facts import model as m
from wslint.facts.walk import calls_within
from wslint.knowledge.channels import ASGI_SCOPE_KEYS
from wslint.location import Location
from wslint.stack.code.reach import Code
from wslint.stack.consumers.answering import is_work
from wslint.stack.database.orm import orm_of
from wslint.stack.database.orm_kinds import Instance, Manager, ModelClass, QuerySet
from wslint.stack.middleware.gates import HANDSHAKE, Gate, keys_of
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.public import is_public
from wslint.stack.middleware.unwrapped import unwrapped_mounts
from wslint.stack.model import Consumer, Mount, Stack, Wrapper

_ASKS = re.compile(
    r"(^|[^a-z])(a?auth\w*|a?login|logged_?in|perms?|permissions?|tokens?|secrets?|passwords?|passcode|signature|allowed|"
    r"staff|superuser|is_member|members?|participants?|owner|api_?keys?|credentials?|anonymous|session)([^a-z]|$)",
    re.IGNORECASE,
)
"""Names by which code asks who is calling or what that one may."""

_STRANGER = re.compile(r"(anonymous|guest|visitor|stranger)s?$", re.IGNORECASE)
"""What code calls somebody who is not logged in, and so reckons with."""

_KEEPS_OUT = re.compile(r"token|secret|key|hash|uuid|code|invite|signature|session", re.IGNORECASE)
"""Parts of a route that only those know who were told."""

_PARAMETERS = re.compile(r"<([^<>]+)>")

_TELLS = frozenset({"is_authenticated", "is_anonymous", "AnonymousUser"})
"""Words of code that tells users from strangers."""

_WRITES = frozenset(
    "save asave create acreate bulk_create abulk_create update aupdate bulk_update abulk_update delete adelete "
    "get_or_create aget_or_create update_or_create aupdate_or_create".split()
)


def open_mounts(consumer: Consumer, guards: Guards) -> list[Mount]:
    """The routes that lead strangers to a consumer which never asks who they are; none when it may ask."""
    mounts = [one for one in consumer.mounts if one.application in guards.served and one.protocol == "websocket"]
    if not mounts or not consumer.complete or consumer.kind not in ("websocket", "json"):
        return []
    spoken_for = unwrapped_mounts(guards.stack)
    public = guards.stack.config.public_routes
    if not all(_is_open(mount, guards) for mount in mounts) or any(id(one.leaf) in spoken_for for one in mounts):
        return []
    if any(is_public(mount, public) for mount in mounts) or guards.never_accepts(consumer.cls):
        return []
    return [] if _may_ask(consumer, guards) else mounts


def namer(mount: Mount, guards: Guards) -> Wrapper | None:
    """The wrapper around a mount that says who is calling, the innermost one."""
    return next((one for one in reversed(mount.wrappers) if "user" in (guards.keys_set(one) or ())), None)


def _is_open(mount: Mount, guards: Guards) -> bool:
    """Does something say who is calling, and does nothing on the way refuse those it does not know?"""
    for wrapper in mount.wrappers:
        gate = guards.gate_of(wrapper)
        if guards.keys_set(wrapper) is None or (gate is not None and _may_refuse(gate)):
            return False
    return namer(mount, guards) is not None and not is_for_those_told(mount)


def is_for_those_told(mount: Mount) -> bool:
    """Has the route a part that only those know who were told?"""
    parameters = (name for route in mount.routes for name in _PARAMETERS.findall(route.pattern or ""))
    return any(map(_KEEPS_OUT.search, parameters))


def _may_refuse(gate: Gate) -> bool:
    return gate.denies or any(isinstance(node, m.Raise) for code in gate.codes for node in code.nodes())


def _may_ask(consumer: Consumer, guards: Guards) -> bool:
    codes = guards.consumer_code(consumer.cls)
    if any(
        key not in ASGI_SCOPE_KEYS - HANDSHAKE for kind, key, _, _ in keys_of(codes, guards.stack) if kind != "write"
    ):
        return True
    if guards.hands_scope_on(codes) or guards.checks_token(consumer.cls):
        return True
    method = consumer.method("connect")
    if method is not None and method.node.decorators:
        return True
    if any(_STRANGER.match(text) for text in _texts(codes)):
        return True
    return any(_ASKS.search(name) for name in _names(codes))


def _texts(codes: Iterable[Code]) -> Iterator[str]:
    for code in codes:
        for node in code.nodes():
            if isinstance(node, m.Constant) and isinstance(node.value, str):
                yield node.value


def _names(codes: Iterable[Code]) -> Iterator[str]:
    """The names that code uses, texts left out."""
    for code in codes:
        yield code.node.name
        for node in code.nodes():
            match node:
                case m.Attribute(attr=name) | m.Name(id=name):
                    yield name
                case _:
                    pass


def asking_sibling(consumer: Consumer, mounts: list[Mount], guards: Guards) -> Location | None:
    """Where another consumer of the same application tells users from strangers."""
    applications = {id(mount.application) for mount in mounts}
    for other in guards.stack.consumers:
        if other is consumer or other.in_tests or applications.isdisjoint(id(one.application) for one in other.mounts):
            continue
        for code in guards.consumer_code(other.cls):
            for node in code.nodes():
                if isinstance(node, m.Attribute) and node.attr in _TELLS:
                    return code.at(node)
    return None


def writing(consumer: Consumer, stack: Stack) -> Location | None:
    """Where a consumer changes the database, in its own code or in what that calls."""
    orm = orm_of(stack)
    for code in Guards.of(stack).consumer_code(consumer.cls):
        for node in code.nodes():
            if isinstance(node, m.Attribute) and node.attr in _WRITES:  # called, or handed to a thread
                kind = orm.one(node.value, code.frame)
                if isinstance(kind, (Instance, Manager, ModelClass, QuerySet)):
                    return code.at(node)
    return None


def gives_nothing(consumer: Consumer, stack: Stack) -> bool:
    """Does it just pass on what is sent to its group, or answer from its own head: no query, no word to a group?"""
    return not any(
        is_work(call, code.node.body) or (isinstance(call.func, m.Attribute) and call.func.attr == "group_send")
        for code in Guards.of(stack).consumer_code(consumer.cls)
        for call in calls_within(code.node.body)
    ) and not any(send.method == "group_send" and send.consumer is consumer for send in stack.sends)
