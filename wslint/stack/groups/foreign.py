"""Groups that a client joins by a part of the URL, without anything that relates the user to what is named there.

What relates them: a comparison with the user, a query by the user or through it, a function that is given the user,
and any word for what somebody may (a permission, a member, an owner).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wslint.facts import model as m
from wslint.facts.names import last_name
from wslint.facts.walk import within
from wslint.stack.client.untrusted import Source, Sources
from wslint.stack.code.reach import Code, running
from wslint.stack.database.schema import schema_of
from wslint.stack.middleware.gates import keys_of
from wslint.stack.middleware.guards import Guards
from wslint.stack.middleware.public import is_public
from wslint.stack.middleware.strangers import gives_nothing, is_for_those_told, namer
from wslint.stack.model import Consumer, Mount, Send, Stack

_MAY = re.compile(
    r"perm|member|participa|allow|access|owner|belong|authori|invit|subscri|enrol|guard|(^|_)(can|may|check|validate|verify)_"
    r"|staff|superuser|tenant|organi[sz]ation|^(is|in)_(in_|of_)?(room|chat|group|party|game|user)",
    re.IGNORECASE,
)
"""Names by which code asks what somebody may."""

_USER = re.compile(
    r"^_?((current|request|auth|connected|my|own)_)?"
    r"(user|me|player|profile|account|customer|student|teacher|driver)(_?(id|pk|name))?$"
)
"""Names that mean the one who is calling."""

_NAMES_USER = re.compile(r"^(user|to_user|owner|recipient|receiver|account|profile)(_?(id|pk|name|uuid))?$|^uid$")
"""Names of URL parts that name a user."""

_TELLS = re.compile(
    r"^_?(a?save|a?create|store|record|log|send|notify|broadcast|publish|emit|add|remove|set|update|mark|serialize|format"
    r"|get_(user|display|avatar|name|full_?name|profile|email))"
)
"""Functions of the project that are given the user to keep or to tell it, not to ask."""

_SAYS_NOTHING = frozenset(
    "str int repr format print debug info warning error exception send send_json dumps group_add group_discard "
    "group_send create acreate save asave add aadd remove aremove append discard getattr hasattr isinstance "
    "get_username database_sync_to_async sync_to_async async_to_sync setdefault update aupdate".split()
)
"""Calls that are given the user and do not ask what it may."""


@dataclass(eq=False, frozen=True)
class ForeignJoin:
    """A join of a group named by `key` of the URL; `owned`: that names a user, or an object of users."""

    consumer: Consumer
    join: Send
    key: str
    source: Source
    owned: bool


def foreign_joins(stack: Stack, consumer: Consumer) -> list[ForeignJoin]:
    """The joins of a consumer, one for each part of the URL; found once."""
    made: dict[int, list[ForeignJoin]] = stack.__dict__.setdefault("_foreign_joins", {})
    if id(consumer) not in made:
        made[id(consumer)] = list(_foreign_joins(stack, consumer))
    return made[id(consumer)]


def _foreign_joins(stack: Stack, consumer: Consumer) -> Iterator[ForeignJoin]:
    guards = Guards.of(stack)
    mounts = [one for one in consumer.mounts if one.application in guards.served and one.protocol == "websocket"]
    if not mounts or not consumer.complete or consumer.kind not in ("websocket", "json"):
        return
    if any(is_public(mount, stack.config.public_routes) or is_for_those_told(mount) for mount in mounts):
        return
    codes = _running(consumer, guards)
    found = dict(_joins(stack, consumer, codes))
    if not found or guards.hands_scope_on(codes) or guards.checks_token(consumer.cls) or _looks_at_url(mounts, guards):
        return
    asking = _Asking(frozenset(found))
    if any(asking.relates(code) for code in codes):
        return
    looks = any(key == "user" for _, key, _, _ in keys_of(codes, stack))
    if not looks and gives_nothing(consumer, stack) and not any(_NAMES_USER.search(key) for key in found):
        return  # news for everybody
    known = all(namer(mount, guards) is not None for mount in mounts)
    for key, (join, source, texts) in found.items():
        owned = bool(_NAMES_USER.search(key)) or (looks and _is_of_users(key, texts, schema_of(stack).of_users))
        if not owned and key.endswith("name"):
            continue  # who says a name makes the group
        yield ForeignJoin(consumer, join, key, source, known and owned)


def _running(consumer: Consumer, guards: Guards) -> list[Code]:
    """A consumer's code without the methods of its bases that it overrides."""
    own = {id(code.node) for code in running(consumer.cls)}
    codes = guards.consumer_code(consumer.cls)
    return [code for code in codes if id(code.node) in own or code.frame.owner not in consumer.cls.ancestry]


def _joins(
    stack: Stack, consumer: Consumer, codes: list[Code]
) -> Iterator[tuple[str, tuple[Send, Source, tuple[str, ...]]]]:
    """The joins of groups by a part of the URL, with that part."""
    own, sources = {id(code.node) for code in codes}, Sources(stack)
    for join in reversed(stack.joins):
        if join.inside is not None and id(join.inside.node) in own and not join.in_tests:
            for group in join.groups:
                for hole in group.holes:
                    source = sources.of(hole, consumer)
                    if source is not None and source.kind == "kwarg":
                        yield source.name, (join, source, group.texts)


def _looks_at_url(mounts: list[Mount], guards: Guards) -> bool:
    """Is there a middleware that may decide by what the URL names?"""
    gates = (guards.gate_of(wrapper) for mount in mounts for wrapper in mount.wrappers)
    return any(key in ("path", "url_route") for gate in gates if gate is not None for _, key, _, _ in gate.keys)


@dataclass(eq=False, frozen=True)
class _Asking:
    """Looks for what relates the user to something; `keys` are the parts of the URL.

    A name that is one of the keys means what the client wrote, not the one who is calling.
    """

    keys: frozenset[str]

    def relates(self, code: Code) -> bool:
        if _MAY.search(code.node.name) or (code.node.name == "connect" and code.node.decorators):
            return True
        return any(self._asks(node) for node in code.nodes())

    def _asks(self, node: m.Node) -> bool:
        match node:
            case m.Attribute(attr=name) | m.Name(id=name):
                return name not in self.keys and _MAY.search(name) is not None
            case m.Compare(left=left, right=right):
                return not _is_nobody(right) and any(self._is_user(side) for side in (left, right))
            case m.Call(func=func, args=args):
                owner = func.value if isinstance(func, m.Attribute) else None
                if isinstance(owner, m.Attribute) and self._is_user(owner.value):
                    return True  # `user.rooms.get(…)`
                name = last_name(func)
                plain = name in _SAYS_NOTHING or name[:1].isupper() or _TELLS.search(name)
                return not plain and any(self._is_user(arg.value) for arg in args)
            case _:
                return False

    def _is_user(self, expr: m.Expr) -> bool:
        """Does an expression mean the user, or something of it?"""
        for node in within((expr,)):
            match node:
                case m.Subscript(index=m.Constant(value="user")):
                    return True
                case m.Attribute(attr=name) | m.Name(id=name) if name not in self.keys and _USER.search(name):
                    return True
                case _:
                    pass
        return False


def _is_nobody(expr: m.Expr) -> bool:
    """`None` or `AnonymousUser()`."""
    if isinstance(expr, m.Call):
        return last_name(expr.func) == "AnonymousUser"
    return isinstance(expr, m.Constant) and expr.value is None


def _is_of_users(key: str, texts: tuple[str, ...], models: frozenset[str]) -> bool:
    """Does a part of the URL name an object of a model that belongs to users?"""
    stem = re.sub(r"_?(id|pk|name|slug)$", "", key) or (re.findall(r"[a-zA-Z]+", "".join(texts)) or [""])[-1]
    word = stem.replace("_", "").lower()
    return len(word) > 2 and any(name.lower() == word or name.lower().endswith(word) for name in models)
