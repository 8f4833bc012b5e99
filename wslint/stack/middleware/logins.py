"""Who a connection belongs to, as Channels' AuthMiddleware says it: always a user object, an anonymous one included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import below, within
from wslint.knowledge import channels as known
from wslint.location import Location
from wslint.stack.code.reach import Code
from wslint.stack.middleware.gates import keys_of
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.model import Consumer, Mount

AUTHENTICATES = frozenset({known.AUTH_STACK, known.AUTH_MIDDLEWARE})

_ASKS = frozenset({"is_authenticated", "is_anonymous", "AnonymousUser", "is_active", "is_staff", "is_superuser"})
"""Words of code that tells users from strangers."""


@dataclass(eq=False, frozen=True)
class TruthTest:
    """A test of the user's truth: `user` is the expression, `refuses` what it was meant to keep out by."""

    test: m.Expr
    user: m.Expr
    negated: bool
    code: Code

    @property
    def location(self) -> Location:
        return self.code.at(self.user)


def has_session_user(consumer: Consumer, guards: Guards) -> list[Mount]:
    """The mounts of a consumer, when on each of them AuthMiddleware alone says who is calling; else none."""
    mounts = [one for one in consumer.mounts if one.application in guards.served and one.protocol == "websocket"]
    return mounts if mounts and all(_is_by_session(mount, guards) for mount in mounts) else []


def _is_by_session(mount: Mount, guards: Guards) -> bool:
    found = False
    for wrapper in mount.wrappers:
        keys = guards.keys_set(wrapper)
        if keys is None:
            return False
        if "user" in keys:
            if wrapper.dotted not in AUTHENTICATES:
                return False
            found = True
    return found


def truth_tests(consumer: Consumer, guards: Guards) -> Iterator[TruthTest]:
    """The tests that take `scope["user"]` for false when nobody is logged in, and decide about the connection.

    None when the consumer sets the user itself, or tells users from strangers by something else.
    """
    codes = guards.consumer_code(consumer.cls)
    if any(kind == "write" and key in ("user", None) for kind, key, _, _ in keys_of(codes, guards.stack)):
        return
    if any(not _ASKS.isdisjoint(_words(code)) for code in codes):
        return
    tests = [(node, code) for code in codes for node in code.nodes() if isinstance(node, m.If)]
    if any(_asks_more(node.test, code, consumer) for node, code in tests):
        return
    for node, code in tests:
        for user, negated in _tested(node.test):
            if is_user(user, code, consumer) and _decides(node, negated):
                yield TruthTest(node.test, user, negated, code)


def _asks_more(test: m.Expr, code: Code, consumer: Consumer) -> bool:
    """`if not user.pk`: does a test look at something of the user?"""
    looks = [node.value for node in within((test,)) if isinstance(node, m.Attribute)]
    return any(is_user(one, code, consumer) for one in looks)


def _words(code: Code) -> set[str]:
    """Names and attributes in a function, its decorators included."""
    found = set()
    for node in below(code.node):
        if isinstance(node, m.Name):
            found.add(node.id)
        elif isinstance(node, m.Attribute):
            found.add(node.attr)
        elif isinstance(node, m.Constant) and isinstance(node.value, str):
            found.add(node.value)  # getattr(user, "is_anonymous", True)
    return found


def _tested(test: m.Expr) -> Iterator[tuple[m.Expr, bool]]:
    """The expressions whose truth decides: (expression, is it negated)."""
    match test:
        case m.UnaryOp(op="not", operand=m.BoolOp()):
            return
        case m.UnaryOp(op="not", operand=operand):
            yield operand, True
        case m.BoolOp(op="or", left=left, right=right):
            yield from (found for side in (left, right) for found in _tested(side) if found[1])
        case m.BoolOp(op="and", left=left, right=right):
            yield from (found for side in (left, right) for found in _tested(side) if not found[1])
        case _:
            yield test, False


def is_user(expr: m.Expr, code: Code, consumer: Consumer, depth: int = 0) -> bool:
    """Is an expression `scope["user"]` on every way?"""
    if depth > 6:
        return False
    match expr:
        case m.Subscript(value=owner, index=m.Constant(value="user")):
            return is_scope(owner)
        case m.Name(id=name):
            scope = code.frame.scope
            bound = scope.reaching(name, expr.span) if scope.owner(name) is scope else []
            return bool(bound) and all(
                isinstance(one.source, (m.Assign, m.Walrus))
                and one.path == ()
                and one.value is not None
                and is_user(one.value, code, consumer, depth + 1)
                for one in bound
            )
        case m.Attribute(value=m.Name(id=owner), attr=attr):
            params = code.node.params
            if code.frame.owner is None or not params or params[0].name != owner or consumer.cls.defines(attr):
                return False
            assigned = consumer.cls.instance_assignments.get(attr, ())
            return bool(assigned) and all(
                value is not None and is_user(value, Code(method.node, method.frame), consumer, depth + 1)
                for _, value, method in assigned
            )
        case m.Walrus(value=value):
            return is_user(value, code, consumer, depth + 1)
        case _:
            return False


def _decides(branch: m.If, negated: bool) -> bool:
    """Does the arm for strangers refuse, or the one for users accept?"""
    strangers, users = (branch.body, branch.orelse) if negated else (branch.orelse, branch.body)
    return any(_refuses(node) for node in within(strangers)) or any(_accepts(node) for node in within(users))


def _refuses(node: m.Node) -> bool:
    if isinstance(node, (m.Return, m.Raise)):
        return True
    return isinstance(node, m.Call) and isinstance(node.func, m.Attribute) and node.func.attr == "close"


def _accepts(node: m.Node) -> bool:
    return isinstance(node, m.Call) and isinstance(node.func, m.Attribute) and node.func.attr == "accept"
