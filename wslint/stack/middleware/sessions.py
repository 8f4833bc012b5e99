"""What consumers do with the Django session in their scope: who changes it, who reads it, who saves it."""

from __future__ import annotations

from collections.abc import Iterator

from wslint.facts import model as m
from wslint.facts.walk import below
from wslint.knowledge import channels as known
from wslint.stack.code.classes import Class, Method, assignments
from wslint.stack.code.values import argument
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.model import Middleware, Stack

LOGIN = "channels.auth.login"
READS_ONLY = ("builtins.", "logging.", "json.", "copy.", "channels.auth.")
"""What may be given a session or a scope and does not save it."""
CHANGES = frozenset(
    "update pop popitem setdefault clear append extend insert remove add discard set_expiry sort reverse".split()
)


class SessionCode:
    """One method, its nested functions included, and what it does with the session."""

    def __init__(self, stack: Stack, method: Method) -> None:
        self.stack = stack
        self.method = method
        self.nodes = list(below(method.node))
        self.names = {
            target.id
            for _, target, value in assignments(method.node.body)
            if isinstance(target, m.Name) and value is not None and self._is_session(value)
        }

    def changes(self) -> Iterator[m.Node]:
        """The first nodes that change it, in source order: targets and calls."""
        for node in self.nodes:
            match node:
                case m.Assign(targets=targets) | m.Delete(targets=targets):
                    yield from (target for target in targets if self._is_part(target))
                case m.AugmentedAssign(target=target) if self._is_part(target):
                    yield target
                case m.Call(func=m.Attribute(value=owner, attr=attr)) if attr in CHANGES:
                    if self.is_session(owner) or self._is_part(owner):
                        yield node
                case m.Call() if is_login(self.stack, node, self.method):
                    yield node

    def reads(self) -> Iterator[str]:
        """The keys that the consumer reads itself: what it keeps there is for this connection."""
        changed = {id(inner) for node in self.changes() for inner in (node, *below(node))}
        for node in self.nodes:
            match node:
                case m.Subscript(value=owner, index=key) if id(node) not in changed and self.is_session(owner):
                    yield _text(key)
                case m.Compare(op="in" | "not in", left=key, right=owner) if self.is_session(owner):
                    yield _text(key)
                case m.Call(func=m.Attribute(value=owner, attr="get"), args=(key, *_)):
                    if self.is_session(owner):
                        yield _text(key.value)
                case _:
                    pass

    def saves(self) -> bool:
        """Does it save the session, or hand it to somebody who may?"""
        for node in self.nodes:
            if _is_save(node):
                return True
            if isinstance(node, m.Call) and any(self._is_given(argument.value) for argument in node.args):
                dotted = self.stack.values.dotted(node.func, self.method.frame)
                if dotted is None or not dotted.startswith(READS_ONLY):
                    return True
        return False

    def is_session(self, expr: m.Expr) -> bool:
        match expr:
            case m.Name(id=name):
                return name in self.names
            case m.Attribute(value=m.Name(), attr=name):
                return _holds_session(self.method.owner, name)
            case _:
                return self._is_session(expr)

    def _is_session(self, expr: m.Expr) -> bool:
        return _is_scope_session(expr) or (
            isinstance(expr, m.Attribute) and _holds_session(self.method.owner, expr.attr)
        )

    def _is_part(self, expr: m.Expr) -> bool:
        """Is it an item of the session, or an item of one?"""
        while isinstance(expr, m.Subscript):
            expr = expr.value
            if self.is_session(expr):
                return True
        return False

    def _is_given(self, expr: m.Expr) -> bool:
        return is_scope(expr) or self.is_session(expr)


def keeps_sessions(middleware: Middleware) -> bool:
    """Does a middleware of the project put a session of its own in the scope, or save it?"""
    if "session" in middleware.sets or middleware.cls.derives_from(known.SESSION_MIDDLEWARE):
        return True
    return any(_is_save(node) for cls in middleware.cls.ancestry for node in below(cls.node))


def _is_save(node: m.Node) -> bool:
    """Is it the `save` of something that is called a session?"""
    return isinstance(node, m.Attribute) and node.attr in ("save", "asave") and "session" in _text(node.value)


def _is_scope_session(expr: m.Expr) -> bool:
    match expr:
        case m.Subscript(value=owner, index=m.Constant(value="session")):
            return is_scope(owner)
        case m.Call(func=m.Attribute(value=owner, attr="get"), args=(asked, *_)):
            return is_scope(owner) and isinstance(asked.value, m.Constant) and asked.value.value == "session"
        case _:
            return False


def keys_of(change: m.Node) -> frozenset[str]:
    """The keys under which a change is made; none where they are not said."""
    match change:
        case m.Subscript(value=m.Subscript() as inner) if not _is_scope_session(inner):
            return keys_of(inner)
        case m.Subscript(index=key):
            return frozenset({_text(key)})
        case m.Call(func=m.Attribute(value=m.Subscript() as owner)) if not _is_scope_session(owner):
            return keys_of(owner)
        case m.Call(func=m.Attribute(attr="pop" | "setdefault"), args=(key, *_)):
            return frozenset({_text(key.value)})
        case _:
            return frozenset()


def _holds_session(cls: Class, name: str) -> bool:
    values = [value for _, value, _ in cls.instance_assignments.get(name, ())]
    return bool(values) and all(value is not None and _is_scope_session(value) for value in values)


def is_login(stack: Stack, call: m.Call, method: Method) -> bool:
    """Is it `login(scope, …)` of channels.auth?"""
    given = argument(call, 0, "scope")
    return given is not None and is_scope(given) and stack.values.dotted(call.func, method.frame) == LOGIN


def _text(expr: m.Expr) -> str:
    """The names in an expression."""
    words = [
        node.id if isinstance(node, m.Name) else node.attr if isinstance(node, m.Attribute) else str(node.value)
        for node in (expr, *below(expr))
        if isinstance(node, (m.Name, m.Attribute, m.Constant))
    ]
    return " ".join(words).lower()
