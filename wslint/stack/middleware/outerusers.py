"""What Channels' AuthMiddleware makes of a user that a middleware of the project puts into the scope (M01-M03)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wslint.discover import mentions
from wslint.facts import model as m
from wslint.facts.names import names_in
from wslint.facts.walk import contains, within
from wslint.location import Location
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
    block, *around = _blocks(write, passage.node.body)
    rest = block[block.index(write) + 1 :]
    if any(isinstance(node, m.Raise) or (isinstance(node, m.Return) and not _hands_on(node)) for node in rest):
        return False
    later = [*rest]
    inner: m.Node = write
    for outer in around:
        at = next(at for at, node in enumerate(outer) if contains(node.span, inner.span))
        inner = outer[at]
        later += outer[at + 1 :]
    return not any(_is_user(node) or (isinstance(node, m.Constant) and node.value == "user") for node in within(later))


def _blocks(statement: m.Stmt, body: Sequence[m.Stmt]) -> list[Sequence[m.Stmt]]:
    """The block that a statement stands in, and those around it."""
    for node in body:
        if node is statement:
            return [body]
        if contains(node.span, statement.span):
            for block in _parts(node):
                if any(one is statement or contains(one.span, statement.span) for one in block):
                    return [*_blocks(statement, block), body]
    return [body]


def _parts(node: m.Node) -> Iterator[Sequence[m.Stmt]]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, ())
        if isinstance(block, tuple):
            yield block
    for handler in getattr(node, "handlers", ()):
        yield handler.body


def _hands_on(node: m.Return) -> bool:
    return any(isinstance(call, m.Call) and len(call.args) >= 3 for call in within((node,)))


def _is_default(write: m.Stmt, passage: Passage) -> bool:
    """Is a statement run when there is no token: always, or in the arm for that?"""
    if write in passage.node.body:
        before = passage.node.body[: passage.node.body.index(write)]
        return not any(_leaves_for_some(one) for one in before)
    for node in passage.node.body:
        if isinstance(node, m.If) and (write in node.orelse or (write in node.body and _is_absence(node.test))):
            return not any(isinstance(one, m.If) for one in node.orelse)
    return False


def _leaves_for_some(statement: m.Stmt) -> bool:
    """Does a function end here for some websockets (a test of the scope's type is for other protocols)?"""
    return any(isinstance(node, (m.Return, m.Raise)) for node in within((statement,))) and not (
        isinstance(statement, m.If)
        and any(isinstance(node, m.Constant) and node.value == "type" for node in within((statement.test,)))
    )


def _is_absence(test: m.Expr) -> bool:
    match test:
        case m.UnaryOp(op="not", operand=m.Name()):
            return True
        case m.Compare():
            return any(isinstance(node, m.Constant) and node.value is None for node in within((test,)))
        case _:
            return False
