"""Middleware of the project, as a client meets it: what it looks at, what it says of the client, whether it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from wslint.facts import model as m
from wslint.facts.names import names_in
from wslint.facts.walk import calls_within
from wslint.location import Location
from wslint.stack.code.classes import Class, Method
from wslint.stack.code.reach import Code
from wslint.stack.middleware.middleware import scope_keys
from wslint.stack.model import Placed, Stack, Wrapper

if TYPE_CHECKING:
    from wslint.stack.middleware.guards import Guards

IDENTITY = frozenset(
    {"user", "account", "member", "customer", "auth", "claims", "jwt", "token", "identity", "principal", "api_key"}
)
"""Scope keys that say whose connection it is."""

HANDSHAKE = frozenset({"query_string", "headers", "cookies", "subprotocols"})
"""Scope keys in which a client brings a credential."""

NAMES_TOKEN = re.compile(
    r"token|jwt|ticket|api[_-]?key|authorization|bearer|signature|access_?key|passphrase|otp\b", re.IGNORECASE
)
"""Words for a credential."""

VERIFIES = re.compile(
    r"jwt|(access|auth|id|firebase)_?token|token_?auth|(verify|decode|validate|check|authenticate)_(\w+_)?(token|credentials?)"
    r"|user_?(from|of|by|for)_?token|^authenticate(_user)?$|^signing$|unsign|passphrase|check_password",
    re.IGNORECASE,
)
"""Words of code that proves a credential."""

_AUTH_NAME = re.compile(r"auth|token|jwt|ticket|bearer", re.IGNORECASE)
_ORIGIN = re.compile(r"(^|[^a-z])origins?([^a-z]|$)", re.IGNORECASE)
_CHECKS = re.compile(r"check|valid|allow|verif|trust|permit|same")
_HEADER_WORDS = frozenset({"headers", "header", "get-header", "meta", "http-origin"})


@dataclass(eq=False)
class Gate(Placed):
    """A middleware of the project, a class or a function that wraps an application in a function."""

    name: str
    location: Location
    cls: Class | None
    function: m.FunctionDef | None
    codes: list[Code]
    guards: Guards

    @cached_property
    def keys(self) -> list[tuple[str, str | None, m.Node, Code]]:
        """("read" | "get" | "write", key, place) for every scope key that it touches, helpers included."""
        return list(keys_of(self.codes, self.guards.stack))

    @cached_property
    def sets(self) -> frozenset[str]:
        return frozenset(key for kind, key, _, _ in self.keys if kind == "write" and key is not None)

    @cached_property
    def reads_handshake(self) -> bool:
        """Does it look where a client brings a credential?"""
        return any(kind != "write" and key in HANDSHAKE for kind, key, _, _ in self.keys)

    @cached_property
    def denies(self) -> bool:
        """Can it refuse a connection?"""
        return any(text in ("websocket.close", "DenyConnection") for text in words(self.codes))

    @cached_property
    def authenticates(self) -> bool:
        """Does it find out from the handshake who is calling?"""
        named = bool(_AUTH_NAME.search(self.name))
        if "user" in self.sets and named:
            return True
        if not self.reads_handshake:
            return False
        if self.sets & IDENTITY:
            return True
        token = any(NAMES_TOKEN.search(text) for text in words(self.codes))
        return token and (self.denies or (bool(self.sets) and named))

    @cached_property
    def verifies(self) -> bool:
        """Does it look at a credential of the handshake, whoever brings it and whatever it makes of it?"""
        texts = words(self.codes) if self.reads_handshake else ()
        return any(NAMES_TOKEN.search(text) or VERIFIES.search(text) for text in texts)

    def is_in(self, wrapper: Wrapper) -> bool:
        """Is a wrapper this middleware (or a subclass of it)?"""
        if self.cls is not None:
            return wrapper.cls is not None and self.cls in wrapper.cls.ancestry
        return wrapper.function is not None and wrapper.function.frame.scope.node is self.function


def wraps_in_function(node: m.FunctionDef) -> bool:
    """`def middleware(inner): async def app(scope, …): …; return app`: a middleware written as a function."""
    if not node.params:
        return False
    inner = {item.name: item for item in node.body if isinstance(item, m.FunctionDef)}
    returned = {item.value.id for item in node.body if isinstance(item, m.Return) and isinstance(item.value, m.Name)}
    return any(
        name in returned and _takes_connection(item) and _calls(item, node.params[0].name)
        for name, item in inner.items()
    )


def _takes_connection(node: m.FunctionDef) -> bool:
    """Are its parameters those of an ASGI application (the one-argument form of Channels 2 included)?"""
    names = [param.name for param in node.params]
    return bool(names) and (names[0] == "scope" or names[1:3] == ["receive", "send"])


def _calls(function: m.FunctionDef, name: str) -> bool:
    return any(isinstance(call.func, m.Name) and call.func.id == name for call in calls_within(function.body))


def keys_of(codes: Iterable[Code], stack: Stack) -> Iterator[tuple[str, str | None, m.Node, Code]]:
    """The scope keys that code touches: ("read" | "get" | "write", key or None, node, where)."""
    for code in codes:
        for kind, key, node in scope_keys(cast(Method, code), stack.values):
            yield kind, key, node, code


def words(codes: Iterable[Code]) -> Iterator[str]:
    """Text constants and the names that code calls, reads or raises."""
    for code in codes:
        yield code.node.name
        for node in code.nodes():
            match node:
                case m.Constant(value=str() as text):
                    yield text
                case m.Bytes(value=raw):
                    yield raw.decode("latin-1")
                case m.Name(id=name):
                    yield name
                case m.Attribute(attr=name):
                    yield name
                case _:
                    pass


def mentions_origin(codes: Iterable[Code]) -> bool:
    """Does code look at the Origin header, or call or wear something that is named after checking it?"""
    codes = list(codes)
    texts = {_spaced(text) for text in words(codes)}
    texts |= {_spaced(text) for code in codes for item in code.node.decorators for text in names_in(item)}
    named = {text for text in texts if _ORIGIN.search(text)}
    if any(_CHECKS.search(text) for text in named):
        return True
    return bool(named) and not texts.isdisjoint(_HEADER_WORDS)


def _spaced(text: str) -> str:
    """`OriginValidator`, `http_origin` → words that the patterns see."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", text).replace("_", "-").lower()
