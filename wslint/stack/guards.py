"""What stands between a client and a consumer: who checks the Origin, who says whose connection it is, who sets a key.

Every answer is yes, no or unknown (None); unknown is what a class of an unseen package does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import cast

from wslint.facts import model as m
from wslint.facts.names import names_in
from wslint.facts.walk import calls_within
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.classes import Class, Method
from wslint.stack.middleware import is_scope, middleware, scope_keys
from wslint.stack.model import (
    App,
    Application,
    Bare,
    Mount,
    Mounted,
    Placed,
    ProtocolRouter,
    Stack,
    Wrapper,
    is_test_path,
    is_vendored_path,
    mounts_of,
)
from wslint.stack.reach import Code, of_function, of_method, reach, running
from wslint.stack.values import FunctionValue

COOKIE_WRAPPERS = frozenset({known.AUTH_STACK, known.SESSION_STACK, known.AUTH_MIDDLEWARE, known.SESSION_MIDDLEWARE})
"""Wrappers under which the session cookie decides who is calling."""

NEUTRAL_WRAPPERS = (
    "sentry_sdk.integrations.asgi.",
    "opentelemetry.instrumentation.",
    "elasticapm.contrib.",
    "ddtrace.contrib.",
    "newrelic.agent.",
    "django.contrib.staticfiles.handlers.",
    "whitenoise.",
    "blacknoise.",
)
"""Wrappers of packages that neither look at the Origin nor set scope keys."""

IDENTITY = frozenset(
    {"user", "account", "member", "customer", "auth", "claims", "jwt", "token", "identity", "principal", "api_key"}
)
"""Scope keys that say whose connection it is."""

_NEUTRAL_BASES = (
    "channels.",
    "typing.",
    "typing_extensions.",
    "abc.",
    "builtins.",
    "enum.",
    "collections.",
    *known.LIBRARY_CONSUMER_PACKAGES,
)

HANDSHAKE = frozenset({"query_string", "headers", "cookies", "subprotocols"})
"""Scope keys in which a client brings a credential."""

_TOKEN = re.compile(
    r"token|jwt|ticket|api[_-]?key|authorization|bearer|signature|access_?key|passphrase|otp\b", re.IGNORECASE
)
_VERIFIES = re.compile(
    r"jwt|(access|auth|id|firebase)_?token|token_?auth|(verify|decode|validate|check|authenticate)_(\w+_)?(token|credentials?)"
    r"|user_?(from|of|by|for)_?token|^authenticate(_user)?$|^signing$|unsign|passphrase|check_password",
    re.IGNORECASE,
)
_AUTH_NAME = re.compile(r"auth|token|jwt|ticket|bearer", re.IGNORECASE)
_ORIGIN = re.compile(r"(^|[^a-z])origins?([^a-z]|$)", re.IGNORECASE)
_CHECKS = re.compile(r"check|valid|allow|verif|trust|permit|same")
_HEADER_WORDS = frozenset({"headers", "header", "get-header", "meta", "http-origin"})


@dataclass(eq=False)
class Entry(Placed):
    """What an application serves websockets with; `location` is the "websocket" key, `apps` the alternatives.

    `outer` are the wrappers around the protocol router, outermost first.
    """

    location: Location
    application: Application
    router: ProtocolRouter
    outer: tuple[Wrapper, ...]
    apps: tuple[App, ...]

    @cached_property
    def alternatives(self) -> tuple[tuple[Mount, ...], ...]:
        """Per alternative what it mounts."""
        return tuple(tuple(mounts_of(app, self.application)) for app in self.apps)

    @cached_property
    def mounts(self) -> tuple[Mount, ...]:
        return tuple(mount for mounts in self.alternatives for mount in mounts)

    def chain(self, mount: Mount) -> tuple[Wrapper, ...]:
        """Everything around what is mounted, outermost first."""
        return (*self.outer, *mount.wrappers)


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
        token = any(_TOKEN.search(text) for text in words(self.codes))
        return token and (self.denies or (bool(self.sets) and named))

    @cached_property
    def verifies(self) -> bool:
        """Does it look at a credential of the handshake, whoever brings it and whatever it makes of it?"""
        texts = words(self.codes) if self.reads_handshake else ()
        return any(_TOKEN.search(text) or _VERIFIES.search(text) for text in texts)

    def is_in(self, wrapper: Wrapper) -> bool:
        """Is a wrapper this middleware (or a subclass of it)?"""
        if self.cls is not None:
            return wrapper.cls is not None and self.cls in wrapper.cls.ancestry
        return wrapper.function is not None and wrapper.function.frame.scope.node is self.function


class Guards:
    """The guards of one stack; each question is answered once."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._origin: dict[int, bool | None] = {}
        self._classes: dict[int, list[Code]] = {}

    @staticmethod
    def of(stack: Stack) -> Guards:
        found = stack.__dict__.get("_guards")
        if not isinstance(found, Guards):
            found = stack.__dict__["_guards"] = Guards(stack)
        return found

    # --- entries ---

    @cached_property
    def served(self) -> tuple[Application, ...]:
        """The applications of the project; test code left out.

        One that nothing names, in a module that is no asgi.py, is a leftover where another one is served.
        """
        own = [one for one in self.stack.applications if not one.in_tests and not one.vendored]
        named = [one for one in own if _is_named(one)]
        return tuple(one for one in own if _is_named(one) or one.path.endswith("asgi.py") or not _beside(one, named))

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The websocket entries of the served applications, each once."""
        found: dict[int, Entry] = {}
        for application in self.served:
            for router, outer in _protocol_routers(application):
                location = router.keys.get("websocket")
                if location is None or is_test_path(location.path) or is_vendored_path(location.path):
                    continue
                entry = Entry(location, application, router, outer, router.entries.get("websocket", ()))
                before = found.get(id(router.call))
                if before is None or len(outer) > len(before.outer):
                    found[id(router.call)] = entry
        return tuple(sorted(found.values(), key=lambda entry: entry.location))

    # --- the project's middleware ---

    @cached_property
    def gates(self) -> tuple[Gate, ...]:
        """Every middleware of the project, class or function; test code left out."""
        found = [
            Gate(cls.name, cls.location, cls, None, self._reach(cls), self)
            for cls in self._middleware_classes()
            if not is_test_path(cls.path) and not is_vendored_path(cls.path)
        ]
        for path in sorted(self.stack.files):
            if is_test_path(path) or is_vendored_path(path):
                continue
            module = self.stack.modules.at(path)
            if module is None:
                continue
            frame = self.stack.values.module_frame(module)
            for node in module.facts.body:
                if isinstance(node, m.FunctionDef) and wraps_in_function(node):
                    code = Code(node, self.stack.values.frame(frame.scope.child(node)))
                    found.append(
                        Gate(
                            node.name,
                            Location(path, node.name_span),
                            None,
                            node,
                            reach([code], self.stack.values),
                            self,
                        )
                    )
        return tuple(found)

    def _middleware_classes(self) -> list[Class]:
        """The classes that are middleware by their shape, and those that some chain holds."""
        classes = {id(made.cls): made.cls for made in self.stack.middleware}
        for wrapper in self.stack.wrappers:
            if wrapper.cls is not None and middleware(wrapper.cls, self.stack.values) is not None:
                classes.setdefault(id(wrapper.cls), wrapper.cls)
        return sorted(classes.values(), key=lambda cls: cls.location)

    @cached_property
    def authenticators(self) -> tuple[Gate, ...]:
        """The middleware that finds out from the handshake who is calling; bases of others left out."""
        found = [gate for gate in self.gates if gate.authenticates]
        return tuple(
            gate
            for gate in found
            if gate.cls is None
            or not any(gate.cls in other.cls.ancestry[1:] for other in self.gates if other.cls is not None)
        )

    def gate_of(self, wrapper: Wrapper) -> Gate | None:
        """The project's middleware that a wrapper is."""
        for gate in self.gates:
            if gate.cls is not None and gate.cls is wrapper.cls:
                return gate
            if gate.function is not None and gate.is_in(wrapper):
                return gate
        return None

    # --- Origin ---

    def checks_origin(self, app: App) -> bool | None:
        """Does a wrapper or a consumer look at the Origin header? None when it cannot be read."""
        if id(app) not in self._origin:
            self._origin[id(app)] = self._checks_origin(app)
        return self._origin[id(app)]

    def _checks_origin(self, app: App) -> bool | None:
        if isinstance(app, Wrapper):
            if app.dotted is not None:
                return _dotted_checks_origin(app.dotted)
            if app.cls is not None:
                return self._class_checks_origin(app.cls)
            if app.function is not None:
                code = of_function(app.function, self.stack.values)
                return None if code is None else mentions_origin(reach([code], self.stack.values))
            return None
        if isinstance(app, (Mounted, Bare)):
            if app.cls is not None:
                return self._class_checks_origin(app.cls)
            return None if app.dotted is None or not _is_known_consumer(app.dotted) else False
        return None

    def _class_checks_origin(self, cls: Class) -> bool | None:
        if cls.derives_from(known.ORIGIN_VALIDATOR):
            return True
        if mentions_origin(self._reach(cls)):
            return True
        unread = not cls.linked or any(not _is_known_base(name) for name in cls.externals)
        return None if unread else False

    def _reach(self, cls: Class) -> list[Code]:
        if id(cls) not in self._classes:
            own = [of_method(method) for base in cls.ancestry for method in base.own_methods.values()]
            self._classes[id(cls)] = reach(own, self.stack.values)
        return self._classes[id(cls)]

    # --- scope keys ---

    def keys_set(self, wrapper: Wrapper) -> frozenset[str] | None:
        """The scope keys that a wrapper puts in for what is inside; None when it cannot be known."""
        if wrapper.dotted is not None:
            if wrapper.dotted in known.SCOPE_KEYS:
                return known.SCOPE_KEYS[wrapper.dotted]
            return frozenset() if wrapper.dotted.startswith(NEUTRAL_WRAPPERS) else None
        gate = self.gate_of(wrapper)
        if gate is None:
            return None
        found = set(gate.sets)
        if gate.cls is not None:
            if not gate.cls.linked:
                return None
            for name in gate.cls.externals:
                if name in known.SCOPE_KEYS:
                    found |= known.SCOPE_KEYS[name]
                elif not _is_known_base(name):
                    return None
        if any(kind == "write" and key is None for kind, key, _, _ in gate.keys) or self.hands_scope_on(gate.codes):
            return None
        for code in gate.codes:
            for node in code.nodes():
                if isinstance(node, m.Call):
                    found |= known.SCOPE_KEYS.get(self.stack.values.dotted(node.func, code.frame) or "", frozenset())
        return frozenset(found)

    def hands_scope_on(self, codes: Iterable[Code]) -> bool:
        """Is the scope given to something that cannot be read, which might put keys in or look at any?"""
        values = self.stack.values
        for code in codes:
            for node in code.nodes():
                if isinstance(node, m.Assign) and _keeps_scope(node):
                    return True
                if not isinstance(node, m.Call) or not any(is_scope(arg.value) for arg in node.args):
                    continue
                if len(node.args) >= 3 or (isinstance(node.func, m.Attribute) and node.func.attr in ("get", "items")):
                    continue  # the inner application, or a look
                dotted = values.dotted(node.func, code.frame)
                if dotted is not None and dotted.startswith(("builtins.", "channels.", "copy.", "logging.")):
                    continue
                called = values.of(node.func, code.frame)
                if not all(isinstance(value, FunctionValue) for value in called):
                    return True
        return False

    # --- consumers ---

    def consumer_code(self, cls: Class) -> list[Code]:
        """What a consumer's connection can run, helpers included."""
        key = -id(cls)
        if key not in self._classes:
            self._classes[key] = reach(running(cls), self.stack.values)
        return self._classes[key]

    def checks_token(self, cls: Class) -> bool:
        """Does a consumer deal with a credential by itself, in the handshake or a first message?

        The word "token" alone says nothing outside the handshake: language models stream tokens.
        """
        code = self.consumer_code(cls)
        texts = set(words(code))
        if any(_VERIFIES.search(text) for text in texts):
            return True
        looks = any(kind != "write" and key in HANDSHAKE for kind, key, _, _ in keys_of(code, self.stack))
        return looks and any(_TOKEN.search(text) for text in texts)

    def never_accepts(self, cls: Class) -> bool:
        """Does a consumer refuse everybody (a last route for strays)?"""
        if not cls.linked or cls.method("connect") is None:
            return False
        return not any(
            isinstance(node, m.Attribute) and node.attr in ("accept", "connect", "websocket_accept")
            for code in self.consumer_code(cls)
            for node in code.nodes()
        )


# --- helpers ----------------------------------------------------------------------------------------------------------


def route_text(mount: Mount) -> str:
    """The path of a mount as its routes write it, without anchors and expressions: `ws/chat/<room>/`."""
    return "".join(_plain(route.pattern) for route in mount.routes)


def _plain(pattern: str | None) -> str:
    if pattern is None:
        return "…"
    text = re.sub(r"\(\?P<(\w+)>(?:[^()\\]|\\.|\([^()]*\))*\)", r"<\1>", pattern)
    return re.sub(r"<\w+:(\w+)>", r"<\1>", text).replace("/?", "/").lstrip("^").rstrip("$")


def is_public(mount: Mount, patterns: Iterable[str]) -> bool:
    """Is a mount one of those that the configuration calls public?"""
    text = route_text(mount).strip("/")
    return any(fnmatchcase(text, pattern.lstrip("^").rstrip("$").strip("/")) for pattern in patterns)


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


def _keeps_scope(node: m.Assign) -> bool:
    """`context.scope = self.scope`: others may look at it later."""
    kept = node.value is not None and is_scope(node.value)
    return kept and not all(isinstance(target, m.Name) for target in node.targets)


def _is_named(application: Application) -> bool:
    return any(kind != "module" for kind, _ in application.named_by)


def _beside(application: Application, others: list[Application]) -> bool:
    return any(other is not application and other.module.root == application.module.root for other in others)


def _protocol_routers(application: Application) -> Iterator[tuple[ProtocolRouter, tuple[Wrapper, ...]]]:
    def visit(app: App, outer: tuple[Wrapper, ...], depth: int) -> Iterator[tuple[ProtocolRouter, tuple[Wrapper, ...]]]:
        if isinstance(app, ProtocolRouter):
            yield app, outer
        elif isinstance(app, Wrapper) and depth < 12:
            for inner in app.inner:
                yield from visit(inner, (*outer, app), depth + 1)

    for app in application.apps:
        yield from visit(app, (), 0)


def _dotted_checks_origin(dotted: str) -> bool | None:
    if dotted in (known.ORIGIN_VALIDATOR, known.ALLOWED_HOSTS_VALIDATOR):
        return True
    if dotted.startswith(("channels.", *NEUTRAL_WRAPPERS)):
        return False
    return None


def _is_known_consumer(dotted: str) -> bool:
    return dotted in known.CHANNELS_CONSUMERS or dotted.startswith(known.LIBRARY_CONSUMER_PACKAGES)


def _is_known_base(dotted: str) -> bool:
    """A base outside the project that surely has nothing to do with the Origin."""
    return dotted.startswith(_NEUTRAL_BASES)


__all__ = [
    "COOKIE_WRAPPERS",
    "Entry",
    "Gate",
    "Guards",
    "is_public",
    "keys_of",
    "mentions_origin",
    "route_text",
    "words",
]
