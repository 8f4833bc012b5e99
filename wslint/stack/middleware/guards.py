"""What stands between a client and a consumer: who checks the Origin, who says whose connection it is, who sets a key.

Every answer is yes, no or unknown (None); unknown is what a class of an unseen package does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from wslint.facts import model as m
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.classes import Class
from wslint.stack.code.reach import Code, of_function, of_method, reach, running
from wslint.stack.code.values import FunctionValue
from wslint.stack.middleware.gates import (
    HANDSHAKE,
    NAMES_TOKEN,
    VERIFIES,
    Gate,
    keys_of,
    mentions_origin,
    words,
    wraps_in_function,
)
from wslint.stack.middleware.middleware import is_scope, middleware
from wslint.stack.middleware.public import is_public, route_text
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
        if any(VERIFIES.search(text) for text in texts):
            return True
        looks = any(kind != "write" and key in HANDSHAKE for kind, key, _, _ in keys_of(code, self.stack))
        return looks and any(NAMES_TOKEN.search(text) for text in texts)

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
