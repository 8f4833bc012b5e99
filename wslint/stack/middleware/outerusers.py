"""What Channels' AuthMiddleware makes of a user that a middleware of the project puts into the scope (M01-M03)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.names import names_in
from wslint.facts.walk import within
from wslint.location import Location
from wslint.stack.code.callers import following, preceding
from wslint.stack.code.values import CallValue, Literal
from wslint.stack.middleware.gates import Gate
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.logins import AUTHENTICATES
from wslint.stack.middleware.middleware import is_scope
from wslint.stack.middleware.passages import Passage, application_of, passages
from wslint.stack.model import Mount, Stack, Wrapper, is_test_path, is_vendored_path

LAZY = frozenset({"django.utils.functional.SimpleLazyObject", "channels.auth.UserLazyObject"})
ANONYMOUS = "django.contrib.auth.models.AnonymousUser"

_SESSION_LOGIN = (b"django.contrib.auth.urls", b"django.contrib.auth.views", b"auth_views.LoginView", b"allauth.urls")
"""Pages that surely log in by session; a LoginView may be one of an API of tokens, allauth's apps serve both."""


@dataclass(eq=False, frozen=True)
class Clash:
    """A wrapper that sets a user: "lazy" or "none" outside `auth`, or "anonymous" on either side of it."""

    kind: str
    wrapper: Wrapper
    auth: Wrapper
    write: Location
    mount: Mount


def clashes(guards: Guards) -> Iterator[Clash]:
    """One for each middleware that is applied, what fails before what is merely lost."""
    by_session = logs_in_by_session(guards.stack)
    for entry in guards.entries:
        for mount in entry.mounts:
            chain = entry.chain(mount)
            auth = next((at for at, one in enumerate(chain) if one.dotted in AUTHENTICATES), None)
            if auth is None:
                continue
            for at, wrapper in enumerate(chain):
                gate = guards.gate_of(wrapper)
                if gate is None or "user" not in gate.sets:
                    continue
                outside = at < auth and all(guards.keys_set(one) is not None for one in chain[at + 1 : auth])
                found = _worst(gate, outside, by_session)
                if found is not None:
                    yield Clash(found[0], wrapper, chain[auth], found[1], mount)


def logs_in_by_session(stack: Stack) -> bool:
    """Does the project have pages of its own on which people log in by session?"""
    found = mentions(stack.tree, _SESSION_LOGIN)
    return any(not is_test_path(path) and not is_vendored_path(path) for path in found)


def _worst(gate: Gate, outside: bool, by_session: bool) -> tuple[str, Location] | None:
    entry = application_of(gate)
    if entry is None:
        return None
    writes = [(passage, *write) for passage in passages(gate) for write in _writes(passage)]
    for kind in ("lazy", "none") if outside else ():
        for passage, node, value in writes:
            here = kind == "lazy" or (passage.node is entry[0] and _stays(node, value, passage))
            if here and _is(kind, value, passage):
                return kind, passage.at(node)
    if by_session and not _asks_for_user(gate):
        for passage, node, value in writes:
            if _is("anonymous", value, passage) and passage.node is entry[0] and _is_default(node, passage):
                return "anonymous", passage.at(node)
    return None


def _asks_for_user(gate: Gate) -> bool:
    """Does it look whether somebody else has said already who is calling?"""
    for code in gate.codes:
        nodes = list(code.nodes())
        set_here = {id(target.index) for node in nodes if isinstance(node, m.Assign)
                    for target in node.targets if isinstance(target, m.Subscript)}  # fmt: skip
        if any(isinstance(one, m.Constant) and one.value == "user" and id(one) not in set_here for one in nodes):
            return True
    return False


def _writes(passage: Passage) -> Iterator[tuple[m.Stmt, m.Expr]]:
    """The statements of a function that set the key "user", with what they set it to."""
    for node in within(passage.node.body):
        if isinstance(node, m.Assign) and node.value is not None and any(map(_is_user, node.targets)):
            yield node, node.value


def _is_user(expr: m.Node) -> bool:
    return (
        isinstance(expr, m.Subscript)
        and is_scope(expr.value)
        and isinstance(expr.index, m.Constant)
        and expr.index.value == "user"
    )


def _is(kind: str, expr: m.Expr, passage: Passage) -> bool:
    """May it be such a value, as far as all that it may be is known?"""
    found = passage.values.of(expr, passage.frame)
    match kind:
        case "lazy":
            return bool(found) and all(isinstance(one, CallValue) and one.dotted in LAZY for one in found)
        case "none":
            return any(isinstance(one, Literal) and one.value is None for one in found)
        case _:
            return any(isinstance(one, CallValue) and one.dotted == ANONYMOUS for one in found)


def _stays(write: m.Stmt, value: m.Expr, passage: Passage) -> bool:
    """Does what a statement sets reach the inner application: is it neither set again, nor looked at, nor left with?"""
    tests = [node.test for node in within(passage.node.body) if isinstance(node, m.If)]
    if isinstance(value, m.Name) and any(value.id in names_in(test) for test in tests):
        return False
    later = following(passage.node.body, write)
    if any(isinstance(node, m.Raise) or (isinstance(node, m.Return) and not _hands_on(node)) for node in later):
        return False
    return not any(_is_user(node) or (isinstance(node, m.Constant) and node.value == "user") for node in within(later))


def _hands_on(node: m.Return) -> bool:
    return any(isinstance(call, m.Call) and len(call.args) >= 3 for call in within((node,)))


def _is_default(write: m.Stmt, passage: Passage) -> bool:
    """Is a statement run when there is no token: always, or in the arm for that?"""
    body = passage.node.body
    arms = (_arm_without_token(statement) for statement in body if isinstance(statement, m.If))
    always = write in body or any(write in arm for arm in arms)
    return always and not any(map(_leaves_for_some, preceding(body, write)))


def _arm_without_token(branch: m.If) -> tuple[m.Stmt, ...]:
    """For those who lack it: of `if not token:`, `if token:`, `if token is None:`, `if b"token" in headers:`."""
    match branch.test:
        case m.UnaryOp(op="not", operand=m.Name() | m.Walrus()):
            return branch.body
        case m.Name() | m.Walrus() | m.Compare(op="in"):
            return branch.orelse
        case m.Compare(op="not in"):
            return branch.body
        case m.Compare(op="is" | "is not" as op, right=m.Constant(value=None)):
            return branch.body if op == "is" else branch.orelse
        case _:
            return ()


def _leaves_for_some(statement: m.Stmt) -> bool:
    """Does a function end here for some websockets (a test of the scope's type is for other protocols)?"""
    return any(isinstance(node, (m.Return, m.Raise)) for node in within((statement,))) and not (
        isinstance(statement, m.If)
        and any(isinstance(node, m.Constant) and node.value == "type" for node in within((statement.test,)))
    )
