"""Where a user whom the client names is taken for the client: `scope["user"]`, the one who logs in, an author."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.walk import within
from wslint.location import Location
from wslint.stack.client.claims import Claim, Claims
from wslint.stack.code.reach import Code
from wslint.stack.code.values import Frame, argument
from wslint.stack.consumers.handling import Run
from wslint.stack.middleware.middleware import is_scope

_SPEAKERS = frozenset(
    "author sender from_user user_from created_by sent_by posted_by written_by writer commenter voter creator".split()
)
"""Fields that say whose word something is."""


@dataclass(eq=False, frozen=True)
class Taken:
    """A user that is taken for the client: where, by which node, and what of the client's says so."""

    place: Location
    use: m.Node
    claim: Claim
    what: str


def identities(node: m.FunctionDef, frame: Frame, claims: Claims) -> Iterator[Taken]:
    """The users of the client's choice that become `scope["user"]`."""
    for found in within(node.body):
        match found:
            case m.Assign(targets=(m.Subscript(value=owner, index=m.Constant(value="user")),), value=value):
                user, what = value if is_scope(owner) else None, '`scope["user"]`'
            case m.Call(func=func) if claims.values.dotted(func, frame) == "channels.auth.login":
                user, what = argument(found, 1, "user"), "the one who logs in"
            case _:
                continue
        claim = None if user is None else claims.user(user, frame)
        if user is not None and claim is not None:
            yield Taken(frame.at(user), found, claim, what)


def speakers(run: Run, claims: Claims) -> Iterator[Taken]:
    """The users of the client's choice whose word something is that is saved."""
    for node in within(run.node.body):
        if not isinstance(node, m.Call):
            continue
        given = [arg for arg in node.args if (arg.keyword or "").removesuffix("_id") in _SPEAKERS]
        model = claims.made(node, run.frame) if given else None
        for arg in given if model is not None else ():
            assert model is not None and arg.keyword is not None
            claim = claims.user(arg.value, run.frame)
            if claim is None and arg.keyword.endswith("_id"):
                relation = claims.orm.schema.relation(model, arg.keyword.removesuffix("_id"))
                if relation is not None and claims.is_person(relation.target, run.frame):
                    claim = claims.of(arg.value, run.frame)
            if claim is not None:
                yield Taken(run.at(arg.value), node, claim, f"`{arg.keyword}` of {model.name}")


def is_compared(claim: Claim, codes: list[Code], claims: Claims) -> bool:
    """Is what the client says compared with something, anywhere?"""
    for code in codes:
        for node in code.nodes():
            if isinstance(node, m.Compare):
                for side, other in ((node.left, node.right), (node.right, node.left)):
                    said = None if isinstance(other, m.Constant) else claims.of(side, code.frame)
                    if said is not None and (said.key, said.source) == (claim.key, claim.source):
                        return True
    return False
